"""Standard errors of trials' scores, and paired tests between trials.

A score is the mean over numbers of edits N of (mean change of what is edited + mean change of what is kept) / 2. Its
error is over classes, which are drawn: a request counts with its destination's class, which may be left alone too, and
the same request at several N is one class. It holds no scatter over seeds of a method's training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iceb.statistics.clusters import Design, Floats, codes, effective_clusters
from iceb.statistics.estimates import FEWEST, ROUNDING
from iceb.statistics.paired_tests import Difference, holm, t_difference
from iceb.tuning.record import Trial, Tuning
from iceb.tuning.validation import validation_classes


@dataclass(frozen=True)
class TrialEstimate:
    """A trial's score, and how far it lies below the best one's.

    Attributes:
        number: its place in the record.
        estimate: the score with its error and 95 % interval; None of too few classes, or an older record.
        below: the best score minus this one, paired over classes; None of the best itself, or as `estimate`.
        p: of no difference, by Student's t, Holm's over all comparisons with the best.
    """

    number: int
    trial: Trial
    score: float
    estimate: Difference | None
    below: Difference | None = None
    p: float | None = None


@dataclass(frozen=True)
class _Sample:
    """The classes behind a trial's numbers, in one order for all trials of a tuning."""

    design: Design
    weights: Floats  # of each change in the score, (changes,)

    @property
    def is_enough(self) -> bool:
        """Whether ten classes or more stand behind either half of the score."""
        edited = self.design.parts % 2 == 0
        fewest = min(effective_clusters(self.weights[half], self.design.clusters[half]) for half in (edited, ~edited))
        return fewest * ROUNDING >= FEWEST

    def difference(self, changes: Floats) -> Difference:
        """The weighted sum of changes with its error, (changes,) → a value."""
        sums = np.bincount(self.design.parts, changes * self.weights)
        totals = np.bincount(self.design.parts, self.weights)
        influences = self.weights * (changes - (sums / totals)[self.design.parts])
        variance, freedom = self.design.variance(influences)
        return t_difference(float(sums.sum()), float(variance), float(freedom))


def estimate_trials(tuning: Tuning) -> list[TrialEstimate]:
    """Every trial that has a score, with its error and its distance to the best, in the record's order."""
    scored, best = tuning.scored_trials, tuning.best
    changes = {number: _changes(trial, tuning.edits) for number, trial, _ in scored}
    top = changes[best[0]] if best is not None else None
    sample = None if top is None else _sample(tuning, top)
    below: dict[int, Difference] = {}
    if best is not None and top is not None and sample is not None:
        others = {number: each for number, each in changes.items() if number != best[0] and each is not None}
        below = {number: sample.difference(top - each) for number, each in others.items()}
    adjusted = dict(zip(below, holm([each.p for each in below.values()]), strict=True))
    return [
        TrialEstimate(
            number,
            trial,
            score,
            None if sample is None or (own := changes[number]) is None else sample.difference(own),
            below.get(number),
            adjusted.get(number),
        )
        for number, trial, score in scored
    ]


def _changes(trial: Trial, edits: Sequence[int]) -> Floats | None:
    """The changes behind a score: what is edited, then what is kept, at each number of edits."""
    numbers = [trial.at[count] for count in edits]
    if not all(each.edited and each.kept for each in numbers):
        return None
    return np.array([value for each in numbers for value in (*each.edited, *each.kept)])


def _sample(tuning: Tuning, changes: Floats) -> _Sample | None:
    """The design of a tuning; None where too few classes stand behind a score."""
    known, holdout = validation_classes(), int(tuning.protocol["holdout"])
    parts: list[int] = []
    clusters: list[int] = []
    for place, count in enumerate(tuning.edits):
        labels = known.holdout[:holdout]
        parts += [2 * place] * count + [2 * place + 1] * len(labels)
        clusters += [*known.dests[:count], *labels]
    sizes = np.bincount(parts)[parts]
    weights: Floats = 1.0 / (2 * len(tuning.edits) * sizes)
    named = codes(clusters)
    design = Design(np.array(parts), named, named, np.zeros(len(parts), dtype=np.int64), weights)
    found = _Sample(design, weights)
    return found if len(parts) == len(changes) and found.is_enough else None
