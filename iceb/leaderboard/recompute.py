"""Recompute every number of a result from its table of per-concept statistics, and report differences.

This finds numbers that were changed in the result or in the table. It cannot detect a table whose statistics were all
made up: for that a result is reproduced.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.leaderboard.degenerate_counts import degenerate_problems
from iceb.leaderboard.installed import find_installed, installed_metric
from iceb.leaderboard.interval_check import interval_problems
from iceb.runs.table import TableRow
from iceb.specs.methods import MethodCard
from iceb.specs.metrics import AFTER, asks_dest, reference_names
from iceb.specs.records import MOST_FAILED, ReductionRecord, ScoreRecord
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import VERSION, ConceptValue, Score
from iceb.specs.results import Result

CLOSE = 1e-9  # relative and absolute; sums in another order differ by less
NUMBERS = ("value", "stderr", "low", "high", "before", "after")
COUNTS = ("n", "concepts")
PROBABILITY = "probability"  # a unit: statistics lie in [0, 1]
NO_ROWS = "(no rows)"  # replaces the last checkpoints' name if the table has no row of them


def problems(result: Result, rows: Sequence[TableRow]) -> list[str]:
    """Return the problems of a result, one line each; none if its table reproduces every number."""
    beside = [*degenerate_problems(result, rows), *_effects(result)]
    return [*_identity(result), *_method(result), *beside, *_scores(result, rows)]


def _identity(result: Result) -> Iterator[str]:
    """Check that the id is the digest of the recorded spec, and that the reduction is known."""
    if result.reduction_version > VERSION:
        yield f"its reduction_version is {result.reduction_version}, newer than {VERSION}: install a newer iceb"
    try:
        made = result.spec.id
    except (ValidationError, SpecError) as error:
        yield f"no run can be as it says ({quote(str(error))})"
        return
    if made != result.id:
        yield f"its id is {result.id}, but what it says was run has the id {made}: one of the two was changed"


def _effects(result: Result) -> Iterator[str]:
    """Find edits without effect that no finished run has."""
    found = result.effects
    if found is not None and len(found.unchanged) >= found.edits:
        yield f"{len(found.unchanged)} of {found.edits} edits are without effect: such a run is a failed one"


def _method(result: Result) -> Iterator[str]:
    """Compare the recorded method with the installed card of that name."""
    said = result.method
    found = find_installed("methods", said.name, said.package)
    card: MethodCard | None = getattr(found, "card", None)
    if card is None or said.version < card.version:
        return
    if said.version > card.version:
        yield f"method {said.name}: version {said.version} is newer than {card.version}, which is installed"
    elif said.reaches_dest != card.reaches_dest:
        yield f"method {said.name}: reaches_dest is {said.reaches_dest}, its card says {card.reaches_dest}"
    elif said.paper != card.paper:
        yield f"method {said.name}: paper is {quote(said.paper, 80)}, its card says {quote(card.paper, 80)}"


def _scores(result: Result, rows: Sequence[TableRow]) -> Iterator[str]:
    grouped = grouped_values(rows)
    scored, wrong = _scored_groups(result, list(grouped))
    yield from wrong
    for group, scores in scored:
        found = grouped.get(group, {})
        where = f" at the checkpoints {quote(group, 40)}" if len(scored) > 1 else ""
        names = Counter(score.metric for score in scores)
        yield from (f"metric {name} stands {n} times{where}" for name, n in names.items() if n > 1)
        for name in [name for name in found if name not in names]:
            yield f"metric {quote(name, 80)}{where} has {len(found[name])} rows in the table and no score"
        for score in scores:
            for problem in _score(result, score, found.get(score.metric, [])):
                yield f"metric {score.metric}{where}: {problem}"


def grouped_values(rows: Sequence[TableRow]) -> dict[str, dict[str, list[ConceptValue]]]:
    """The statistics of a table by their group of checkpoints and metric."""
    grouped: dict[str, dict[str, list[ConceptValue]]] = {}
    for row in rows:
        grouped.setdefault(row.group, {}).setdefault(row.metric, []).append(row.value)
    return grouped


def _scored_groups(
    result: Result, tabled: Sequence[str]
) -> tuple[list[tuple[str, tuple[ScoreRecord, ...]]], tuple[str, ...]]:
    """Pair groups of checkpoints with their scores; list problems.

    Only the table names the last group.
    """
    earlier = [(checkpoint.group, checkpoint.scores) for checkpoint in result.checkpoints]
    names = [group for group, _ in earlier]
    last = [group for group in tabled if group not in names]
    wrong = []
    if len(set(names)) < len(names):
        wrong.append(f"its checkpoints are named {', '.join(map(quote, names))}: each may stand once")
    if len(last) > 1:
        wrong.append(f"the table has the checkpoints {', '.join(map(quote, last))}, the result has scores of one")
    return [*earlier, ((last or [NO_ROWS])[0], result.scores)], tuple(wrong)


def _score(result: Result, score: ScoreRecord, values: Sequence[ConceptValue]) -> Iterator[str]:
    yield from _statistics(score, values)
    yield from _definition(score)
    yield from _failed_images(score)
    try:
        found = reduce_values(values, score.reduction.reduction)
    except SpecError as error:
        yield str(error)
        return
    yield from _differences(score, found)
    yield from interval_problems(result, score, found, values)
    yield from _note(result, score, found)


def _failed_images(score: ScoreRecord) -> Iterator[str]:
    """Find counts of failed images that no run writes; n has none of those that are a yardstick alone."""
    if (score.failed > 0) != bool(score.failed_why):
        yield f"{score.failed} images failed, with the reason {quote(score.failed_why, 80)}: must have both or neither"
    metric = installed_metric(score)
    yardstick = score.references or (metric is not None and any(AFTER not in need.sides for need in metric.needs))
    if score.value is not None and not yardstick and score.failed > MOST_FAILED * (score.n + score.failed):
        most = f"more than {100 * MOST_FAILED:g} %: a run withholds its value"
        yield f"{score.failed} images beside {score.n} failed, {most}"


def _statistics(score: ScoreRecord, values: Sequence[ConceptValue]) -> Iterator[str]:
    """Find statistics that no measure can produce."""
    named = Counter((value.part, value.concept, value.replicate, value.checkpoint) for value in values)
    for (part, concept, replicate, _), count in named.items():
        if count > 1:
            yield f"the table has {count} rows of concept {quote(concept, 80)}, part {part}, replicate {replicate}"
    if score.unit != PROBABILITY:
        return
    wrong = [
        f"concept {quote(value.concept, 80)} has the probability {number} {side}: must be in [0, 1]"
        for value in values
        for side, number in (("before", value.before), ("after", value.after))
        if number is not None and not 0 <= number <= 1
    ]
    if wrong:
        yield wrong[0] + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "")


def _differences(score: ScoreRecord, found: Score) -> Iterator[str]:
    """List the numbers that the table does not reproduce, in one line."""
    wrong = []
    for name in (*NUMBERS, *COUNTS):
        said, made = getattr(score, name), getattr(found, name)
        if not agrees(said, made, 0.0 if name in COUNTS else CLOSE):
            wrong.append(f"{name} is {_number_text(said)}, the table makes {_number_text(made)}")
    if wrong:
        yield "; ".join(wrong)


def agrees(said: float | None, made: float | None, close: float = CLOSE) -> bool:
    """Whether a recorded number is the one that the table makes, but for last bits."""
    if said is None or made is None:
        return said is made
    return math.isclose(said, made, rel_tol=close, abs_tol=close)


def _number_text(number: float | None) -> str:
    return "null" if number is None else repr(number)


def _note(result: Result, score: ScoreRecord, found: Score) -> Iterator[str]:
    """Check that a note gives the table's reason for no value, what failed, or that the method erases."""
    metric = installed_metric(score)
    erases = score.value is None and not result.method.reaches_dest and (metric is None or asks_dest(metric))
    if score.note != found.note and not (erases and score.note) and not score.withheld:
        yield f"its note is {quote(score.note, 80)}, the table makes {quote(found.note, 80)}"


def _definition(score: ScoreRecord) -> Iterator[str]:
    """Compare the recorded metric with the installed metric of that name."""
    metric = installed_metric(score)
    if metric is None or score.version < metric.version:
        return
    if score.version > metric.version:
        yield (
            f"version {score.version} is newer than {metric.version}, which is installed: "
            f"install the {score.package} that made it"
        )
        return
    expected: dict[str, Any] = {
        "reduction": ReductionRecord.of(metric.reduction),
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
    }
    for name, value in expected.items():
        if getattr(score, name) != value:
            yield f"{name} is {_field(getattr(score, name))}, version {score.version} of the metric has {_field(value)}"
    kinds = sorted({need.measure for need in metric.needs})
    if sorted(score.measures) != kinds:
        yield f"measures are {', '.join(sorted(score.measures)) or 'none'}, the metric reads {', '.join(kinds)}"
    if (names := sorted(reference_names(metric))) != sorted(score.references):
        yield f"references are {', '.join(score.references) or 'none'}, the metric reads {', '.join(names) or 'none'}"


def _field(value: object) -> str:
    return value.model_dump_json() if isinstance(value, ReductionRecord) else quote(value, 80)
