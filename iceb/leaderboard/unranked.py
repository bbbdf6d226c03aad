"""The reasons why a row has no rank whatever its scores, and the sentences of a page on them."""

from collections.abc import Callable, Iterable, Mapping

from iceb.leaderboard.cells import Cell
from iceb.specs.degenerate import KnownCounts
from iceb.specs.degenerate_excess import MOST_EXCESS
from iceb.specs.records import MOST_FAILED
from iceb.specs.results import Result

DEGENERATE = "degenerate images"  # many more of them than the unedited model's
BEFORE = "images before handed in"
UNREAD = "images not looked at"  # the detector of degenerate ones failed on too many

UNNAMED = "prompt_swap"  # the control that draws the prompts with the destination's name, or without any

# Reason → whether a run gives it, beside what controls tell; the first that one gives counts.
REASONS: Mapping[str, Callable[[Result, KnownCounts], bool]] = {
    BEFORE: lambda run, _: run.outside is not None and not run.outside.knows_before,
    UNREAD: lambda run, _: run.degenerate is not None and run.degenerate.too_many_failed,
    DEGENERATE: lambda run, known: run.degenerate is not None and run.degenerate.worst(known) is not None,
}
EXPLAINED = {
    BEFORE: "A row whose images before were handed in, and are not those that ICEB drew, has no rank: they decide "
    f"every score that is a change, and all rows of a table share them. It is marked {BEFORE}.",
    UNREAD: f"A row of which the detector of degenerate images failed on over {100 * MOST_FAILED:g} % of a role's "
    f"images has no rank: {UNREAD}.",
    DEGENERATE: f"A row with over {100 * MOST_EXCESS:g} % more of them, or of noise alone, than before, in any role "
    f"or in all together, and by two standard errors more, has no rank: {DEGENERATE}.",
}
ALLOWED = f"Blank images and blobs are allowed as far as `{UNNAMED}` draws them there."


def why_unranked(cell: Cell, unnamed: Cell | None = None, unedited: Cell | None = None) -> str:
    """Return the reason why a row has no rank at this number of edits; "" if its scores decide.

    Args:
        unnamed: the control `prompt_swap` at the same number of edits, where it was run.
        unedited: the control of that name, likewise.
    """
    known = KnownCounts(*(each.first.degenerate if each is not None else None for each in (unnamed, unedited)))
    return next((why for why, gives in REASONS.items() if any(gives(run, known) for run in cell.results)), "")


def explain_unranked(cells: Iterable[Cell]) -> list[str]:
    """Return a line for each reason that some row has."""
    given = {why_unranked(cell) for cell in cells}
    return [line for why, line in EXPLAINED.items() if why in given and why != DEGENERATE]
