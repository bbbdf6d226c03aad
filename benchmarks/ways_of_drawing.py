"""Ways of drawing images into files that are compared: diffusers' pipeline as one calls it, and ours."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from random_model import Shape, random_pipeline
from torch.utils.flop_counter import FlopCounterMode

from iceb.models.bundle import ModelBundle
from iceb.models.drawing import seeded_images
from iceb.models.families import FAMILIES
from iceb.models.generator import Generator
from iceb.models.loading import DTYPES, lay_out
from iceb.specs.prompts import Prompt
from iceb.stores.images import ImageStore

ONE, SEVERAL, OURS = "diffusers, one at a time", "diffusers, several at a time", "iceb"
FEW = 4  # steps, at which floating-point operations are counted; a further step costs the same at any number
PASSES = 2  # of ours in one round, so that files are written beside drawing


class Ways:
    """Ways of drawing images into files: diffusers' pipeline as one calls it, and ours.

    Each has a pipeline of its own with the same weights, for ours lays its weights out for the GPU.
    """

    def __init__(self, shape: Shape, device: torch.device) -> None:
        self.shape, self.folder = shape, tempfile.TemporaryDirectory()
        dtype = DTYPES[shape.dtype]
        self.theirs = random_pipeline(shape, device, dtype)
        ours = random_pipeline(shape, device, dtype)
        lay_out(ours, device)
        self.bundle = ModelBundle.of_pipeline(ours, FAMILIES["sd14"])
        self.calls = 0
        self.all: Mapping[str, Callable[[], object]] = {
            ONE: lambda: self.by_diffusers(1),
            SEVERAL: lambda: self.by_diffusers(shape.together),
            OURS: self.by_iceb,
        }

    @property
    def size(self) -> int:
        """Images in one pass of ours."""
        return self.bundle.images_per_pass.size

    def by_diffusers(self, count: int, steps: int | None = None, keep: bool = True) -> None:
        """Draw images in one call of diffusers' pipeline."""
        sampling, texts = self.shape.sampling, self.texts(count)
        images = self.theirs(
            texts,
            num_inference_steps=steps or sampling.steps,
            guidance_scale=sampling.guidance,
            height=sampling.height,
            width=sampling.width,
        ).images
        for text, image in zip(texts, images, strict=True):
            if keep:
                image.save(Path(self.folder.name) / f"{text}.png")

    def by_iceb(self) -> None:
        """Draw images of whole passes as a run does."""
        prompts = [Prompt(text, 0, "source") for text in self.texts(PASSES * self.size)]
        generator = Generator(ImageStore(Path(self.folder.name)))
        generator.draw(self.bundle, prompts, self.shape.sampling)

    def texts(self, count: int) -> list[str]:
        """Texts that were not drawn before."""
        self.calls += 1
        return [f"a photo of thing {self.calls} {place}" for place in range(count)]

    def operations(self, name: str) -> float:
        """Floating-point operations that one image of a way takes, by count at few steps and one more."""
        few, one_more = (self._operations_at(name, FEW + more) for more in (0, 1))
        return few + (self.shape.sampling.steps - FEW) * (one_more - few)

    def _operations_at(self, name: str, steps: int) -> float:
        count = {ONE: 1, SEVERAL: self.shape.together, OURS: self.size}[name]
        sampling = replace(self.shape.sampling, steps=steps)
        with FlopCounterMode(display=False) as counter:
            if name == OURS:
                seeded_images(self.bundle, self.texts(count), range(count), sampling)
            else:
                self.by_diffusers(count, steps, keep=False)
        return counter.get_total_flops() / count
