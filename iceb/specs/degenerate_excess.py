"""The excess of degenerate images over what is expected, and whether it is more than chance."""

import math
from dataclasses import dataclass

MOST_EXCESS = 0.05  # of the images, beyond what is expected; above it a row has no rank
FEWEST = 2  # images beyond it: a single one is chance
ERRORS = 2  # standard errors by which the excess must pass the bound


@dataclass(frozen=True)
class Excess:
    """Degenerate images of some prompts after an edit, beside what is expected of them.

    Attributes:
        after: degenerate images after the edit.
        expected: how many of as many images would be without it.
        seen: images after the edit.
        seen_before: images that the expectation rests on.
    """

    after: float
    expected: float
    seen: int
    seen_before: int

    def __add__(self, other: "Excess") -> "Excess":
        """Of both together."""
        return Excess(
            self.after + other.after,
            self.expected + other.expected,
            self.seen + other.seen,
            self.seen_before + other.seen_before,
        )

    @property
    def share(self) -> float:
        """The share of images beyond what is expected; of fewer than two images too many, 0."""
        return (self.after - self.expected) / self.seen if self.after - self.expected >= FEWEST else 0.0

    @property
    def proven(self) -> float:
        """The share less two standard errors of a difference of shares; below 0 where it may be chance.

        Each share has two images more in its error, one of them degenerate, so that few images prove little. Images are
        taken as independent.
        """
        before = self.expected / self.seen * self.seen_before if self.seen else 0.0
        sides = ((self.after, self.seen), (before, self.seen_before))
        shares = [((number + 1) / (count + 2), count + 2) for number, count in sides]
        return self.share - ERRORS * math.sqrt(sum(share * (1 - share) / count for share, count in shares))

    @property
    def is_too_much(self) -> bool:
        """Whether it passes the bound by more than chance."""
        return self.proven > MOST_EXCESS


NONE = Excess(0.0, 0.0, 0, 0)
