"""How an edit changes what a classifier sees: one arithmetic, eight names, and the headline that joins two of them.

Every score compares the same prompts with the same seeds before and after the edit. The standard error is taken over
concepts (the request a prompt belongs to; for holdout, the class), because pictures of one concept are not independent.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError, SpecError
from iceb.base.statistics import pooled_estimate
from iceb.specs.metrics import Measured, Score
from iceb.specs.prompts import Prompt, Role

Column = Literal["label", "target"]
Floats = npt.NDArray[np.float64]
KIND = "imagenet_classifier"
PAPER = "arXiv:2403.13807"


@dataclass(frozen=True)
class ProbabilityChange:
    """The change of one class's probability on the prompts of one role, averaged over pictures (arXiv:2403.13807).

    `of` says which class: the one the prompt shows in the unedited model ("label") or the one it should show after the
    edit ("target"). `falls` says which direction is counted as positive. The value lies in [-1, 1].

    >>> prompt = Prompt("a hen", seed=1, role="source", request="r", label=0, target=1)
    >>> before = Measured("m", np.array([[0.75, 0.25]]), (prompt,))
    >>> after = Measured("m", np.array([[0.25, 0.75]]), (prompt,))
    >>> score = ProbabilityChange("source_forget", role="source", of="label", falls=True)(before, after)
    >>> score.value, score.before, score.after
    (0.5, 0.75, 0.25)
    """

    name: str
    role: Role
    of: Column
    falls: bool
    higher_is_better: bool = True
    version: int = 1

    unit: ClassVar[str] = "probability"
    paper: ClassVar[str] = PAPER
    measure: ClassVar[str] = KIND

    @property
    def roles(self) -> frozenset[Role]:
        """The prompts it reads."""
        return frozenset({self.role})

    @property
    def asks_dest(self) -> bool:
        """Whether it asks for the class that the edit aims at."""
        return self.of == "target"

    def __call__(self, before: Measured, after: Measured) -> Score:
        """Mean before, mean after, and their difference with its standard error over concepts.

        Raises:
            SpecError: the two sides are not of the same prompts and measure, or a prompt lacks the class asked for.
            MeasureError: a probability is not a finite number in [0, 1].
        """
        _comparable(before, after)
        rows = [row for row, prompt in enumerate(before.prompts) if prompt.role == self.role]
        if not rows:
            return Score(None, None, n=0, concepts=0, note=f"no {self.role} prompts were drawn")
        prompts = [before.prompts[row] for row in rows]
        columns = [self._column(prompt) for prompt in prompts]
        was = _probabilities(before, rows, columns)  # (n,)
        now = _probabilities(after, rows, columns)  # (n,)
        change = was - now if self.falls else now - was
        found = pooled_estimate(change.tolist(), [_concept(prompt) for prompt in prompts])
        return Score(
            found.mean, found.stderr, found.n, found.concepts, before=float(was.mean()), after=float(now.mean())
        )

    def _column(self, prompt: Prompt) -> int:
        column = prompt.label if self.of == "label" else prompt.target
        if column is None:
            raise SpecError(f"metric {self.name} needs the {self.of} class of prompt {prompt.text!r}, which has none")
        return column


@dataclass(frozen=True)
class EditScore:
    """(source2dest + holdout_delta) / 2: does it edit, and does it leave the rest alone (arXiv:2403.13807, ablations).

    The two parts come from different prompts, so their standard errors add as those of independent quantities.
    """

    name: str = "edit_score"
    version: int = 1
    higher_is_better: bool = True

    unit: ClassVar[str] = "probability"
    paper: ClassVar[str] = PAPER
    measure: ClassVar[str] = KIND
    roles: ClassVar[frozenset[Role]] = frozenset({"source", "holdout"})
    asks_dest: ClassVar[bool] = True

    def __call__(self, before: Measured, after: Measured) -> Score:
        """The mean of the two parts; no value, and a note, where one of them has none.

        Raises:
            SpecError, MeasureError: as the parts.
        """
        edited, kept = SOURCE2DEST(before, after), HOLDOUT_DELTA(before, after)
        n, concepts = edited.n + kept.n, edited.concepts + kept.concepts
        if edited.value is None or kept.value is None:
            return Score(None, None, n, concepts, note="; ".join(part.note for part in (edited, kept) if part.note))
        return Score(
            (edited.value + kept.value) / 2,
            _joint(edited.stderr, kept.stderr),
            n,
            concepts,
            before=_half(edited.before, kept.before),
            after=_half(edited.after, kept.after),
        )


def _comparable(before: Measured, after: Measured) -> None:
    if before.prompts != after.prompts or before.measure != after.measure:
        raise SpecError(
            f"before ({before.measure}, {len(before.prompts)} prompts) and after ({after.measure}, "
            f"{len(after.prompts)} prompts) are not of the same prompts in the same order under the same measure"
        )


def _probabilities(side: Measured, rows: list[int], columns: list[int]) -> Floats:
    """The probability of each row's class, (n,) float64."""
    if max(columns) >= side.values.shape[1]:
        raise SpecError(f"measure {side.measure} has {side.values.shape[1]} classes, a prompt asks for {max(columns)}")
    found: Floats = side.values[rows, columns].astype(np.float64)
    if (
        not np.isfinite(found).all() or found.min() < 0 or found.max() > 1 + 1e-6
    ):  # float32 softmax may pass 1 by one bit
        raise MeasureError(f"measure {side.measure} gave a number that is not a probability; nothing was scored")
    return np.minimum(found, 1.0)


def _concept(prompt: Prompt) -> str:
    """What a prompt is a picture of: its request, or its class where no request is meant."""
    return prompt.request or f"class {prompt.label}"


def _joint(first: float | None, second: float | None) -> float | None:
    """Standard error of half the sum of two independent parts."""
    if first is None or second is None:
        return None
    return float(np.hypot(first, second)) / 2


def _half(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else (first + second) / 2


SOURCE_FORGET = ProbabilityChange("source_forget", role="source", of="label", falls=True)
SOURCE2DEST = ProbabilityChange("source2dest", role="source", of="target", falls=False)
EFFICACY_SOURCE_FORGET = ProbabilityChange("efficacy_source_forget", role="train", of="label", falls=True)
EFFICACY_SOURCE2DEST = ProbabilityChange("efficacy_source2dest", role="train", of="target", falls=False)
ALIAS_FORGET = ProbabilityChange("alias_forget", role="alias", of="label", falls=True)
ALIAS2DEST = ProbabilityChange("alias2dest", role="alias", of="target", falls=False)
HOLDOUT_DELTA = ProbabilityChange("holdout_delta", role="holdout", of="label", falls=False)
DEST_FORGET = ProbabilityChange("dest_forget", role="dest", of="label", falls=True, higher_is_better=False)
EDIT_SCORE = EditScore()
