"""Metrics: the share of images that show what was asked for, by class or by colour word."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from iceb.base.errors import MeasureError
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import ConceptValue, Part, Reduction


@dataclass(frozen=True)
class Share:
    """Share of a role's images whose most likely column is the one their prompt asks for."""

    name: str
    measure: str
    role: str
    asked: Callable[[Prompt], int | None]
    version: int = 1
    unit: str = "share"
    higher_is_better: bool = True
    paper: str = "none: an example"

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images it reads."""
        return (Need(self.measure, self.role),)

    @property
    def reduction(self) -> Reduction:
        """The mean over images of what was gained."""
        return Reduction({self.role: Part(1.0, "rise")})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """The share of every concept."""
        sides = measured[self.role]
        before, after = self._hits(sides[BEFORE]), self._hits(sides[AFTER])
        rows: dict[tuple[str, int], list[int]] = {}
        for row, prompt in enumerate(sides[AFTER].prompts):
            rows.setdefault((prompt.cluster, prompt.replicate), []).append(row)
        return tuple(
            ConceptValue(concept, self.role, float(before[at].mean()), float(after[at].mean()), len(at), replicate)
            for (concept, replicate), at in rows.items()
        )

    def _hits(self, side: Measured) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """(N,) 1 where the most likely column is the asked one, else 0."""
        if not np.isfinite(side.values).all():
            raise MeasureError(f"measure {side.measure} gave numbers that are not finite; nothing was scored")
        asked = [self.asked(prompt) for prompt in side.prompts]
        best = side.values.argmax(axis=1) if asked else np.zeros(0)
        return (best == np.array(asked, float)).astype(np.float64)


def _answer(prompt: Prompt) -> int | None:
    return prompt.answer


def _target(prompt: Prompt) -> int | None:
    return prompt.target


FLIP_RATE = Share("flip_rate", "imagenet_classifier", "source", _target)
REPAINTED = Share("repainted", "colour_words", "source", _answer)
KEPT_COLOURS = Share("kept_colours", "colour_words", "holdout", _answer)
