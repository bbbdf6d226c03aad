"""Balanced concepts, and the share of each destination among images of a source."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from iceb.base.errors import MethodError
from iceb.methods.uce_debias.judge import Judge
from iceb.models.drawing import seeded_images
from iceb.specs.methods import Bundle
from iceb.specs.requests import EditRequest

PHRASES = ("image of {}", "photo of {}", "portrait of {}", "picture of {}", "{}")
PASSES_AT_ONCE = 32  # whose images are held in memory together
SEEDS_PER_REQUEST = 100_003  # a prime beyond any number of images that is drawn, so that seeds do not meet


@dataclass(frozen=True)
class Concept:
    """A text to balance."""

    text: str
    classes: tuple[str, ...]  # the texts it is balanced between
    seed: int = 0


Shares: TypeAlias = tuple[float, ...]
Measure: TypeAlias = Callable[[Bundle, Sequence[Concept]], list[Shares]]  # draws with the bundle as edited now


def concepts_of(requests: Sequence[EditRequest], phrases: Sequence[str], wanted: Sequence[float] = ()) -> list[Concept]:
    """Make a concept of each request in each phrase, with the destinations in the same phrase.

    Args:
        requests: what is balanced.
        phrases: each with one "{}".
        wanted: shares of the destinations; (): equal.

    Raises:
        MethodError: a request has fewer than two destinations, or not as many as shares are wanted.
    """
    for request in requests:
        if len(request.dests) < 2:
            raise MethodError(
                f"request {request.id} has {len(request.dests)} destinations: uce-debias balances at least two"
            )
        if wanted and len(wanted) != len(request.dests):
            raise MethodError(
                f"uce-debias shares {tuple(wanted)}: request {request.id} has {len(request.dests)} destinations; "
                "name one share for each, or none for equal ones"
            )
    return [
        Concept(phrase.format(request.source), tuple(map(phrase.format, request.dests)), request.seed)
        for request in requests
        for phrase in phrases
    ]


class Drawer:
    """Measures shares by drawing images of each concept and judging their classes.

    Args:
        judge: tells the classes apart.
        count: images per concept and round.
        steps: sampling steps; None: the model's default.
    """

    def __init__(self, judge: Judge, count: int, steps: int | None) -> None:
        self.judge, self.count, self.steps = judge, count, steps
        self.round = 0

    def __call__(self, bundle: Bundle, concepts: Sequence[Concept]) -> list[Shares]:
        """The share of each class among images of each concept; ties count for each class."""
        first = self.round * self.count
        self.round += 1
        together = max(1, PASSES_AT_ONCE * bundle.images_per_pass.size // self.count)
        groups = [concepts[start : start + together] for start in range(0, len(concepts), together)]
        return [shares for group in groups for shares in self._shares(bundle, group, first)]

    def _shares(self, bundle: Bundle, concepts: Sequence[Concept], first: int) -> Iterator[Shares]:
        """Draw the images of several concepts in full passes; none depends on what is drawn beside it."""
        default = bundle.family.sampling
        sampling = default if self.steps is None else replace(default, steps=self.steps)
        texts = [concept.text for concept in concepts for _ in range(self.count)]
        starts = [concept.seed * SEEDS_PER_REQUEST + first for concept in concepts]
        seeds = [start + place for start in starts for place in range(self.count)]
        drawn = seeded_images(bundle, texts, seeds, sampling)
        for concept, images in zip(concepts, np.split(drawn, len(concepts)), strict=True):
            shown = self.judge(images, concept.classes)
            yield tuple(float(share) for share in shown.mean(axis=0))
