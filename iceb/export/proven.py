"""Find the rows that paired tests prove best in a column: bold text rests on nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from iceb import registry
from iceb.leaderboard.columns import Column
from iceb.leaderboard.pairwise import Evidence, compare_pairs
from iceb.leaderboard.rank import Row
from iceb.report.site.boards import Board
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.statistics.rank_intervals import RankInterval, rank_intervals


@dataclass
class Proof:
    """The paired tests of a board's ranked rows, column by column.

    Attributes:
        evidence: the tables behind the scores; None where nothing is ranked.
    """

    board: Board
    evidence: Evidence | None = field(init=False)

    def __post_init__(self) -> None:
        runs = list(self.board.runs.values())
        if self.board.unranked or not runs:
            self.evidence = None
            return
        tables = {run.result.per_concept.sha256: run.table for run in runs if run.result.per_concept is not None}
        self.evidence = Evidence(registry.load("tasks", runs[0].result.task.name), tables)

    def best(self, column: Column, count: int) -> frozenset[int]:
        """Places in the ranked rows of those in bold.

        None is proven better than such a row, and it is proven better than every row that shares no tie group with it,
        of which there is at least one. In the headline the ranks say so; in another column the ranked rows are tested
        likewise, by Holm's procedure over all their pairs. Where a score is no mean over concepts, so that no test
        pairs its rows, nothing is bold.
        """
        ranks = self._ranks(column, count)
        return frozenset(place for place, rank in ranks.items() if rank.first == 1 and rank.last < len(ranks))

    def _ranks(self, column: Column, count: int) -> dict[int, RankInterval]:
        """The ranks of the rows that are ranked there, in this column."""
        entries = [(place, entry) for place, entry in enumerate(self.board.table.ranked[count]) if entry.rank]
        scored = [(place, *found) for place, entry in entries if (found := self._entry(entry.row, column, count))]
        if self.evidence is None or not scored:
            return {}
        if column == self.board.table.headline:
            return {place: entry.rank for place, entry in entries if entry.rank}
        pairs = compare_pairs(
            [(result, score) for _, result, score in scored],
            self.evidence,
            higher_is_better=column.higher_is_better,
        )
        return dict(zip([place for place, *_ in scored], rank_intervals(pairs.better), strict=True))

    def _entry(self, row: Row, column: Column, count: int) -> tuple[Result, ScoreRecord] | None:
        """A row's result and score; None where no test pairs it."""
        result, score = row.cells[count].first, row.score(column, count)
        if self.evidence is None or score is None or score.value is None or score.stderr is None:
            return None
        at_hand = result.per_concept is not None and result.per_concept.sha256 in self.evidence.tables
        return (result, score) if at_hand and score.reduction.kind == "mean" else None


def columns_at(board: Board, count: int, reads: Sequence[str]) -> list[Column]:
    """Columns in which some row has a score there, of some metrics; of all where none is named."""
    rows = [entry.row for entry in board.table.ranked[count]]
    return [
        column
        for column in board.table.columns
        if (not reads or column.key.metric in reads) and any(row.score(column, count) for row in rows)
    ]
