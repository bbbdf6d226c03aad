"""Results become tables: only comparable rows share one, and rows within one standard error share a rank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from iceb.base.digest import canonical, digest
from iceb.base.errors import ResultError
from iceb.base.statistics import tied_ranks
from iceb.leaderboard.changed import changed_settings
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.runs import Sampling
from iceb.specs.tasks import Task


@dataclass(frozen=True)
class Identity:
    """What two results must agree on to share a table."""

    task: str
    task_version: int
    dataset: str
    data: str  # digest of the data files' digests
    family: str
    repo: str
    revision: str
    dtype: str
    sampling: Sampling
    metrics: tuple[tuple[str, int, str], ...]  # name, version, measure id

    @classmethod
    def of(cls, result: Result) -> "Identity":
        """The identity of the table this result belongs to."""
        return cls(
            task=result.task.name,
            task_version=result.task.version,
            dataset=result.task.dataset,
            data=digest(result.task.data_sha256),
            family=result.model.family,
            repo=result.model.repo,
            revision=result.model.revision,
            dtype=result.model.dtype,
            sampling=result.sampling,
            metrics=tuple(
                sorted(
                    (score.metric, score.version, ", ".join(each.id for each in score.measures.values()))
                    for score in result.scores
                )
            ),
        )


@dataclass(frozen=True)
class Row:
    """A method with its settings, over all edit counts."""

    method: str
    version: int
    package: str
    package_version: str
    paper: str
    recipe: str
    params: Mapping[str, object]
    changed: Mapping[str, object]  # of params: what the recipe that ships now has not
    results: Mapping[int, Result]  # by num_edits

    @property
    def control(self) -> bool:
        """A row to compare with, not a contender: ours, and without a paper."""
        return self.package == "iceb" and not self.paper

    def score(self, metric: str, num_edits: int) -> ScoreRecord | None:
        """One cell; None if that count was not run."""
        result = self.results.get(num_edits)
        return result.score(metric) if result is not None else None


@dataclass(frozen=True)
class Ranked:
    """A row with its rank; None for controls and for rows without a value in the ranking column."""

    rank: int | None
    row: Row


@dataclass(frozen=True)
class Table:
    """Comparable rows, ranked by the task's headline at the largest edit count."""

    identity: Identity
    title: str
    headline: str
    higher_is_better: bool  # of the headline
    metrics: tuple[str, ...]  # in the task's order
    counts: tuple[int, ...]
    ranked: tuple[Ranked, ...]

    @property
    def ranking_count(self) -> int:
        """The edit count the ranks are taken at."""
        return self.counts[-1]


def tables(results: Sequence[Result], task: Task) -> list[Table]:
    """One table per identity, in a stable order.

    Raises:
        ResultError: a result is of another task or task version, or two results claim one cell.
    """
    for result in results:
        if (result.task.name, result.task.version) != (task.name, task.version):
            raise ResultError(
                f"{result.id} is of {result.task.name} version {result.task.version}, "
                f"the installed task is {task.name} version {task.version}: run it again"
            )
    grouped: dict[Identity, list[Result]] = {}
    for result in results:
        grouped.setdefault(Identity.of(result), []).append(result)
    return [rank(grouped[identity], task) for identity in sorted(grouped, key=canonical)]


def rank(results: Sequence[Result], task: Task) -> Table:
    """The table of results that share one identity.

    Raises:
        ResultError: there are none, they do not share an identity, or two claim one cell.
    """
    identities = {Identity.of(result) for result in results}
    if len(identities) != 1:
        raise ResultError(f"{len(results)} results of {len(identities)} tables: a table needs results of one identity")
    counts = tuple(sorted({result.num_edits for result in results}))
    metrics = tuple(name for name in task.metrics if results[0].score(name) is not None)
    headline = results[0].score(task.headline)
    higher = headline is None or headline.higher_is_better
    ranked = _ranked(_rows(results), task.headline, counts[-1], higher)
    return Table(identities.pop(), task.title, task.headline, higher, metrics, counts, ranked)


def _rows(results: Sequence[Result]) -> list[Row]:
    gathered: dict[str, dict[int, Result]] = {}
    for result in sorted(results, key=lambda result: result.id):
        method = result.method
        key = canonical([method.package, method.name, method.version, method.params])
        cells = gathered.setdefault(key, {})
        if result.num_edits in cells:
            raise ResultError(f"{result.id} and {cells[result.num_edits].id} claim the same cell: remove one of them")
        cells[result.num_edits] = result
    return [_row(gathered[key]) for key in sorted(gathered)]


def _row(cells: Mapping[int, Result]) -> Row:
    method = cells[max(cells)].method
    return Row(
        method=method.name,
        version=method.version,
        package=method.package,
        package_version=method.package_version,
        paper=method.paper,
        recipe=method.recipe,
        params=method.params,
        changed=changed_settings(cells[max(cells)]),
        results=dict(sorted(cells.items())),
    )


def _ranked(rows: Sequence[Row], headline: str, count: int, higher: bool) -> tuple[Ranked, ...]:
    contenders: list[tuple[Row, ScoreRecord, float]] = []
    others: list[Row] = []
    for row in rows:
        score = row.score(headline, count)
        if row.control or score is None or score.value is None:
            others.append(row)
        else:
            contenders.append((row, score, score.value))
    values = [value for _, _, value in contenders]
    ranks = tied_ranks(values, [score.stderr for _, score, _ in contenders], higher)
    order = sorted(range(len(values)), key=lambda i: (-values[i] if higher else values[i], contenders[i][0].method))
    others.sort(key=lambda row: (row.control, row.method))
    return tuple(Ranked(ranks[i], contenders[i][0]) for i in order) + tuple(Ranked(None, row) for row in others)
