"""Make and store mini's CLIP twin: an open_clip model from a configuration of our own.

Sizes: B texts, T tokens, d features of the common space.
"""

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file
from torch import Tensor

from iceb.base.files import write_atomic

EMBED = 128
WIDTH, HEADS, LAYERS = 96, 4, 4  # of the image tower
TEXT_WIDTH, TEXT_LAYERS = 96, 3
CONFIGURATION: dict[str, Any] = {
    "embed_dim": EMBED,
    "vision_cfg": {
        "image_size": 32,
        "patch_size": 4,
        "width": WIDTH,
        "head_width": WIDTH // HEADS,
        "layers": LAYERS,
        "mlp_ratio": 8 / 3,
    },
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": TEXT_WIDTH,
        "heads": HEADS,
        "layers": TEXT_LAYERS,
    },
}
HALF = [0.5, 0.5, 0.5]
PREPARATION = {"mean": HALF, "std": HALF, "interpolation": "bilinear", "resize_mode": "squash"}


def new_network() -> open_clip.CLIP:
    """Make the untrained model: two transformers of width 96, on 4x4 patches and on CLIP's byte pairs."""
    return open_clip.CLIP(**CONFIGURATION)


def tokenizer() -> open_clip.tokenizer.SimpleTokenizer:
    """Make CLIP's tokenizer, which open_clip ships."""
    return open_clip.tokenizer.SimpleTokenizer(context_length=CONFIGURATION["text_cfg"]["context_length"])


def encode_trimmed(network: open_clip.CLIP, ids: Tensor) -> Tensor:
    """Embed texts, (B, T) → (B, d), as `network.encode_text` does, without padding they all share.

    No token attends to later ones, so what stands behind the end token changes nothing.
    """
    end = ids.argmax(dim=-1)  # the end token has the highest number
    ids = ids[:, : int(end.max()) + 1]
    states = network.token_embedding(ids) + network.positional_embedding[: ids.shape[1]]
    states = network.transformer(states, attn_mask=network.attn_mask[: ids.shape[1], : ids.shape[1]])
    embedded: Tensor = network.ln_final(states)[torch.arange(len(ids)), end] @ network.text_projection
    return embedded


def save_network(network: open_clip.CLIP, folder: Path) -> None:
    """Write a folder that `open_clip.create_model("local-dir:FOLDER")` loads, in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {"model_cfg": CONFIGURATION, "preprocess_cfg": PREPARATION}
    write_atomic(folder / "open_clip_config.json", (json.dumps(said, indent=2) + "\n").encode("utf-8"))
    weights = {name: weight.half().contiguous() for name, weight in network.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors", metadata={"format": "pt"})
