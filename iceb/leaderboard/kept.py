"""Withhold the rank of rows whose edits damage too much of what should stay unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass

from iceb.leaderboard.cells import Cell
from iceb.leaderboard.columns import Column, column_of
from iceb.specs.records import ScoreRecord
from iceb.specs.tasks import MOST_LOST, Task

LOST, UNTOLD = "too much lost", "loss not measured"


@dataclass(frozen=True)
class Kept:
    """The metric of which rows of a table must not lose much.

    Attributes:
        metric: the task's; "" where it names none, and no rank is withheld.
        column: its column; None where no result has it.
    """

    metric: str
    column: Column | None

    @classmethod
    def of(cls, found: Sequence[Column], task: Task) -> "Kept":
        """Find the column of the metric that a task names."""
        return cls(task.kept, column_of(found, task.kept))

    def reason(self, cell: Cell) -> str:
        """Say why a row has no rank there; "" if it has kept what it must."""
        if not self.metric:
            return ""
        return loss_reason(cell.score(self.column) if self.column else None)


def loss_reason(score: ScoreRecord | None) -> str:
    """Say why a row has no rank, by its score of what must be kept; "" if it has kept it.

    The unedited model's side of the same prompts stands in the score itself.
    """
    if score is None or score.before is None or score.after is None or score.before <= 0:
        return UNTOLD
    return LOST if score.before - score.after > MOST_LOST * score.before else ""
