"""Cut a sweep down to the part of its prompts that a budget of time allows."""

from collections.abc import Callable
from pathlib import Path

from iceb.running.shared_parts import SharedParts
from iceb.running.sweeps.asked import SweepAsk
from iceb.running.sweeps.budget import Choice, ChosenShares, choose_share, with_share
from iceb.running.sweeps.estimates import estimate_sweep


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
    whole, first = estimate_sweep(ask, shared, out)
    kept = ChosenShares(out, [cell.cell.id for cell in whole], budget)

    def choose() -> Choice:
        return choose_share(
            lambda share: (estimate_sweep(with_share(ask, share), shared, out)[0] if share else whole, first), budget
        )

    choice = kept.read() or (kept.keep(choose) if keep else choose())
    for line in choice.lines(budget):
        tell(line)
    return with_share(ask, choice.share)
