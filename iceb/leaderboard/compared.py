"""The outcome of comparing two results: values, paired differences and the concepts that differ most."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iceb.base.tables import frame_of
from iceb.leaderboard.filed_result import FiledResult
from iceb.specs.variance_components import Components
from iceb.statistics.paired_tests import Difference

if TYPE_CHECKING:
    import pandas

VALUES = ("metric", "unit", "higher_is_better", "first", "second")
P_VALUES = ("p", "p_permutation", "p_holm")
SIZES = ("n", "clusters", "note")
OF_DIFFERENCE = ("stderr", "low", "high")


@dataclass(frozen=True)
class ConceptDifference:
    """One concept's change in both results.

    Attributes:
        name: what the request edits, or the concept as the table names it.
    """

    concept: str
    part: str
    name: str
    first: float
    second: float

    @property
    def difference(self) -> float:
        """The second's change minus the first's."""
        return self.second - self.first


@dataclass(frozen=True)
class MetricComparison:
    """One metric's values in two results, and their paired difference.

    Attributes:
        difference: second minus first; None where there is no error.
        p: of the paired t test; from fewer than ten clusters of the permutation test.
        p_permutation: of the sign-flip test over clusters; None where there is no value of a single concept.
        p_holm: p, adjusted over all metrics of the comparison.
        n: images on each side.
        clusters: what was drawn at random, and both have.
        note: why something is missing.
        unpaired: concepts that one of the two lacks, and that are left out.
        intervals: of both values; none below ten clusters.
        spread: standard errors of both values, by where they come from.
        concepts: those that differ most.
    """

    metric: str
    unit: str
    higher_is_better: bool
    first: float | None
    second: float | None
    difference: Difference | None
    p: float | None
    p_permutation: float | None
    n: int
    clusters: int
    note: str = ""
    p_holm: float | None = None
    unpaired: tuple[str, ...] = ()
    intervals: tuple[tuple[float, float], ...] = ()
    spread: tuple[Components, ...] = ()
    concepts: tuple[ConceptDifference, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Two results and every metric that both have in the same version by the same measures."""

    first: FiledResult
    second: FiledResult
    metrics: tuple[MetricComparison, ...]
    left_out: tuple[str, ...]  # metrics that do not compare, with the reason

    def frame(self) -> "pandas.DataFrame":
        """The table as a frame, a row for each metric.

        Columns: metric, unit, higher_is_better; first and second, the values; difference, with stderr and the 95 %
        interval low to high; p, p_permutation, p_holm; n, images on each side; clusters; note.

        Raises:
            SpecError: pandas is not installed.
        """
        apart = [(each, each.difference) for each in self.metrics]
        rows = [
            {
                **{name: getattr(each, name) for name in (*VALUES, *P_VALUES, *SIZES)},
                "difference": None if None in (each.first, each.second) else (each.second or 0.0) - (each.first or 0.0),
                **{name: None if found is None else getattr(found, name) for name in OF_DIFFERENCE},
            }
            for each, found in apart
        ]
        columns = (*VALUES, "difference", *OF_DIFFERENCE, *P_VALUES, *SIZES)
        return frame_of(rows, columns, ("first", "second", "difference", *OF_DIFFERENCE, *P_VALUES))
