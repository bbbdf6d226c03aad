"""Set published tables beside rows of published settings, and compare the orders of methods."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TypeAlias

from iceb.leaderboard.known_floor import FLOOR
from iceb.leaderboard.published import Published
from iceb.specs.recipes import PUBLISHED
from iceb.specs.records import ScoreRecord
from tools.comparison.both_sides import Measured

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
ALONE = {"objects": 10, "road": 90, "timed": 104}  # each edit is made alone: a paper's 1 is our number of requests
NOT_OURS = ("ESD-u",)  # settings of a method of ours that no recipe has
CONTROLS = {"SD v1.4": FLOOR, "SD v1.4 (Baseline)": FLOOR}


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
    """

    table: Published
    score: str
    printed_edits: int
    num_edits: int
    methods: tuple[Beside, ...]
    control: Beside | None
    copied: Mapping[Printed, str] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """Our metric."""
        return SCORES[self.table.task][self.score]

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller number is the better one."""
        return self.table.columns[self.score].better == "lower"

    def order(self, side: str) -> tuple[str, ...]:
        """The methods, best first, by "published" or by our "value"; equal ones in the table's order."""
        sign = 1 if self.lower_is_better else -1
        return tuple(each.printed for each in sorted(self.methods, key=lambda each: sign * getattr(each, side)))

    @property
    def ordered_pairs(self) -> list[Two]:
        """Pairs of methods that both sides order: those with equal numbers on one have none."""
        return [pair for pair in combinations(self.methods, 2) if _is_ordered(*pair)]

    @property
    def pairs(self) -> list[Two]:
        """Those of them that are not counted with another table."""
        return [pair for pair in self.ordered_pairs if self.printed_key(*pair) not in self.copied]

    @property
    def other_tables(self) -> tuple[str, ...]:
        """The tables that the others are counted with."""
        names = (self.copied.get(self.printed_key(*pair)) for pair in self.ordered_pairs)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    @property
    def swaps(self) -> list[Two]:
        """The pairs whose order is another here."""
        return [pair for pair in self.pairs if _is_swapped(*pair)]

    @property
    def certain_swaps(self) -> list[Two]:
        """Those of them whose intervals here do not touch; what a paper prints is not used."""
        return [pair for pair in self.swaps if _are_apart(*pair)]

    @property
    def certain_agreements(self) -> list[Two]:
        """The pairs of the same order on both sides whose intervals here do not touch."""
        return [pair for pair in self.pairs if not _is_swapped(*pair) and _are_apart(*pair)]

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


def _is_ordered(one: Beside, other: Beside) -> bool:
    ours = one.value is not None and other.value is not None and not math.isclose(one.value, other.value, abs_tol=1e-12)
    return ours and one.published != other.published


def _is_swapped(one: Beside, other: Beside) -> bool:
    ours = (one.value or 0.0) - (other.value or 0.0)  # both are known of a comparison's methods
    return (one.published - other.published) * ours < 0


def _are_apart(one: Beside, other: Beside) -> bool:
    first, second = one.interval, other.interval
    return bool(first and second and (first[1] < second[0] or second[1] < first[0]))


def comparisons(tables: Sequence[Published], measured: Mapping[str, Measured]) -> Iterator[Comparison]:
    """Compare every score that a table and our rows of published settings have for two methods and more.

    Args:
        tables: published ones, of any task.
        measured: our results by task, of SCORES.
    """
    for table in (each for each in tables if each.task in measured):
        for score in SCORES[table.task]:
            for count in sorted({row.num_edits for row in table.rows if row.metric == score}):
                found = _compare(table, score, count, measured[table.task])
                if len(found.methods) > 1:
                    yield found


def _compare(table: Published, score: str, count: int, measured: Measured) -> Comparison:
    num_edits = ALONE.get(table.task, count)
    metric = SCORES[table.task][score]
    beside = [
        Beside(row.method, name, row.value, _score(measured, name, num_edits, metric))
        for row in table.rows
        if (row.metric, row.num_edits) == (score, count)
        and (name := _row_of(table, row.method, measured, num_edits)) is not None
    ]
    known = [each for each in beside if each.value is not None]
    methods = tuple(each for each in known if each.printed not in CONTROLS)
    control = next((each for each in known if each.printed in CONTROLS), None)
    return Comparison(table, score, count, num_edits, methods, control)


def _row_of(table: Published, printed: str, measured: Measured, num_edits: int) -> str | None:
    """The name of our row of published settings that stands for a printed method; None without one."""
    if printed in NOT_OURS or printed not in {**table.ours, **CONTROLS}:
        return None
    if printed in CONTROLS:
        return CONTROLS[printed] if (CONTROLS[printed], num_edits) in measured.by_row else None
    return published_row(measured, table.ours[printed], num_edits)


def published_row(measured: Measured, method: str, num_edits: int) -> str | None:
    """The name of a method's row of published settings, of any benchmark; None without one."""
    found = (row for row, count in measured.by_row if count == num_edits and row.startswith(f"{method}, {PUBLISHED}"))
    return min(found, default=None)


def _score(measured: Measured, row: str, num_edits: int, metric: str) -> ScoreRecord | None:
    return measured.by_row[row, num_edits][0].score(metric)
