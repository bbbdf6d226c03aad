"""Change of a classifier's probabilities under an edit: fourteen metrics, and the headline score.

Every statistic compares the same prompts with the same seeds before and after the edit, concept by concept. A concept
is the request that a prompt belongs to, or its class where no request is meant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from iceb.base.errors import MeasureError, SpecError
from iceb.metrics.composite import Composite
from iceb.metrics.rows import Floats, means_of_sides
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import Change, ConceptValue, Part, Reduction

Column = Literal["label", "target"]
KIND = "imagenet_classifier"
PAPER = "arXiv:2403.13807"
OF_DEST = "dest"  # tag of holdout prompts whose class is a destination of the run's requests
UNNAMED = "unnamed"  # tag of holdout prompts that name no source of the run's requests
SEEN, UNSEEN = "seen", "unseen"  # tags of holdout prompts by whether preserved captions name their class


@dataclass(frozen=True)
class ProbabilityChange:
    """Change of one class's mean probability on the prompts of one role (arXiv:2403.13807).

    `of` says which class: the one the prompt shows in the unedited model ("label") or the one it should show after the
    edit ("target"). `falls` says which direction is counted as positive. The value lies in [-1, 1]. `part` is its
    prompts' name in per-concept tables and notes; where it is empty, the role. Without `paper` a metric is ours.

    >>> prompt = Prompt("a hen", seed=1, role="source", request="r", label=0, target=1)
    >>> before = Measured("m", np.array([[0.75, 0.25]]), (prompt,))
    >>> after = Measured("m", np.array([[0.25, 0.75]]), (prompt,))
    >>> metric = ProbabilityChange("source_forget", role="source", of="label", falls=True)
    >>> metric({"source": {"before": before, "after": after}})
    (ConceptValue(concept='r', part='source', before=0.75, after=0.25, n=1, replicate=0, checkpoint='', draw=''),)
    """

    name: str
    role: str
    of: Column
    falls: bool
    higher_is_better: bool = True
    version: int = 1
    tags: tuple[str, ...] = ()
    part: str = ""
    paper: str = PAPER

    unit: ClassVar[str] = "probability"

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(KIND, self.role, tags=self.tags),)

    @property
    def reduction(self) -> Reduction:
        """The mean change over images."""
        change: Change = "fall" if self.falls else "rise"
        return Reduction({self._part: Part(1.0, change)})

    @property
    def asks_dest(self) -> bool:
        """Whether the metric concerns the class that the edit aims at."""
        return self.of == "target"

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each concept's mean probability before and after.

        Raises:
            SpecError: the two sides are not of the same prompts and measure, or a prompt lacks the class asked for.
            MeasureError: a probability is not a finite number in [0, 1].
        """
        sides = {name: measured[self.role][name] for name in (BEFORE, AFTER)}
        return means_of_sides(self._part, sides, self._numbers)

    @property
    def _part(self) -> str:
        return self.part or self.role

    def _numbers(self, side: Measured) -> Floats:
        return _probabilities(side, [self._column(prompt) for prompt in side.prompts])

    def _column(self, prompt: Prompt) -> int:
        column = prompt.label if self.of == "label" else prompt.target
        if column is None:
            raise SpecError(
                f"metric {self.name} needs the {self.of} class of prompt {prompt.text!r:.80}, which has none"
            )
        return column


def _probabilities(side: Measured, columns: Sequence[int]) -> Floats:
    """The probability of each row's class, (n,) float64."""
    if max(columns) >= side.values.shape[1]:
        raise SpecError(f"measure {side.measure} has {side.values.shape[1]} classes, a prompt asks for {max(columns)}")
    found: Floats = side.values[np.arange(len(columns)), columns].astype(np.float64)
    if (
        not np.isfinite(found).all() or found.min() < 0 or found.max() > 1 + 1e-6
    ):  # float32 softmax may pass 1 by one bit
        raise MeasureError(f"measure {side.measure} gave a number that is not a probability; nothing was scored")
    return np.minimum(found, 1.0)


SOURCE_FORGET = ProbabilityChange("source_forget", role="source", of="label", falls=True)
SOURCE2DEST = ProbabilityChange("source2dest", role="source", of="target", falls=False)
EFFICACY_SOURCE_FORGET = ProbabilityChange("efficacy_source_forget", role="train", of="label", falls=True)
EFFICACY_SOURCE2DEST = ProbabilityChange("efficacy_source2dest", role="train", of="target", falls=False)
ALIAS_FORGET = ProbabilityChange("alias_forget", role="alias", of="label", falls=True)
ALIAS2DEST = ProbabilityChange("alias2dest", role="alias", of="target", falls=False)
HOLDOUT_DELTA = ProbabilityChange("holdout_delta", role="holdout", of="label", falls=False)
HOLDOUT_SEEN = ProbabilityChange(
    "holdout_seen", role="holdout", of="label", falls=False, tags=(SEEN,), part="seen holdout", paper=""
)
HOLDOUT_UNSEEN = ProbabilityChange(
    "holdout_unseen", role="holdout", of="label", falls=False, tags=(UNSEEN,), part="unseen holdout", paper=""
)
HOLDOUT_UNNAMED = ProbabilityChange(
    "holdout_unnamed", role="holdout", of="label", falls=False, tags=(UNNAMED,), part="unnamed holdout", paper=""
)
DEST_FORGET = ProbabilityChange(
    "dest_forget", role="holdout", of="label", falls=True, higher_is_better=False, version=2, tags=(OF_DEST,), paper=""
)
DEST_FORGET_PUBLISHED = ProbabilityChange(
    "dest_forget_published", role="dest", of="label", falls=True, higher_is_better=False
)
DEST_KEPT = ProbabilityChange("dest_kept", role="dest", of="label", falls=False)
EFFICACY_DEST_KEPT = ProbabilityChange("efficacy_dest_kept", role="train_dest", of="label", falls=False)
EDIT_SCORE = Composite(
    # Its top is near 0.5: an edit can gain at most one probability on the sources and lose nothing of the holdout. The
    # two parts come from different prompts, so their standard errors add as those of independent quantities.
    "edit_score",
    (SOURCE2DEST, HOLDOUT_DELTA),
    {"source": Part(0.5), "holdout": Part(0.5)},
    unit="probability",
    paper=PAPER,
)
