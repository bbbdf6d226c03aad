"""Compute the interval of a recorded score again, and report where the record has another one."""

import math
from collections.abc import Iterator, Sequence

from iceb.base.errors import SpecError
from iceb.leaderboard.row_clusters import known_clusters
from iceb.specs.chosen_intervals import score_interval
from iceb.specs.meanings import bounds_of
from iceb.specs.records import ScoreRecord
from iceb.specs.reduction import VERSION, ConceptValue, Score
from iceb.specs.results import Result

CLOSE = 1e-9  # relative and absolute; sums in another order differ by less


def interval_problems(
    result: Result, score: ScoreRecord, found: Score, values: Sequence[ConceptValue]
) -> Iterator[str]:
    """List what an interval has that the table does not make.

    Those of older versions of the reduction are made again and not compared. Where the task's clusters are destinations
    that are not at hand, nothing is compared.
    """
    clusters = known_clusters(result)
    if result.reduction_version < VERSION or clusters is None:
        return
    try:
        made = score_interval(values, score.reduction.reduction, found, clusters, bounds_of(score.metric))
    except SpecError as error:
        yield str(error)
        return
    said = score.interval
    if said is None:
        if made is not None:
            yield "it has no interval, and the table makes one"
    elif made is None:
        yield "it has an interval, and the table makes none"
    elif made.method != said.method:
        yield f"its interval is by {said.method}, the table makes one by {made.method}"
    else:
        for name in ("level", "low", "high", "clusters"):
            one, other = getattr(said, name), getattr(made, name)
            if not math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE):
                yield f"{name} of its interval is {one!r}, the table makes {other!r}"
