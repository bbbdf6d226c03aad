"""Build ranked tables: comparable rows share a table; each declared number of edits is ranked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

from iceb.base.digest import canonical
from iceb.base.errors import ResultError
from iceb.leaderboard.cells import Cell, cell, setting
from iceb.leaderboard.columns import Column, column_of, columns
from iceb.leaderboard.failed_images import FAILED, failures_may_decide
from iceb.leaderboard.identity import Identity
from iceb.leaderboard.kept import Kept
from iceb.leaderboard.known_floor import FLOOR
from iceb.leaderboard.pairwise import Evidence, Tables, compare_pairs
from iceb.leaderboard.settings_diff import NamedSettings, named_settings
from iceb.leaderboard.unranked import UNNAMED, why_unranked
from iceb.specs.recipes import recipe_text
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.tasks import Task
from iceb.statistics.rank_intervals import RankInterval, rank_intervals

CONTROL, NO_BETTER, NO_VALUE, NO_ERROR = "control", f"not proven better than {FLOOR}", "–", "no error"
TOO_FEW = "too few concepts"  # below ten clusters no test holds its level


@dataclass(frozen=True)
class Row:
    """A method with its settings, over all numbers of edits."""

    method: str
    version: int
    package: str
    package_version: str
    paper: str
    fidelity: str  # to its authors' code: of its method, or "variant" by its settings; "" where the result has none
    recipe: str  # with digest and reason, "recipe r3.toml (sha256 …: tuned on …)"; "" for the method's own defaults
    params: Mapping[str, object]  # but for those that differ by the number of edits
    named: NamedSettings  # the params in words, by the recipe that ships now
    cells: Mapping[int, Cell]  # by num_edits

    @property
    def control(self) -> bool:
        """Whether the row is a control: built in and without a paper."""
        return self.package == "iceb" and not self.paper

    @property
    def floor(self) -> bool:
        """Whether the row is the unedited model."""
        return self.control and self.method == FLOOR

    def score(self, column: Column, num_edits: int) -> ScoreRecord | None:
        """Return a cell's score; None if that number of edits was not run or the metric not computed."""
        found = self.cells.get(num_edits)
        return found.score(column) if found is not None else None


@dataclass(frozen=True)
class Ranked:
    """A row with its rank at one number of edits, or the reason why it has none."""

    rank: RankInterval | None
    row: Row
    reason: str = ""

    @property
    def place(self) -> str:
        """The rank as the table shows it: the ranks that the row may have, "2–4"."""
        return self.reason if self.rank is None else self.rank.text


@dataclass(frozen=True)
class Table:
    """Comparable rows.

    Attributes:
        headline: the column that ranks; None where no result has it.
        kept: what rows must not lose, or they have no rank.
        declared: the task's numbers of edits; rows are ranked at these.
        counts: those that some row has, the others among them.
        ranked: all rows that have a number of edits, in the order of their ranks there; by that number.
        main: the number of edits that orders the rows: the largest declared one that some row has, else the largest.
        order: all rows.
        evidence: the task, and what the rows' numbers rest on.
        ceiling: the control that is the task's ceiling; "" where it declares none.
    """

    identity: Identity
    title: str
    note: str
    headline: Column | None
    kept: Kept
    columns: tuple[Column, ...]
    declared: tuple[int, ...]
    counts: tuple[int, ...]
    ranked: Mapping[int, tuple[Ranked, ...]]
    main: int
    order: tuple[Row, ...]
    evidence: Evidence = field(repr=False, compare=False)
    ceiling: str = ""

    @property
    def floors(self) -> tuple[int, ...]:
        """The numbers of edits at which the unedited model is in the table."""
        return tuple(count for row in self.order if row.floor for count in row.cells)

    def place(self, row: Row, count: int) -> str:
        """Return a row's rank at a number of edits, or why it has none."""
        return next((entry.place for entry in self.ranked[count] if entry.row is row), NO_VALUE)


def tables(results: Sequence[Result], task: Task, per_concept: Tables | None = None) -> list[Table]:
    """Build one table per identity, in a stable order.

    Args:
        per_concept: the results' tables, by their digests; without its table a result is compared by its error.

    Raises:
        ResultError: a result is of another task or task version, or two runs of one thing disagree.
    """
    for result in results:
        name = result.task.name.rpartition("/")[2]  # of another package's task: without the package
        if (name, result.task.version) != (task.name, task.version):
            raise ResultError(
                f"{result.id} is of {result.task.name} version {result.task.version}, "
                f"the installed task is {task.name} version {task.version}: run it again"
            )
    grouped: dict[Identity, list[Result]] = {}
    for result in results:
        grouped.setdefault(Identity.of(result), []).append(result)
    evidence = Evidence(task, per_concept or {})
    return [_table(identity, grouped[identity], evidence) for identity in sorted(grouped, key=canonical)]


def _table(identity: Identity, results: Sequence[Result], evidence: Evidence) -> Table:
    rows, task = _rows(results), evidence.task
    found = columns((score for row in rows for cell in row.cells.values() for score in cell.scores), task)
    counts = tuple(sorted({result.num_edits for result in results}))
    ranking, kept = column_of(found, task.headline), Kept.of(found, task)
    ranked = {count: _rank(rows, ranking, kept, count, evidence) for count in counts}
    main = max(set(counts) & set(task.edit_counts) or counts)
    order = (*(entry.row for entry in ranked[main]), *(row for row in rows if main not in row.cells))
    facts = (identity, task.title, task.headline_note, ranking, kept, found, task.edit_counts)
    return Table(*facts, counts, ranked, main, order, evidence, ceiling=task.ceiling)


def _rows(results: Sequence[Result]) -> list[Row]:
    """Build the rows: contenders before controls, by name."""
    gathered: dict[str, dict[int, list[Result]]] = {}
    for result in sorted(results, key=lambda result: result.id):
        gathered.setdefault(setting(result), {}).setdefault(result.num_edits, []).append(result)
    rows = [_row({count: cell(found) for count, found in sorted(gathered[key].items())}) for key in sorted(gathered)]
    return sorted(rows, key=lambda row: (row.control, row.method))


def _row(cells: Mapping[int, Cell]) -> Row:
    latest = cells[max(cells)].first
    method, named = latest.method, named_settings(latest)
    return Row(
        method=method.name,
        version=method.version,
        package=method.package,
        package_version=method.package_version,
        paper=method.paper,
        fidelity="variant" if named.ours and method.fidelity else method.fidelity,
        recipe=recipe_text(method.recipe, method.recipe_sha256, method.recipe_how),
        params={name: value for name, value in method.params.items() if name not in method.by_num_edits},
        named=named,
        cells=cells,
    )


@dataclass(frozen=True)
class _Contender:
    """A row with its gain in the ranking column, signed so that higher is better."""

    row: Row
    gain: float
    result: Result
    score: ScoreRecord


def _rank(
    rows: Sequence[Row], ranking: Column | None, kept: Kept, count: int, evidence: Evidence
) -> tuple[Ranked, ...]:
    """Order the rows: ranked, not proven better than unedited, without error or value, then controls."""
    here = [row for row in rows if count in row.cells]
    if ranking is None or count not in evidence.task.edit_counts:
        return tuple(Ranked(None, row, CONTROL if row.control else NO_VALUE) for row in here)
    valued = [each for row in here if (each := _contender(row, ranking, count)) is not None]
    floor = next((each for each in valued if each.row.floor), None)
    own = {id(row): row.cells[count] for row in here if not row.control}
    unnamed = next((row.cells[count] for row in here if row.control and row.method == UNNAMED), None)
    unedited = next((row.cells[count] for row in here if row.floor), None)
    withheld = {row: why_unranked(found, unnamed, unedited) or kept.reason(found) for row, found in own.items()}
    spoilt = {row: why for row, why in withheld.items() if why}
    spoilt = {id(each.row): FAILED for each in valued if failures_may_decide(each.score)} | spoilt
    contenders = [each for each in valued if not each.row.control and each.score.stderr is not None]
    contenders = [each for each in contenders if id(each.row) not in spoilt]
    contenders.sort(key=lambda each: -each.gain)
    better, same, few = _in_pairs(contenders, floor, ranking, evidence)
    spoilt |= {id(each.row): TOO_FEW for each in few}
    contenders = [each for each in contenders if id(each.row) not in spoilt]
    placed = {id(each.row) for each in contenders}
    gains = {id(each.row): each.gain for each in valued}  # rows with a value; those not placed have no error
    others = [row for row in here if id(row) not in placed]
    others.sort(key=lambda row: (row.control, 0.0 if row.control else -gains.get(id(row), -math.inf)))
    reasons = dict.fromkeys(gains, NO_ERROR) | spoilt
    return (
        *(Ranked(rank, each.row) for rank, each in better),
        *(Ranked(None, each.row, NO_BETTER) for each in same),
        *(Ranked(None, row, CONTROL if row.control else reasons.get(id(row), NO_VALUE)) for row in others),
    )


def _in_pairs(
    contenders: Sequence[_Contender], floor: _Contender | None, ranking: Column, evidence: Evidence
) -> tuple[list[tuple[RankInterval, _Contender]], list[_Contender], list[_Contender]]:
    """Split contenders, best first: ranked, not proven better than unedited, of too few concepts."""
    entries = [(each.result, each.score) for each in (*contenders, *([floor] if floor else []))]
    count = len(contenders)
    pairs = compare_pairs(entries, evidence, higher_is_better=ranking.higher_is_better)
    enough = pairs.enough[:count]
    above = [fits and (floor is None or bool(pairs.better[row, count])) for row, fits in enumerate(enough)]
    same = [fits and not clear for fits, clear in zip(enough, above, strict=True)]
    kept = [row for row, clear in enumerate(above) if clear]
    intervals = rank_intervals(pairs.better[kept][:, kept])
    ranked = list(zip(intervals, compress(contenders, above), strict=True))
    few = [not fits for fits in enough]
    return ranked, list(compress(contenders, same)), list(compress(contenders, few))


def _contender(row: Row, ranking: Column, count: int) -> _Contender | None:
    score = row.score(ranking, count)
    if score is None or score.value is None:
        return None
    result = next(each for each in row.cells[count].results if score in each.scores)
    return _Contender(row, score.value if ranking.higher_is_better else -score.value, result, score)
