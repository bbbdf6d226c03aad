"""The 95 % interval of a score that pages and exports show."""

from iceb.specs.records import IntervalRecord, ScoreRecord
from iceb.specs.results import Result

METHODS = {"bca": "BCa bootstrap over clusters", "student_t": "Student's t"}  # of an interval, in words


def records_intervals(result: Result) -> bool:
    """Whether a result says which interval was chosen; those of older versions do not."""
    return result.reduction_version > 1 or any(score.interval is not None for score in result.scores)


def shown_interval(score: ScoreRecord, result: Result) -> IntervalRecord | None:
    """A score's recorded interval; of results of older versions Student's t over concepts."""
    if score.low is None or score.high is None or records_intervals(result):
        return score.interval
    return IntervalRecord(method="student_t", low=score.low, high=score.high, clusters=float(score.concepts))
