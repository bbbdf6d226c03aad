"""Carry out a sweep cell by cell, going on after a failed cell and after a stop."""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from iceb.base.digest import digest_file
from iceb.base.errors import IcebError, ResultError
from iceb.base.frames import describe
from iceb.base.messages import one_line
from iceb.base.out_of_memory import REMEDY, out_of_memory
from iceb.running.cost import reset_peaks
from iceb.running.plan import plan
from iceb.running.run_folder import run
from iceb.running.shared_parts import SharedParts
from iceb.running.sweeps.locks import cell_lock
from iceb.running.sweeps.pace import note_pace
from iceb.running.sweeps.planning import Cell, SweepPlan
from iceb.running.workers.plan_file import PlannedRun
from iceb.runs.folder import RESULT, read_result
from iceb.runs.ledger import LEDGER
from iceb.runs.table import TABLE
from iceb.runs.withheld import refuse_withheld
from iceb.specs.records import TableRecord
from iceb.specs.results import Result

Made = Literal["made", "found", "failed"]


@dataclass(frozen=True)
class CellOutcome:
    """The outcome of a cell.

    Attributes:
        made: now, found finished, or failed.
        error: of a failed one, in one line.
    """

    cell: Cell
    made: Made
    path: Path
    result: Result | None = None
    error: str = ""

    @property
    def status(self) -> str:
        """The status that tables show."""
        return self.result.status if self.result is not None else self.made


def finished_result(out: Path, cell: Cell) -> Result | None:
    """The result of a cell that was finished before, with every metric of today; None where there is none.

    A result of which a score is withheld is none: its measure may be mended by now.
    """
    folder = out / cell.id
    try:
        result = read_result(folder / RESULT)
    except ResultError:
        return None
    known = {(score.metric, score.version) for score in result.scores}
    whole = _is_whole(folder / TABLE, result.per_concept) and _is_whole(folder / LEDGER, result.images)
    unfinished = result.status == "failed" or any(score.withheld for score in result.scores)
    is_finished = not unfinished and result.id == cell.id and cell.metrics <= known and whole
    return result if is_finished else None


def _is_whole(path: Path, record: TableRecord | None) -> bool:
    """Whether a file is the one that a result names."""
    try:
        return record is not None and digest_file(path) == record.sha256
    except OSError:
        return False


class Sweep:
    """A sweep that is carried out.

    Args:
        planned: its cells.
        shared: the model that all of them edit.
        out: where run folders are written.
        tell: told what happens, a line each.
    """

    def __init__(self, planned: SweepPlan, shared: SharedParts, out: Path, tell: Callable[[str], None]) -> None:
        self.planned, self.shared, self.out, self.tell = planned, shared, out, tell
        self.outcomes: dict[str, CellOutcome] = {}

    def to_make(self) -> list[PlannedRun]:
        """Return the cells that are not finished, as several workers share them."""
        cells = [cell for cell in self.planned.cells if finished_result(self.out, cell) is None]
        return [PlannedRun(cell.id, cell.ask) for cell in cells]

    def carry_out(self) -> list[CellOutcome]:
        """Make every cell that is not finished; those on which another process works come last.

        Returns:
            What became of each cell, in the order of the plan.

        Raises:
            StoreError: the folder of runs cannot be written.
        """
        cells = self.planned.cells
        for place, cell in enumerate(cells, start=1):
            if not self._make(cell, f"cell {place} of {len(cells)}: {cell.name}"):
                self.tell(f"{cell.name}: another process works on it; it is looked at again at the end")
        for cell in cells:
            if cell.id not in self.outcomes:
                self._make(cell, f"waiting for another process: {cell.name}", wait=True)
        return [self.outcomes[cell.id] for cell in cells]

    def _make(self, cell: Cell, heading: str, *, wait: bool = False) -> bool:
        """Make a cell unless it is finished; False where another process works on it."""
        if wait:
            self.tell(heading)
        with cell_lock(self.out, cell.id, wait=wait) as held:
            if not held:
                return False
            if (found := finished_result(self.out, cell)) is not None:
                self.tell(f"{cell.name}: finished before, and left as it is ({self.out / cell.id / RESULT})")
                self.outcomes[cell.id] = CellOutcome(cell, "found", self.out / cell.id / RESULT, found)
            else:
                if not wait:
                    self.tell(heading)
                self.outcomes[cell.id] = self._attempt(cell)
        return True

    def _attempt(self, cell: Cell) -> CellOutcome:
        """Run a cell; whatever it raises is its own, and the next one gets a model that it has not touched."""
        path = self.out / cell.id / RESULT
        reset_peaks()
        try:
            planned = plan(cell.ask, shared=self.shared)
            result, path = run(planned, self.out)
            note_pace(planned, result)
            refuse_withheld(result)
            return CellOutcome(cell, "made", path, result)
        except (Exception, SystemExit) as error:  # of a method, a measure or a library
            line = error_line(error)
        self.shared.renew()  # not in the handler: by now what the failed run held is free
        gc.collect()
        self.tell(f"failed: {cell.name}: {line}")
        return CellOutcome(cell, "failed", path, error=line)


def error_line(error: BaseException) -> str:
    """An error in one line, with what to do where that is known."""
    if out_of_memory(error):
        return f"out of memory: {REMEDY}"
    return str(error) if isinstance(error, IcebError) else one_line(f"unexpected {describe(error)}")
