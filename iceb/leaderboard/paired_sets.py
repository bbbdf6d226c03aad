"""The paired difference of two distances between sets of images, from the same halves of the concepts."""

from collections.abc import Sequence

from iceb.specs.reduce import change_of, reduce_values
from iceb.specs.reduction import RESAMPLE, ConceptValue, Reduction, set_reduction
from iceb.statistics.estimates import FEWEST
from iceb.statistics.paired_tests import Difference, t_difference


def set_difference(
    first: Sequence[ConceptValue], second: Sequence[ConceptValue], reduction: Reduction
) -> tuple[Difference | None, str]:
    """The second distance minus the first, with its error and test; None, and why, where they have none.

    Halves are drawn by the concepts' names, so two results on the same prompts have the same ones, and the difference
    on each half has the scatter of a paired difference; see `iceb.statistics.errors_of_distances`.
    """
    others = {(row.part, row.checkpoint, row.replicate): row for row in second}
    joined = []
    for row in first:
        other = others.get((row.part, row.checkpoint, row.replicate))
        if other is None or other.n != row.n:
            return None, "the two were not taken on the same halves of the same concepts"
        change = reduction.parts[row.part].change
        sides = change_of(row, change), change_of(other, change)
        joined.append(ConceptValue(row.concept, row.part, *sides, row.n, row.replicate, row.checkpoint, row.draw))
    score = reduce_values(joined, set_reduction(steps=reduction.steps))
    if score.value is None or score.stderr is None:
        return None, score.note or "it has no error"
    states = len({row.draw or row.checkpoint for row in joined})
    fewest = min([row.n for row in joined if row.part == RESAMPLE] + ([states] if states > 1 else []))
    if fewest < FEWEST:
        return None, f"{fewest} concepts or states: no interval and no test below {FEWEST}"
    return t_difference(score.value, score.stderr**2, fewest - 1.0), ""
