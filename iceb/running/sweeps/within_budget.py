"""Reduce a sweep to the share of its prompts that fits a time budget."""

from collections.abc import Callable, Sequence
from pathlib import Path

from iceb.running.shared_parts import SharedParts
from iceb.running.sweeps.asked import SweepAsk
from iceb.running.sweeps.budget import Choice, ChosenShares, choose_share, with_share
from iceb.running.sweeps.calibration import Calibrated
from iceb.running.sweeps.estimates import CellEstimate, estimate_sweep


def within_budget(
    ask: SweepAsk, shared: SharedParts, out: Path, budget: float, tell: Callable[[str], None], *, keep: bool
) -> SweepAsk:
    """Return the sweep with the part of its prompts that a budget allows, as chosen when it began.

    Args:
        budget: seconds.
        tell: told what was chosen, a line each.
        keep: note a new choice in `out`, so that the same sweep goes on with it.

    Raises:
        SpecError: not even a small part fits.
        IcebError: the sweep cannot be planned, or `out` not be written.
    """
    whole = estimate_sweep(ask, shared, out)
    kept = ChosenShares(out, [cell.cell.id for cell in whole.cells], budget)

    def choose() -> Choice:
        calibrated = whole.calibrate()

        def estimate(share: float | None) -> tuple[Sequence[CellEstimate], Calibrated | None]:
            part = estimate_sweep(with_share(ask, share), shared, out) if share else whole
            return part.cells, calibrated

        return choose_share(estimate, budget)

    choice = kept.read() or (kept.keep(choose) if keep else choose())
    for line in choice.lines(budget):
        tell(line)
    return with_share(ask, choice.share)
