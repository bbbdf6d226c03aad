"""Compare the orders of methods in published tables and of our rows: pairs, swaps, certain ones."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TypeAlias

from iceb.leaderboard.published import Published
from iceb.specs.records import ScoreRecord

Two: TypeAlias = tuple["Beside", "Beside"]
Printed: TypeAlias = tuple[str, int, frozenset[tuple[str, float]]]  # our metric, edits, and each row's printed number
H_C = "celebrity_h_c"
SINGLE_EDITS = {  # of RoAD and TIMED
    "efficacy": "efficacy",
    "generality": "generality",
    "specificity": "specificity",
    "F1 (geometric mean of generality and specificity)": "f1_geometric",
}
SCORES: Mapping[str, Mapping[str, str]] = {  # task → score as printed → ours of the same definition
    "celebrities": {
        "Acc_e": "celebrity_acc_e",
        "Acc_s": "celebrity_acc_s",
        "Acc_p": "celebrity_acc_s",
        "Acc_r": "celebrity_acc_s",
        "H_c": H_C,
        "H_o": H_C,
    },
    "styles": {"CLIP_e": "style_clip_e", "CLIP_s": "style_clip_s", "CLIP_p": "style_clip_s", "H_a": "style_h_a"},
    "objects": {
        "Acc_e (erased)": "object_acc_e",
        "Acc_s (others)": "object_acc_s",
        "Acc_g (synonyms)": "object_acc_g",
        "H_o": "object_h_o",
    },
    "artists": {
        "holdout_artists_lpips": "artist_lpips64_holdout",
        "holdout_artists_clip_score": "artist_clip_holdout",
    },
    "road": SINGLE_EDITS,
    "timed": SINGLE_EDITS,
}
# Of them, ours of what should stay: the unedited model is the best by definition.
STAYS = (
    "artist_lpips64_holdout",
    "artist_clip_holdout",
    "celebrity_acc_s",
    "object_acc_s",
    "specificity",
    "style_clip_s",
)


@dataclass(frozen=True)
class Beside:
    """One score of a method on both sides.

    Attributes:
        printed: the method as printed.
        row: our row's name.
        published: in the paper's unit.
        ours: None where the row has no such score.
    """

    printed: str
    row: str
    published: float
    ours: ScoreRecord | None

    @property
    def value(self) -> float | None:
        """Our value."""
        return None if self.ours is None else self.ours.value

    @property
    def interval(self) -> tuple[float, float] | None:
        """Our 95 % interval; None where there is none."""
        found = None if self.ours is None else self.ours.interval
        return None if found is None else (found.low, found.high)


@dataclass(frozen=True)
class Comparison:
    """One score of one table at one number of edits.

    Attributes:
        table: the published one.
        score: as printed.
        printed_edits: the table's number of edits.
        num_edits: ours.
        methods: in the table's order, controls left out.
        control: the unedited model, where both sides have it.
        copied: pairs of printed numbers that another table has too, and is counted with, by that table's name.
        unproven: our rows that are not proven better than the unedited model.
    """

    table: Published
    score: str
    printed_edits: int
    num_edits: int
    methods: tuple[Beside, ...]
    control: Beside | None
    copied: Mapping[Printed, str] = field(default_factory=dict)
    unproven: frozenset[str] = frozenset()

    @property
    def metric(self) -> str:
        """Our metric."""
        return SCORES[self.table.task][self.score]

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller number is the better one."""
        return self.table.columns[self.score].better == "lower"

    def order(self, side: str) -> tuple[str, ...]:
        """The methods, best first, by "published" or by our "value"; equal ones as one, joined by "="."""
        sign = 1 if self.lower_is_better else -1
        numbers = {each.printed: sign * getattr(each, side) for each in self.methods}
        groups: list[list[str]] = []
        for name in sorted(numbers, key=numbers.__getitem__):
            if groups and _are_equal(numbers[groups[-1][0]], numbers[name]):
                groups[-1].append(name)
            else:
                groups.append([name])
        return tuple(" = ".join(names) for names in groups)

    @property
    def ordered_pairs(self) -> list[Two]:
        """Pairs of methods that both sides order: those with equal numbers on one have none."""
        return [pair for pair in combinations(self.methods, 2) if _is_ordered(*pair)]

    @property
    def own_pairs(self) -> list[Two]:
        """Those of them that are not counted with another table."""
        return [pair for pair in self.ordered_pairs if self.printed_key(*pair) not in self.copied]

    @property
    def pairs(self) -> list[Two]:
        """Those of them that count: not the ones apart."""
        return [pair for pair in self.own_pairs if not self._is_won_by_nothing(*pair)]

    @property
    def apart(self) -> list[Two]:
        """Those of them, by a score of STAYS, that a row wins here which is not proven to do anything."""
        return [pair for pair in self.own_pairs if self._is_won_by_nothing(*pair)]

    @property
    def other_tables(self) -> tuple[str, ...]:
        """The tables that the others are counted with."""
        names = (self.copied.get(self.printed_key(*pair)) for pair in self.ordered_pairs)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    @property
    def swaps(self) -> list[Two]:
        """The pairs whose order is another here."""
        return [pair for pair in self.pairs if is_swapped(*pair)]

    @property
    def certain_swaps(self) -> list[Two]:
        """Those of them whose intervals here do not touch; what a paper prints is not used."""
        return [pair for pair in self.swaps if is_certain(*pair)]

    @property
    def certain_agreements(self) -> list[Two]:
        """The pairs of the same order on both sides whose intervals here do not touch."""
        return [pair for pair in self.pairs if not is_swapped(*pair) and is_certain(*pair)]

    @property
    def certain_swaps_apart(self) -> list[Two]:
        """The certain swaps among the pairs apart."""
        return [pair for pair in self.apart if is_swapped(*pair) and is_certain(*pair)]

    @property
    def certain_agreements_apart(self) -> list[Two]:
        """The certain agreements among the pairs apart."""
        return [pair for pair in self.apart if not is_swapped(*pair) and is_certain(*pair)]

    def _is_won_by_nothing(self, one: Beside, other: Beside) -> bool:
        """Whether the row that keeps more here is not proven better than the unedited model."""
        sign = 1 if self.lower_is_better else -1
        best = min((one, other), key=lambda each: sign * (each.value or 0.0))
        return self.metric in STAYS and best.row in self.unproven

    def printed_key(self, one: Beside, other: Beside) -> Printed:
        """The key of a pair by its printed numbers, the same in any table and unit."""
        scale = 100 if self.table.columns[self.score].unit == "%" else 1
        numbers = frozenset((each.row, round(each.published / scale, 6)) for each in (one, other))
        return self.metric, self.num_edits, numbers


def count_once(found: Sequence[Comparison]) -> list[Comparison]:
    """Mark the pairs whose printed numbers an earlier table has too: papers copy rows of each other."""
    first: dict[Printed, str] = {}
    marked = []
    for each in found:
        copied = {key: first[key] for pair in each.ordered_pairs if (key := each.printed_key(*pair)) in first}
        marked.append(replace(each, copied=copied))
        name = f"{each.table.paper}, {each.table.figure}"
        first = {each.printed_key(*pair): name for pair in each.ordered_pairs} | first
    return marked


def _are_equal(one: float, other: float) -> bool:
    return math.isclose(one, other, abs_tol=1e-12)


def _is_ordered(one: Beside, other: Beside) -> bool:
    ours = one.value is not None and other.value is not None and not _are_equal(one.value, other.value)
    return ours and one.published != other.published


def is_swapped(one: Beside, other: Beside) -> bool:
    """Whether two methods stand in another order here than in the table."""
    ours = (one.value or 0.0) - (other.value or 0.0)  # both are known of a comparison's methods
    return (one.published - other.published) * ours < 0


def is_certain(one: Beside, other: Beside) -> bool:
    """Whether the intervals of two rows here do not touch."""
    first, second = one.interval, other.interval
    return bool(first and second and (first[1] < second[0] or second[1] < first[0]))
