"""Columns of a table: scores are compared per metric, so a new metric does not split the table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from iceb.base.numbers import DECIMALS, decimals_of
from iceb.leaderboard.installed import find_installed
from iceb.specs.records import ScoreRecord
from iceb.specs.tasks import Task


@dataclass(frozen=True, order=True)
class Comparable:
    """The fields that two scores must share to be in one column.

    Attributes:
        measures: kind, id and revision of each measure.
        references: name and digest of each side of images from elsewhere.
    """

    metric: str
    version: int
    package: str
    measures: tuple[tuple[str, str, str], ...]
    references: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, score: ScoreRecord) -> "Comparable":
        """Return the key of this score's column."""
        used = sorted((kind, each.id, each.revision) for kind, each in score.measures.items())
        return cls(score.metric, score.version, score.package, tuple(used), tuple(sorted(score.references.items())))


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    key: Comparable
    label: str  # as short as distinguishes it from the others
    higher_is_better: bool
    count: int  # scores in the column
    decimals: int = DECIMALS  # of its numbers

    @property
    def heading(self) -> str:
        """The label, with an arrow in the better direction."""
        return f"{self.label} {'↑' if self.higher_is_better else '↓'}"

    def score(self, scores: Iterable[ScoreRecord]) -> ScoreRecord | None:
        """Return the score that belongs in this column."""
        return next((score for score in scores if Comparable.of(score) == self.key), None)


def columns(scores: Iterable[ScoreRecord], task: Task) -> tuple[Column, ...]:
    """Return the columns for some scores: the task's metrics first, then others, older versions first."""
    found: dict[Comparable, list[ScoreRecord]] = {}
    for score in scores:
        found.setdefault(Comparable.of(score), []).append(score)
    order = {name: place for place, name in enumerate((*task.metrics, *task.optional_metrics))}
    keys = sorted(found, key=lambda key: (order.get(key.metric, len(order)), key))
    labels = _labels(keys)
    return tuple(
        Column(key, labels[key], found[key][0].higher_is_better, len(found[key]), _decimals(found[key])) for key in keys
    )


def _decimals(scores: Sequence[ScoreRecord]) -> int:
    """The decimals that the middle one of a column's standard errors needs."""
    errors = [score.stderr for score in scores if score.value is not None and score.stderr]
    return decimals_of(median(errors)) if errors else DECIMALS


def _labels(keys: Sequence[Comparable]) -> Mapping[Comparable, str]:
    """Label each column with the shortest of five descriptions that tells a metric's columns apart."""
    found: dict[Comparable, str] = {}
    for name in dict.fromkeys(key.metric for key in keys):
        alike = [key for key in keys if key.metric == name]
        for labels in zip(*(_descriptions(key) for key in alike), strict=True):
            if len(set(labels)) == len(alike):
                found |= dict(zip(alike, labels, strict=True))
                break
    return found


def _descriptions(key: Comparable) -> tuple[str, ...]:
    """Return the descriptions from the shortest to the complete one."""
    version = f"{key.metric} v{key.version}"
    measures = ", ".join(identity for _, identity, _ in key.measures)
    revisions = ", ".join(f"{identity} {revision[:8]}" for _, identity, revision in key.measures)
    whole = ", ".join(
        [" ".join(each) for each in key.measures] + [f"{name} {found[:12]}" for name, found in key.references]
    )
    return (
        key.metric,
        version,
        f"{version} ({key.package})",
        f"{version} ({key.package}, {measures})",
        f"{version} ({key.package}, {revisions})",
        f"{version} ({key.package}, {whole})",
    )


def column_of(found: Sequence[Column], metric: str) -> Column | None:
    """Return the column by which rows are ranked in a metric; None if there is no score of it.

    The installed metric comes first, so that no file of an unknown package or version takes the ranks; of several
    judges the one of most results.
    """
    mine = [column for column in found if column.key.metric == metric]
    return max(mine, key=lambda column: (_is_installed(column.key), column.count, column.key), default=None)


def _is_installed(key: Comparable) -> bool:
    metric = find_installed("metrics", key.metric, key.package)
    return metric is not None and metric.version == key.version
