"""Rows about classes: what the judge sees in images that the model draws, and in rendered ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from iceb.mini.render import render
from iceb.mini.styles import style_look, style_names
from iceb.mini.world import COLOURS, PLAIN, SCENES, Look, class_look, class_names, look_index, recolour
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import seeded_images
from iceb.registry import load
from iceb.report.mini_quality.patching import PATCHED_LAYER, Swap, patched_images
from iceb.specs.metrics import Measure, MeasureInput
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest

AT_ONCE = 64
GROUNDS = (PLAIN, *SCENES)
UNSEEN_SEED = 10_000_000  # of images that no stage of training draws
Probabilities = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Renders = Literal["plain", "styled", "decoded"]


@dataclass(frozen=True)
class MiniReport:
    """The embedded model and its judge, with the measurements.

    Args:
        bundle: the unedited model.
        judge: image → probabilities of the 1 000 classes.
    """

    bundle: ModelBundle
    judge: Measure

    @classmethod
    def of(cls, bundle: ModelBundle) -> "MiniReport":
        """Make the report with the judge that mini's family names."""
        return cls(bundle, load("measures", bundle.family.measures["imagenet_classifier"])())

    def right_class(self, prompts: Sequence[Prompt]) -> float:
        """Measure the mean probability of the class that each prompt names."""
        found = self._judge(prompts)  # (N, 1000)
        return float(found[np.arange(len(prompts)), [prompt.label or 0 for prompt in prompts]].mean())

    def judge_accuracy(self, count: int, kind: Renders = "plain", seed: int = UNSEEN_SEED) -> float:
        """Measure the judge's accuracy on `count` rendered images that were not in its training set.

        Args:
            kind: "plain" for a class on some ground, "styled" for one in some style too, "decoded" for plain images
                that have been through the autoencoder.
        """
        draw = np.random.default_rng(seed)
        labels = draw.integers(1000, size=count)
        shown = np.stack([render(_rendered_look(int(i), kind, draw), seed + k) for k, i in enumerate(labels)])
        shown = decode_images(self.bundle, shown) if kind == "decoded" else shown
        return float((self.classes_of(shown) == labels).mean())

    def colour_obeyed(self, count: int, seed: int = 0) -> float:
        """Measure the share of images of "a photo of a <colour> <name>" that the judge recognises as such."""
        draw = np.random.default_rng(seed)
        prompts = [_colour_prompt(int(label), draw) for label in draw.choice(1000, count, replace=False)]
        hits = self._judge(prompts).argmax(axis=1) == [prompt.label for prompt in prompts]
        return float(hits.mean())

    def patch_success(self, requests: Sequence[EditRequest], layer: int = PATCHED_LAYER) -> float:
        """Measure the share of images that show the destination when one state of the source is patched.

        The image counts if the judge's first answer is the destination's class.
        """
        swaps = [Swap("a photo of {}", each.source, each.dests[0], each.seed) for each in requests]
        hits = self.classes_of(patched_images(self.bundle, swaps, layer)) == [each.dest_label for each in requests]
        return float(hits.mean())

    def classes_of(self, images: Pixels) -> npt.NDArray[np.int64]:
        """The judge's first answer for each image, (N,)."""
        return np.asarray(self.probabilities_of(images).argmax(axis=1))

    def probabilities_of(self, images: Pixels) -> Probabilities:
        """The judge's probabilities of the 1 000 classes for each image, (N, 1000)."""
        return np.asarray(self.judge([MeasureInput(image) for image in images]), dtype=np.float32)

    def _judge(self, prompts: Sequence[Prompt]) -> Probabilities:
        sampling = self.bundle.family.sampling
        texts, seeds = [prompt.text for prompt in prompts], [prompt.seed for prompt in prompts]
        return self.probabilities_of(seeded_images(self.bundle, texts, seeds, sampling))


@torch.inference_mode()
def decode_images(bundle: ModelBundle, images: Pixels) -> Pixels:
    """Encode images, (N, H, W, 3) uint8, by the model's autoencoder, and decode them again."""
    vae, found = bundle.pipeline.vae, []
    for start in range(0, len(images), AT_ONCE):
        batch = torch.from_numpy(images[start : start + AT_ONCE]).to(bundle.device, bundle.dtype)
        latents = vae.encode(batch.permute(0, 3, 1, 2) / 127.5 - 1).latent_dist.mean
        again: Tensor = vae.decode(latents).sample.clamp(-1, 1) * 127.5 + 127.5
        found.append(again.round().byte().permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(found)


def _rendered_look(label: int, kind: Renders, draw: np.random.Generator) -> Look:
    look = replace(class_look(label), scene=str(draw.choice(GROUNDS)))
    return replace(look, style=style_look(int(draw.integers(len(style_names()))))) if kind == "styled" else look


def _colour_prompt(label: int, draw: np.random.Generator) -> Prompt:
    look = class_look(label)
    colour = str(draw.choice([c for c in COLOURS if c != look.colour]))
    text = f"a photo of a {colour} {class_names()[label]}"
    shown = look_index(recolour(look, colour))
    return Prompt(text=text, seed=int(draw.integers(2**31)), role="caption", label=shown)
