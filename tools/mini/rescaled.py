"""Make a copy of mini whose text states have other norms, and which draws the same images."""

import shutil
from pathlib import Path

from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTextModel

from iceb.base.digest import digest
from tools.mini.scaling import Norms, measure_norms, scale_states
from tools.mini.tokenizer import make_tokenizer

ENCODER = Path("text_encoder") / "model.safetensors"
UNET = Path("unet") / "diffusion_pytorch_model.safetensors"


def rescaled_copy(folder: Path, revision: str, out: Path, final: float | None, stream: float | None) -> Path:
    """Copy a pipeline folder below `out`, scale the copy to norms of the states, and return its folder.

    Args:
        folder: a pipeline folder of mini's form.
        revision: digest of its content; a copy that exists is used.
        out: where copies are kept.
        final: norm of the final states; None for the folder's own.
        stream: norm of the stream before the final layer norm; None for the folder's own.
    """
    copy = out / digest({"of": revision, "final": final, "stream": stream})[:16]
    if copy.is_dir():
        return copy
    encoder = _load_encoder(folder)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False).float()
    scale_states(encoder, make_tokenizer(out / "tokenizer"), unet, final, stream)
    half_done = copy.with_suffix(".part")
    shutil.rmtree(half_done, ignore_errors=True)
    shutil.copytree(folder, half_done)
    _save(encoder, half_done / ENCODER)
    _save(unet, half_done / UNET)
    return half_done.rename(copy)


def pipeline_norms(folder: Path, scratch: Path) -> Norms:
    """The norms of a pipeline folder's states."""
    return measure_norms(_load_encoder(folder), make_tokenizer(scratch / "tokenizer"))


def _load_encoder(folder: Path) -> CLIPTextModel:
    return CLIPTextModel.from_pretrained(folder / "text_encoder").float()


def _save(part: nn.Module, path: Path) -> None:
    weights = {name: value.detach().half().contiguous() for name, value in part.state_dict().items()}
    save_file(weights, path, metadata={"format": "pt"})
