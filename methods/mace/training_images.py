"""Training images of concepts, drawn by the unedited model and stored."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias

import numpy as np

from iceb.base.progress import stage
from iceb.methods.common.seeding import content_seed
from iceb.methods.common.stored_parts import stored_part
from iceb.methods.mace.concepts import Concept
from iceb.models.drawing import seeded_images
from iceb.specs.methods import Bundle, Scratch
from iceb.specs.runs import Sampling

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
AT_ONCE = 64  # images


def sampling_of(bundle: Bundle, steps: int) -> Sampling:
    """The sampling of training images: the authors' DPM-Solver++ at the family's size and guidance."""
    family: Sampling = bundle.family.sampling
    return replace(family, scheduler="dpm++", steps=steps, noise="per_image")


def seeds(concept: Concept, count: int) -> list[int]:
    """The seed of each image.

    Deviation: the authors' images are unseeded (their generator is made and not passed).
    """
    return [content_seed({"mace image": concept.seed, "index": index}) for index in range(count)]


class TrainingImages:
    """Draws `count` images of each concept, once per model.

    Args:
        bundle: the unedited model.
        scratch: where they are kept.
        count: images a concept.
        steps: denoising steps an image.
    """

    def __init__(self, bundle: Bundle, scratch: Scratch, count: int, steps: int) -> None:
        self.bundle, self.count = bundle, count
        self.scratch = scratch.depends_on()  # all that decides an image is in its key
        self.sampling = sampling_of(bundle, steps)
        self.model = bundle.digest

    def key(self, concept: Concept) -> dict[str, Any]:
        """The scratch key of a concept's images."""
        return {
            "what": "mace training images",
            "model": self.model,
            "prompt": concept.image_prompt,
            "seed": concept.seed,
            "count": self.count,
            "sampling": asdict(self.sampling),
        }

    def fetch(self, concepts: Sequence[Concept]) -> None:
        """Draw and store the images of these concepts."""
        missing = [concept for concept in concepts if self.scratch.get(self.key(concept)) is None]
        together = max(1, AT_ONCE // self.count)  # concepts
        with stage("training images", len(missing) * self.count) as advance:
            for start in range(0, len(missing), together):
                part = missing[start : start + together]
                for concept, drawn in zip(part, np.split(self._draw_images(part), len(part)), strict=True):
                    self.scratch.put(self.key(concept), drawn)
                advance(len(part) * self.count)

    def __call__(self, concept: Concept) -> Array:
        """The images of a concept, (count, H, W, 3) uint8."""
        self.fetch([concept])
        return stored_part(self.scratch, self.key(concept))

    def _draw_images(self, concepts: Sequence[Concept]) -> Array:
        texts = [concept.image_prompt for concept in concepts for _ in range(self.count)]
        each = [seed for concept in concepts for seed in seeds(concept, self.count)]
        return seeded_images(self.bundle, texts, each, self.sampling)
