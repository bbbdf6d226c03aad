"""Plan a sweep before anything is drawn: which cells can run, and why others cannot."""

from collections.abc import Callable
from dataclasses import dataclass, field

from iceb.base.errors import DataError, IcebError, MethodError, NotInDataError, SpecError
from iceb.base.wording import count_text, edits_text
from iceb.running.plan import Ask, plan
from iceb.running.planned import Plan
from iceb.running.shared_parts import SharedParts
from iceb.running.sweeps.asked import SweepAsk

CANNOT = (SpecError, NotInDataError, MethodError)  # a combination that a method, a task or its data do not have


@dataclass(frozen=True)
class Cell:
    """One run of a sweep, without its prompts: a plan holds thousands of them.

    Attributes:
        part: which of the recipe's settings, in words.
        metrics: names and versions of what is computed.
    """

    ask: Ask
    id: str
    part: str
    headline: str
    metrics: frozenset[tuple[str, int]]

    @classmethod
    def of(cls, ask: Ask, planned: Plan) -> "Cell":
        """The cell of a planned run."""
        metrics = (each.metric for each in planned.parts.scorer.metrics)
        return cls(
            ask,
            planned.spec.id,
            planned.parts.method.part,
            planned.parts.task.headline,
            frozenset((metric.name, metric.version) for metric in metrics),
        )

    @property
    def name(self) -> str:
        """The cell in words."""
        return cell_name(self.ask)


@dataclass(frozen=True)
class LeftOut:
    """A combination that is not run, and the reason."""

    ask: Ask
    reason: str

    @property
    def name(self) -> str:
        """The combination in words."""
        return cell_name(self.ask)


@dataclass(frozen=True)
class SweepPlan:
    """The cells of a sweep in the order in which they run, and what is left out of it.

    Attributes:
        failed: combinations whose data are not there, or cannot be read.
    """

    cells: tuple[Cell, ...]
    left_out: tuple[LeftOut, ...]
    failed: tuple[LeftOut, ...] = ()


def cell_name(ask: Ask) -> str:
    """A combination in words.

    >>> cell_name(Ask(task="aice", method="uce", num_edits=10, recipe="published"))
    'uce (published) on aice, 10 edits'
    """
    recipe = f" ({ask.recipe})" if ask.recipe is not None else ""
    return f"{ask.method}{recipe} on {ask.task}, {edits_text(ask.num_edits, ask.repeats.draws, ask.repeats.replicates)}"


def plan_sweep(
    sweep: SweepAsk,
    shared: SharedParts,
    may_fetch: bool = True,
    visit: Callable[[Cell, Plan], None] | None = None,
) -> SweepPlan:
    """Plan every cell; leave out, with the reason, what cannot run or would be the same run twice.

    Args:
        shared: the model of all cells.
        may_fetch: as `plan`.
        visit: called with each cell and its plan, which is dropped afterwards.

    Raises:
        SpecError: no such name or setting, or no combination can run.
        DataError: likewise, and of some the data cannot be read.
        IcebError: a model or a cache that cannot be used.
    """
    sweep.check_names()
    sorted_out = _SortedOut()
    for ask in sweep.asks():
        try:
            planned = plan(ask, may_fetch, shared)
        except CANNOT as error:
            sorted_out.left_out.append(LeftOut(ask, str(error)))
            continue
        except DataError as error:
            sorted_out.failed.append(LeftOut(ask, str(error)))
            continue
        cell = Cell.of(ask, planned)
        if sorted_out.take(cell) and visit is not None:
            visit(cell, planned)
    return sorted_out.sweep_plan()


@dataclass(frozen=True)
class _SortedOut:
    """The combinations of a sweep, sorted into those that run and those that do not."""

    cells: dict[str, Cell] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    failed: list[LeftOut] = field(default_factory=list)

    def take(self, cell: Cell) -> bool:
        """Take a cell in, or leave it out because one of its id runs already; returns whether it was taken."""
        first = self.cells.setdefault(cell.id, cell)
        if first is not cell:
            self.left_out.append(LeftOut(cell.ask, f"the same settings, so the same run, as {first.name}"))
        return first is cell

    def sweep_plan(self) -> SweepPlan:
        """The plan.

        Raises:
            SpecError: no combination can run.
            DataError: likewise, and of some the data cannot be read.
        """
        if not self.cells:
            raise _nothing_left(self.left_out, self.failed)
        return SweepPlan(tuple(self.cells.values()), tuple(self.left_out), tuple(self.failed))


def _nothing_left(left_out: list[LeftOut], failed: list[LeftOut]) -> IcebError:
    reasons = list(dict.fromkeys(each.reason for each in [*failed, *left_out]))
    more = f"; and {count_text(len(reasons) - 1, 'other reason')}" if len(reasons) > 1 else ""
    kind = DataError if failed else SpecError
    return kind(f"no combination of the sweep can run: {reasons[0]}{more}")
