"""Runs with the scores that have a value, and those that are left out with their reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from iceb.export.asking import ExportAsk, LeftOutScore
from iceb.leaderboard.finding import row_name
from iceb.report.site.boards import Board
from iceb.report.site.read_runs import ReadRun
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result

UNSAID = "no reason is recorded"


@dataclass(frozen=True)
class ScoredRun:
    """One run and its scores that have a value.

    Attributes:
        label: the method with its settings in words.
    """

    run: ReadRun
    label: str
    scores: tuple[ScoreRecord, ...]

    @property
    def result(self) -> Result:
        """The run's result."""
        return self.run.result


def scored_runs(boards: Sequence[Board], ask: ExportAsk) -> tuple[list[ScoredRun], list[LeftOutScore]]:
    """Take every run of some boards with its scores; list the scores without a value."""
    found, left_out = [], []
    for run in (run for board in boards for run in board.runs.values()):
        scores = [score for score in run.result.scores if ask.reads(score.metric)]
        valued = tuple(score for score in scores if score.value is not None)
        found.append(ScoredRun(run, row_name(run.result), valued))
        left_out += [
            LeftOutScore(run.result.id, score.metric, score.note or UNSAID) for score in scores if score.value is None
        ]
    return found, left_out
