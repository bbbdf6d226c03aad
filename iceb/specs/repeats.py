"""Repetitions of an edit within a run: disjoint draws of concepts, and training seeds for each."""

from dataclasses import dataclass

from iceb.specs.checks import check_int

MOST_REPEATS = 1000


@dataclass(frozen=True, slots=True)
class Repeats:
    """The numbers of repetitions of an edit within one run.

    Attributes:
        draws: disjoint sets of concepts that are edited one after the other, each alone in the model.
        replicates: edits of each set, with other seeds of the requests from the second on.
    """

    draws: int = 1
    replicates: int = 1

    def __post_init__(self) -> None:
        check_int(self.draws, "`draws`", 1, MOST_REPEATS)
        check_int(self.replicates, "`replicates`", 1, MOST_REPEATS)

    @property
    def is_single(self) -> bool:
        """Whether there is one edit, as most benchmarks define it."""
        return (self.draws, self.replicates) == (1, 1)


SINGLE = Repeats()
