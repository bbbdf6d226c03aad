"""Numbers made by the authors' code on a tiny random model; read from outside the checkout and never committed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.outside import PARITY as VARIABLE
from tests.outside import parity_folder

PARITY = parity_folder()
ABSENT = f"parity vectors are not at {PARITY}: name their folder with {VARIABLE} to compare with the authors' code"


def vectors(group: str) -> list[str]:
    """Names of the vectors of a group; [""] where the folder is absent, so that one test says so."""
    found = sorted(path.name for path in (PARITY / group).glob("*/") if (path / "input.json").exists())
    return found or [""]


@dataclass(frozen=True)
class Vector:
    """One folder of numbers."""

    folder: Path

    @property
    def input(self) -> Any:
        """input.json."""
        return json.loads((self.folder / "input.json").read_text(encoding="utf-8"))

    def tensors(self, name: str) -> dict[str, Tensor]:
        """NAME.safetensors; {} where the vector has none."""
        path = self.folder / f"{name}.safetensors"
        return load_file(path) if path.exists() else {}


@pytest.fixture(scope="session")
def parity() -> Path:
    """The folder of vectors; skips the test where it is absent."""
    if not PARITY.is_dir():
        pytest.skip(ABSENT)
    return PARITY


@pytest.fixture(scope="session")
def authors_model(parity):
    """The tiny pipeline's parts: (text tower, denoiser)."""
    from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    from iceb.methods.common.denoiser import Denoiser
    from iceb.methods.common.text_encoder import TextTower

    torch.set_num_threads(1)
    folder = parity / "models" / "tiny-sd"
    encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval()
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    vae = AutoencoderKL.from_pretrained(folder / "vae").eval()
    for part in (encoder, unet, vae):
        part.requires_grad_(False)
    tower = TextTower(encoder, CLIPTokenizer.from_pretrained(folder / "tokenizer"))
    return tower, Denoiser(unet, vae, PNDMScheduler.from_pretrained(folder / "scheduler"))


def apart(found: Tensor, wanted: Tensor) -> float:
    """Relative Frobenius difference."""
    found, wanted = found.detach().double(), wanted.double()
    return float((found - wanted).norm() / wanted.norm())
