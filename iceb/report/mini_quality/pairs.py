"""Measure images of two objects: whether both are there, each with the colour the text gives it.

Each half of an image is judged by itself, as an image of one object (`iceb.mini.halves`), by the classifier that was
trained on halves too. No text takes part in the answer, as it would with an image-text model, which may bind colours as
badly as the model that it judges.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from iceb.mini.halves import halves
from iceb.mini.render import render
from iceb.mini.world import COLOURS, Look, class_look, class_names, class_thing
from iceb.models.drawing import seeded_images
from iceb.report.mini_quality.classes import GROUNDS, UNSEEN_SEED, MiniReport

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class Colours(NamedTuple):
    """Shares of images of two objects by where the two colours that were said are."""

    bound: float  # each on its own object
    swapped: float  # each on the other object


@dataclass(frozen=True)
class PairReport:
    """The measurements on images of two objects."""

    report: MiniReport

    def judge_accuracy(self, count: int, seed: int = UNSEEN_SEED) -> float:
        """Measure the judge's accuracy on the halves of `count` rendered images of two objects."""
        labels = _labels(count, np.random.default_rng(seed))
        grounds = np.random.default_rng(seed + 1).choice(GROUNDS, count)
        shown = [render(_pair_look(labels[k], str(grounds[k])), seed + k) for k in range(count)]
        return float((self._classes(np.stack(shown)) == labels).mean())

    def objects_right(self, count: int, seed: int = 0) -> float:
        """Measure the share of images of "a <name> next to a <name>" whose halves show these classes."""
        labels = _labels(count, np.random.default_rng(seed))
        texts = [f"a {class_names()[left]} next to a {class_names()[right]}" for left, right in labels.tolist()]
        return float((self._classes(self._draw(texts, seed)) == labels).all(axis=1).mean())

    def colours_bound(self, count: int, seed: int = 0) -> Colours:
        """Measure where the colours are in images of "a <colour> <name> next to a <other colour> <name>".

        Only the colours of the halves count, not their shapes. No colour that is said is the own one of either class.
        """
        draw = np.random.default_rng(seed)
        labels = _labels(count, draw)
        asked = [_other_colours(pair, draw) for pair in labels.tolist()]
        texts = [
            f"a {first} {class_names()[left]} next to a {second} {class_names()[right]}"
            for (first, second), (left, right) in zip(asked, labels.tolist(), strict=True)
        ]
        seen = self._classes(self._draw(texts, seed))
        found = [tuple(class_look(label).colour for label in pair) for pair in seen.tolist()]
        return Colours(
            float(np.mean([pair == said for pair, said in zip(found, asked, strict=True)])),
            float(np.mean([pair == said[::-1] for pair, said in zip(found, asked, strict=True)])),
        )

    def _draw(self, texts: list[str], seed: int) -> Pixels:
        bundle = self.report.bundle
        return seeded_images(bundle, texts, range(seed, seed + len(texts)), bundle.family.sampling)

    def _classes(self, images: Pixels) -> Labels:
        """The classes of the left and the right object, (N, 2)."""
        cut = np.stack([half for image in images for half in halves(image)])
        return self.report.classes_of(cut).reshape(-1, 2)


def _labels(count: int, draw: np.random.Generator) -> Labels:
    """Two different classes for each image, (N, 2)."""
    return np.stack([draw.choice(1000, 2, replace=False) for _ in range(count)])


def _pair_look(pair: Labels, scene: str) -> Look:
    first, second = (int(label) for label in pair)
    return replace(class_look(first), scene=scene, second=class_thing(second))


def _other_colours(pair: list[int], draw: np.random.Generator) -> tuple[str, str]:
    """Two different colours, neither of which is a class's own."""
    own = {class_look(label).colour for label in pair}
    first, second = draw.choice([colour for colour in COLOURS if colour not in own], 2, replace=False)
    return str(first), str(second)
