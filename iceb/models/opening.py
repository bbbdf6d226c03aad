"""Open a model for a run: on a GPU with kernels that give the same bits every time."""

import os

import torch

from iceb.models.bundle import ModelBundle
from iceb.models.sources import Source

FAST = "ICEB_FAST_KERNELS"  # set to anything: cuDNN stays as torch has it


def open_model(source: Source, device: str = "auto", images_per_pass: int | None = None) -> ModelBundle:
    """A bundle of a model, as `ModelBundle` makes it; the kernels of its device are chosen."""
    bundle = ModelBundle(source, device, images_per_pass)
    choose_kernels(bundle.device)
    return bundle


def choose_kernels(device: torch.device) -> None:
    """Have a GPU's convolutions computed by deterministic kernels from now on.

    `ICEB_FAST_KERNELS` in the environment leaves them as torch has them. It is for the process, and stays: keys of
    images and edits read these modes of torch before, while and after either is made, and must find the same. A CPU's
    kernels are not touched.
    """
    if device.type == "cuda" and not os.environ.get(FAST):
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
