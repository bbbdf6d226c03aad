"""Say in words why two rows cannot be compared in one table or column, or that they can."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from iceb.base.wording import count_text
from iceb.leaderboard.collect import refusal
from iceb.leaderboard.comparable import count_differences, identity_differences, score_differences
from iceb.leaderboard.finding import row_name, rows_named
from iceb.leaderboard.identity import Identity
from iceb.runs.folder import read_result
from iceb.specs.results import Result

MOST_NAMED = 5  # metrics of one line


@dataclass(frozen=True)
class Side:
    """A row as it was named, with its results at every number of edits, or a single result."""

    name: str
    results: tuple[Result, ...]

    @property
    def counts(self) -> set[int]:
        """The numbers of edits at which it has a result."""
        return {result.num_edits for result in self.results}


def side_of(named: str, folder: Path, task: str) -> Side:
    """Find a row by its name on a page, "artists/uce" with its task, or a run's folder or result's file.

    Raises:
        ResultError: there is none.
    """
    if Path(named).exists():
        result = read_result(Path(named))
        return Side(row_name(result), (result,))
    other, found, name = named.partition("/")
    results = [result for _, result in rows_named(name if found else named, folder, other if found else task)]
    return Side(named, tuple(results))


def why_apart(first: Side, second: Side) -> list[str]:
    """The reasons that keep two rows apart, a line each, or what they share."""
    lines = [
        f"{side.name} stands on no leaderboard: {reason}"
        for side in (first, second)
        for reason in dict.fromkeys(filter(None, map(refusal, side.results)))
    ]
    one, other = min(product(first.results, second.results), key=_distance)
    tables = identity_differences(Identity.of(one), Identity.of(other))
    names = f"{first.name} and {second.name}"
    if tables:
        return [*lines, f"{names} share no table:", *(f"- {apart.sentence}" for apart in tables)]
    shared = sorted(first.counts & second.counts)
    where = f"{one.task.name} on {one.model.family}"
    if not shared:
        counts = " and ".join(", ".join(map(str, sorted(side.counts))) for side in (first, second))
        return [*lines, f"{names} share the table {where}, and no number of edits: they have {counts}"]
    lines += [f"{names} share the table {where}, with a number of each at {', '.join(map(str, shared))} edits"]
    return [*lines, *_of_numbers(first, second, shared)]


def _distance(pair: tuple[Result, Result]) -> tuple[int, int, int]:
    """The distance of two results from standing side by side; the nearest two are explained."""
    one, other = pair
    tables = identity_differences(Identity.of(one), Identity.of(other))
    return len(tables), abs(one.num_edits - other.num_edits), -one.num_edits


def _of_numbers(first: Side, second: Side, shared: Sequence[int]) -> Iterator[str]:
    """The reasons that keep numbers from being compared, and scores from sharing a column."""
    for count in shared:
        one, other = (next(each for each in side.results if each.num_edits == count) for side in (first, second))
        yield from (f"- at {count_text(count, 'edit')}: {apart.text}" for apart in count_differences(one, other))
        columns: dict[str, list[str]] = {}
        for score in one.scores:
            against = other.score(score.metric)
            for apart in score_differences(score, against) if against is not None else ():
                columns.setdefault(apart.text, []).append(score.metric)
        for text, metrics in columns.items():
            named = ", ".join(metrics[:MOST_NAMED]) + (" …" if len(metrics) > MOST_NAMED else "")
            yield f"- at {count_text(count, 'edit')} no column of {named} holds both: {text}"
        if lacking := sorted({score.metric for score in one.scores} ^ {score.metric for score in other.scores}):
            yield f"- at {count_text(count, 'edit')} only one of them has {', '.join(lacking[:MOST_NAMED])}"
