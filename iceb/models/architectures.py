"""Shapes of Stable Diffusion 1.4 and SDXL without weights, for counting work and memory.

Each model is written out as the arguments of its classes that differ from the classes' defaults. The facts are those of
the `config.json` files of the families' repositories at their pinned revisions (`iceb/models/families.py`);
tests compare the numbers of parameters with the published ones.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from iceb.base.errors import ModelError

_VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}
_CLIP_L: dict[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "quick_gelu",
    "projection_dim": 768,
    "vocab_size": 49408,
    "max_position_embeddings": 77,
}
_CLIP_BIG_G: dict[str, Any] = _CLIP_L | {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "hidden_act": "gelu",
    "projection_dim": 1280,
}
_UNET_SD: dict[str, Any] = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    "layers_per_block": 2,
    "attention_head_dim": 8,  # the number of heads, for all its name
    "cross_attention_dim": 768,
}
_UNET_SDXL: dict[str, Any] = {
    "sample_size": 128,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "layers_per_block": 2,
    "attention_head_dim": (5, 10, 20),
    "transformer_layers_per_block": (1, 2, 10),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
ARCHITECTURES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "sd14": {"unet": _UNET_SD, "vae": _VAE, "text_encoder": _CLIP_L},
    "sdxl": {"unet": _UNET_SDXL, "vae": _VAE, "text_encoder": _CLIP_L, "text_encoder_2": _CLIP_BIG_G},
}
SAME_SHAPES = {"sd15": "sd14"}  # families with another's shapes


def shapes_of(family: str) -> str | None:
    """The family whose shapes are written out for a family; None where none are."""
    name = SAME_SHAPES.get(family, family)
    return name if name in ARCHITECTURES else None


def empty_part(family: str, part: str, dtype: torch.dtype = torch.float32) -> nn.Module:
    """One part of a model on torch's meta device, frozen: shapes, and no memory.

    Args:
        family: one with shapes.
        part: "unet", "vae", "text_encoder" or "text_encoder_2".

    Raises:
        ModelError: no shapes are written out.
    """
    known = ARCHITECTURES.get(shapes_of(family) or "", {})
    if part not in known:
        raise ModelError(f"shapes of {family}'s {part}: there are none; take one of {', '.join(ARCHITECTURES)}")
    with torch.device("meta"):
        made = _make(part, known[part])
    nn.Module.to(made, dtype)  # not the class's own, which warns of layers in other formats
    return made.requires_grad_(False).eval()


def _make(part: str, settings: Mapping[str, Any]) -> nn.Module:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    if part == "unet":
        unet: nn.Module = UNet2DConditionModel(**settings)
        return unet
    if part == "vae":
        vae: nn.Module = AutoencoderKL(**settings)
        return vae
    kind: Any = CLIPTextModelWithProjection if part == "text_encoder_2" else CLIPTextModel
    text: nn.Module = kind(CLIPTextConfig(**settings, attn_implementation="sdpa"))
    return text


def parameter_count(family: str) -> dict[str, int]:
    """The number of parameters of each part."""
    parts = ARCHITECTURES[shapes_of(family) or family]
    return {part: sum(each.numel() for each in empty_part(family, part).parameters()) for part in parts}
