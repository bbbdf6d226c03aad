"""Choose the part of a sweep's prompts whose planned time fits a budget."""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iceb.base.digest import digest
from iceb.base.errors import SpecError
from iceb.base.files import write_atomic
from iceb.base.messages import quote
from iceb.base.wording import count_text
from iceb.running.sweeps.asked import SweepAsk
from iceb.running.sweeps.calibration import Calibrated
from iceb.running.sweeps.estimates import CellEstimate
from iceb.running.sweeps.locks import cell_lock
from iceb.specs.repeats import SINGLE

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
TIME = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smhd])")
LEAST = 0.01  # a smaller part rests on too few concepts
TRIES = 4
FOLDER = "budgets"  # beside the runs: what was chosen, so that the same command goes on with the same part


@dataclass(frozen=True)
class Choice:
    """The part of a sweep that a budget allows.

    Attributes:
        share: the part of the prompts; None: all of them.
        seconds: the planned time, as far as it is known.
        unknown: cells whose edits or measuring take a time that is not known.
    """

    share: float | None
    seconds: float
    unknown: int = 0

    def lines(self, budget: float) -> list[str]:
        """Say what was chosen."""
        fits = f"planned {self.seconds:.0f} s of {budget:.0f} s"
        unknown = f"; {count_text(self.unknown, 'cell')} of unknown edit or measuring time count without it"
        rest = unknown if self.unknown else ""
        if self.share is None:
            return [f"budget: everything fits ({fits}{rest})"]
        return [
            f"budget: `share={self.share:g}` of the prompts, drawn at random ({fits}{rest})",
            "means over them estimate those over all without bias; such results are partial and never rank",
        ]


def parse_budget(text: str) -> float:
    """Seconds of a time like 90s, 45m, 2h or 1.5d.

    Raises:
        SpecError: it is no such time.

    >>> parse_budget("2h"), parse_budget("1.5m")
    (7200.0, 90.0)
    """
    found = TIME.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise SpecError(f"`budget` {quote(text)}: must be a time above 0 like 90s, 45m, 2h or 1d")
    return float(found[1]) * UNITS[found[2]]


def budget_of(text: str | None, sweep: SweepAsk) -> float | None:
    """Seconds that a sweep may take; None for any.

    Raises:
        SpecError: as `parse_budget`; or its runs have a part of their prompts already, or repeat their edits.
    """
    if text is None:
        return None
    if any(sweep.common.get(name) is not None for name in ("limit", "share")):
        raise SpecError("`budget` chooses what part is drawn: leave `limit` and `share` out")
    if not sweep.common.get("repeats", SINGLE).is_single:
        raise SpecError("`budget` chooses a part of one edit's prompts: use `draws=1` and `replicates=1` with it")
    return parse_budget(text)


def choose_share(
    estimate: Callable[[float | None], tuple[Sequence[CellEstimate], Calibrated | None]], budget: float
) -> Choice:
    """Choose the largest part, of two digits, whose planned time fits.

    Args:
        estimate: plans the sweep with a part of the prompts.
        budget: seconds.

    Raises:
        SpecError: not even a small part fits.
    """
    share: float | None = None
    for _ in range(TRIES):
        cells, calibrated = estimate(share)
        fixed, varying, unknown = _seconds(cells, calibrated)
        if fixed + varying <= budget:
            return Choice(share, fixed + varying, unknown)
        tried, whole = share, varying / (share or 1.0)
        share = _two_digits(min((budget - fixed) / whole if whole else 0.0, 0.95 * (share or 1.0)))
        if share < LEAST:
            break
    raise SpecError(_too_few(budget, tried, fixed, varying, share is not None and share < LEAST))


def _too_few(budget: float, tried: float | None, fixed: float, varying: float, is_last: bool) -> str:
    """Say that no part fits, and what the smallest one that was tried takes.

    Args:
        is_last: a smaller part is too small.
    """
    part = "all prompts" if tried is None else f"`share={tried:g}` of the prompts"
    rest = f", and less than {LEAST:g} of them is too little" if is_last else ", the last part that was tried"
    return (
        f"`budget`: {budget:.0f} s are too few: edits take about {fixed:.0f} s, drawing and measuring {part} about "
        f"{varying:.0f} s{rest}; give more time, or fewer methods or counts"
    )


def _two_digits(share: float) -> float:
    """A part rounded down to two digits.

    >>> _two_digits(0.1299), _two_digits(0.0567), _two_digits(-1.0)
    (0.12, 0.05, 0.0)
    """
    return max(0.0, math.floor(share * 100) / 100)


def _seconds(cells: Sequence[CellEstimate], calibrated: Calibrated | None) -> tuple[float, float, int]:
    """Seconds of edits, those that grow with the images, and the cells of which a part is unknown."""
    open_cells = [cell for cell in cells if not cell.finished]
    images = sum(cell.to_draw for cell in open_cells) * (calibrated.seconds if calibrated is not None else 0.0)
    varying = images + sum(cell.measure_seconds or 0.0 for cell in open_cells)
    unknown = sum(cell.edit_seconds is None or cell.measure_seconds is None for cell in open_cells)
    return sum(cell.edit_seconds or 0.0 for cell in open_cells), varying, unknown


def with_share(sweep: SweepAsk, share: float | None) -> SweepAsk:
    """Return a sweep of a part of its prompts."""
    return sweep if share is None else replace(sweep, common={**sweep.common, "share": share})


class ChosenShares:
    """Parts that budgets have chosen for sweeps into a folder: a sweep that goes on keeps its part.

    Args:
        out: the folder of runs.
        ids: of the cells with all of their prompts.
        budget: seconds.
    """

    def __init__(self, out: Path, ids: Sequence[str], budget: float) -> None:
        self.out, self.name = out, f"{FOLDER}/{digest([sorted(ids), budget])[:16]}"
        self.path = out / f"{self.name}.json"

    def read(self) -> Choice | None:
        """Return the choice made before; None where there is none, or its file is damaged."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            share = found["share"]
            return Choice(None if share is None else float(share), float(found["seconds"]), int(found["unknown"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, choose: Callable[[], Choice]) -> Choice:
        """Make a choice and keep it; where another process is making one, wait and return that.

        Raises:
            SpecError: not even a small part fits.
            StoreError: the folder cannot be written.
        """
        with cell_lock(self.out, self.name, wait=True):
            found = self.read()
            if found is None:
                found = choose()
                self.write(found)
        return found

    def write(self, choice: Choice) -> None:
        """Keep a choice.

        Raises:
            StoreError: the folder cannot be written.
        """
        document = {"share": choice.share, "seconds": choice.seconds, "unknown": choice.unknown}
        write_atomic(self.path, json.dumps(document).encode())
