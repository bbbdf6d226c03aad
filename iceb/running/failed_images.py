"""Count images that a measure failed on; they are left out, and too many withhold a score."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from iceb.specs.records import MOST_FAILED, WITHHELD


@dataclass
class FailedImages:
    """Failed and read images of one metric, counted apart for each role and each reference.

    A prompt counts once, whichever of its sides failed. A role with few images is not hidden by one with many.

    >>> found = FailedImages()
    >>> found.add("source", [None] * 19 + ["measure m raised KeyError"])
    >>> found.count, found.withholds
    (1, False)
    >>> found.add("source", ["measure m raised KeyError"])
    >>> found.add("holdout", [None] * 100)
    >>> found.note
    'withheld: 2 of 21 images of source could not be measured, more than 5 % (measure m raised KeyError)'
    """

    reason: str = ""  # of the first one
    _read: dict[str, int] = field(default_factory=dict)
    _failed: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, reasons: Sequence[str | None]) -> None:
        """Count some images, each by the reason why it failed, or None."""
        lost = [reason for reason in reasons if reason is not None]
        self._read[what] = self._read.get(what, 0) + len(reasons)
        self._failed[what] = self._failed.get(what, 0) + len(lost)
        self.reason = self.reason or (lost[0] if lost else "")

    def has(self, what: str) -> bool:
        """Whether these images are counted already."""
        return what in self._read

    @property
    def count(self) -> int:
        """Number of images that failed."""
        return sum(self._failed.values())

    @property
    def withholds(self) -> bool:
        """Whether so many failed that there is no score."""
        return any(failed > MOST_FAILED * self._read[what] for what, failed in self._failed.items())

    @property
    def note(self) -> str:
        """The note of a withheld score."""
        what = max(self._failed, key=lambda what: self._failed[what] / max(1, self._read[what]))
        counts = f"{self._failed[what]} of {self._read[what]} images of {what}"
        return f"{WITHHELD} {counts} could not be measured, more than {100 * MOST_FAILED:g} % ({self.reason})"
