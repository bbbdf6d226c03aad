"""Metrics of a user's own requests: shares of images, each concept judged by the judge that knows it.

Prompts with the tag "class" are judged by a classifier: an image shows a class whose probability is above one half.
Those with the tag "text" are judged by CLIP: of two texts, the image shows the one with the larger cosine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError
from iceb.metrics.image_means import ImageMean
from iceb.metrics.rows import Floats, finite_column
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import ConceptValue, Part, Reduction

CLASSIFIER, TEXTS, DISTANCE = "imagenet_classifier", "clip_l14", "lpips_alex"
BY_CLASS, BY_TEXT, ERASED = "class", "text", "erased"  # tags of prompts
HALF = 0.5  # probability above which an image shows a class
Wanted = Literal["label", "target"]
Shown: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ShownShare:
    """Share of images that show, or do not show, a concept; before and after the edit, the value after it.

    Attributes:
        role: of the prompts.
        of: the concept that the prompt names ("label"), or the request's destination ("target").
        shown: whether images that show it count, or those that do not.
    """

    name: str
    role: str
    of: Wanted
    shown: bool = True
    version: int = 1
    higher_is_better: bool = True

    unit: ClassVar[str] = "share of images"
    paper: ClassVar[str] = ""

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads, by judge."""
        return (
            Need(CLASSIFIER, self.role, tags=(BY_CLASS,), name=BY_CLASS),
            Need(TEXTS, self.role, tags=(BY_TEXT,), name=BY_TEXT),
        )

    @property
    def reduction(self) -> Reduction:
        """The mean over images, after the edit."""
        return Reduction({self.role: Part(1.0, "after")})

    @property
    def asks_dest(self) -> bool:
        """Whether the metric concerns the destination."""
        return self.of == "target"

    def counts(self, prompt: Prompt) -> bool:
        """Whether there is such a concept: no destination where the request only erases."""
        return self.of == "label" or _has_dest(prompt)

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each concept's share before and after; of a destination, none where the request only erases."""
        hits: dict[tuple[str, int], list[tuple[bool, bool]]] = {}
        for kind in (BY_CLASS, BY_TEXT):
            before, after = measured[kind][BEFORE], measured[kind][AFTER]
            places = [place for place, prompt in enumerate(after.prompts) if self.counts(prompt)]
            both = zip(*(self._hits(kind, side, places) for side in (before, after)), strict=True)
            for place, (was, now) in zip(places, both, strict=True):
                prompt = after.prompts[place]
                hits.setdefault((prompt.cluster, prompt.replicate), []).append((bool(was), bool(now)))
        return tuple(
            ConceptValue(concept, self.role, *_shares(found), n=len(found), replicate=replicate)
            for (concept, replicate), found in hits.items()
        )

    def _hits(self, kind: str, side: Measured, places: Sequence[int]) -> Shown:
        if not places:
            return np.zeros(0, np.bool_)
        prompts, values = [side.prompts[place] for place in places], side.values[list(places)]
        found = self._by_class(prompts, values) if kind == BY_CLASS else self._by_text(values)
        agreed: Shown = found == self.shown
        return agreed

    def _by_class(self, prompts: Sequence[Prompt], values: npt.NDArray[np.floating]) -> Shown:
        labels = [prompt.label if self.of == "label" else prompt.target for prompt in prompts]
        if None in labels:
            raise MeasureError(f"metric {self.name}: a prompt with the tag {BY_CLASS} names no {self.of} class")
        found: Shown = values[np.arange(len(labels)), [label or 0 for label in labels]] > HALF
        return found

    def _by_text(self, values: npt.NDArray[np.floating]) -> Shown:
        """Compare the last two cosines of a row: the concept's own text, and the other one."""
        own, other = values[:, -2], values[:, -1]
        found: Shown = own > other if self.of == "label" else other > own
        return found


def _shares(hits: Sequence[tuple[bool, bool]]) -> tuple[float, float]:
    """The shares of hits before and after."""
    return sum(was for was, _ in hits) / len(hits), sum(now for _, now in hits) / len(hits)


@dataclass(frozen=True)
class TextNearness(ImageMean):
    """Change of images' raw cosine with the source's or the destination's text.

    Attributes:
        column: of a row's cosines, from its end: -2 is the source's text, -1 the destination's.
    """

    measure: str = TEXTS
    tags: tuple[str, ...] = (BY_TEXT,)
    column: Literal[-2, -1] = -2

    unit: ClassVar[str] = "cosine"

    def counts(self, prompt: Prompt) -> bool:
        """Whether there is such a text: no destination where the request only erases."""
        return not self.asks_dest or _has_dest(prompt)

    def numbers(self, side: Measured) -> Floats:
        """The cosine of each image."""
        return finite_column(side, self.column)


@dataclass(frozen=True)
class Drift(ImageMean):
    """Mean perceptual distance of images after the edit to those before it, of the same prompts and seeds."""

    measure: str = DISTANCE
    higher_is_better: bool = False
    sides: tuple[str, ...] = (AFTER,)

    unit: ClassVar[str] = "distance"

    def numbers(self, side: Measured) -> Floats:
        """The distance of each image, float32 as it is stored: their means are too."""
        found: Floats = side.values[:, 0]
        return found


def _has_dest(prompt: Prompt) -> bool:
    return ERASED not in prompt.tags


OWN_REACHED = ShownShare("own_reached", "source", "target")
OWN_FORGOTTEN = ShownShare("own_forgotten", "source", "label", shown=False)
OWN_ALIAS_REACHED = ShownShare("own_alias_reached", "alias", "target")
OWN_DEST_COSINE = TextNearness("own_dest_cosine", "source", change="rise", asks_dest=True, column=-1)
OWN_SOURCE_COSINE = TextNearness("own_source_cosine", "source", change="fall")
OWN_NEIGHBOURS_KEPT = ShownShare("own_neighbours_kept", "neighbour", "label")
OWN_UNRELATED_KEPT = ShownShare("own_unrelated_kept", "unrelated", "label")
OWN_DRIFT = Drift("own_drift", "unrelated")
