"""Balanced concepts, and the share of each destination among images of a source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from iceb.base.errors import MethodError
from iceb.methods.uce_debias.judge import Judge
from iceb.models.drawing import seeded_images
from iceb.specs.methods import Bundle
from iceb.specs.requests import EditRequest

PHRASES = ("image of {}", "photo of {}", "portrait of {}", "picture of {}", "{}")
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
        return [self._shares(bundle, concept, first) for concept in concepts]

    def _shares(self, bundle: Bundle, concept: Concept, first: int) -> Shares:
        default = bundle.family.sampling
        sampling = default if self.steps is None else replace(default, steps=self.steps)
        seeds = [concept.seed * SEEDS_PER_REQUEST + first + place for place in range(self.count)]
        drawn = seeded_images(bundle, [concept.text] * self.count, seeds, sampling)
        shown = self.judge(drawn, concept.classes)
        return tuple(float(share) for share in shown.mean(axis=0))
