"""Find the rows that paired tests prove best in a column; only these are printed in bold."""

from collections.abc import Sequence
from dataclasses import dataclass

from iceb.leaderboard.columns import Column
from iceb.leaderboard.pairwise import compare_pairs
from iceb.report.site.boards import Board
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.statistics.rank_intervals import RankInterval, rank_intervals


@dataclass(frozen=True)
class Proof:
    """The paired tests of a board's ranked rows, column by column."""

    board: Board

    def best(self, column: Column, count: int) -> frozenset[int]:
        """Places in the ranked rows of those in bold.

        None is proven better than such a row, and it is proven better than every row that shares no tie group with it,
        of which there is at least one. In the headline the ranks say so; in another column the ranked rows are tested
        likewise, by Holm's procedure over all their pairs. Where one of them has a value that no test pairs (without an
        error or a table, of fewer than ten clusters, or no mean over concepts), nothing is bold: it may be the best.
        """
        ranks = self._ranks(column, count)
        return frozenset(place for place, rank in ranks.items() if rank.first == 1 and rank.last < len(ranks))

    def _ranks(self, column: Column, count: int) -> dict[int, RankInterval]:
        """The ranks of the rows that are ranked there, in this column."""
        entries = [(place, entry) for place, entry in enumerate(self.board.table.ranked[count]) if entry.rank]
        if column == self.board.table.headline:
            return {place: entry.rank for place, entry in entries if entry.rank}
        found = [(place, entry.row.cells[count].first, entry.row.score(column, count)) for place, entry in entries]
        valued = [(place, result, score) for place, result, score in found if score and score.value is not None]
        if not all(self._is_paired(result, score) for _, result, score in valued):
            return {}
        pairs = compare_pairs(
            [(result, score) for _, result, score in valued],
            self.board.table.evidence,
            higher_is_better=column.higher_is_better,
        )
        if not all(pairs.enough):
            return {}
        return dict(zip([place for place, *_ in valued], rank_intervals(pairs.better), strict=True))

    def _is_paired(self, result: Result, score: ScoreRecord) -> bool:
        """Whether a test pairs this score's concepts with those of others."""
        tables = self.board.table.evidence.tables
        at_hand = result.per_concept is not None and result.per_concept.sha256 in tables
        return at_hand and score.stderr is not None and score.reduction.kind == "mean"


def columns_at(board: Board, count: int, reads: Sequence[str]) -> list[Column]:
    """Columns in which some row has a score there, of some metrics; of all where none is named."""
    rows = [entry.row for entry in board.table.ranked[count]]
    return [
        column
        for column in board.table.columns
        if (not reads or column.key.metric in reads) and any(row.score(column, count) for row in rows)
    ]
