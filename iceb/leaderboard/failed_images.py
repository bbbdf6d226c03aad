"""Withhold the rank of rows whose score may owe more than its error to images that failed."""

from iceb.specs.meanings import bounds_of
from iceb.specs.records import ScoreRecord

FAILED = "failed images"
EXPLAINED = (
    "An image that could not be measured is left out, which must not help: a row has no rank where its failed images, "
    f"at the metric's worst instead of its best and parts taken as equally large, could move the headline by more than "
    f"its error: {FAILED}."
)


def failures_may_decide(score: ScoreRecord) -> bool:
    """Whether a score could move by more than its error if its failed images were measured.

    Each of them moves the mean of its part by the width of the metric's range over the part's images at the most; parts
    are taken as equally large. A metric without bounds, such as a distance of sets, could move by anything.
    """
    if not score.failed or score.value is None:
        return False
    least, greatest = bounds_of(score.metric)
    share = len(score.reduction.parts) * score.failed / (score.n + score.failed)
    return not share * (greatest - least) <= (score.stderr or 0.0)
