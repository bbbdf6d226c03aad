"""Bring the published curves of AICE and mini's results into one normalised form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from iceb.leaderboard.identity import Identity
from iceb.leaderboard.published import Published, PublishedRow
from iceb.leaderboard.settings_diff import named_settings
from iceb.specs.recipes import PUBLISHED
from iceb.specs.results import Result

PAPER, TASK, FAMILY = "arXiv:2403.13807", "aice", "mini"
COUNTS = (10, 50, 100, 300)
METHODS = {"EMCID": "emcid", "UCE": "uce", "TIME": "time", "ReFACT": "refact", "ESD": "esd"}  # as printed → ours
CHOSEN, APART = ("EMCID", "UCE", "TIME"), ("ReFACT", "ESD")  # mini's dials were to be chosen on the first alone
ERASERS = ("ESD",)  # have no destination: what they forget of the source stands for it
ORDERED = tuple(name for name in METHODS if name not in ERASERS)
ROWS = {printed: f"{ours}, {PUBLISHED}" for printed, ours in METHODS.items()}  # as printed → the name of our row
CEILING = "prompt_swap"  # a row
KEPT, EDITED = "holdout", "edited"  # the two numbers of a method at a number of edits
UNEDITED = {
    KEPT: 0.731,
    EDITED: 0.80,
}  # Stable Diffusion 1.4: the lowest that holdout_delta reaches, the source's score
METRICS = {KEPT: "holdout_delta", EDITED: "source2dest"}
FORGET, HEADLINE = "source_forget", "edit_score"


def metric_of(printed: str, number: str) -> str:
    """The metric behind one of a method's two numbers.

    >>> metric_of("UCE", EDITED), metric_of("ESD", EDITED)
    ('source2dest', 'source_forget')
    """
    return FORGET if number == EDITED and printed in ERASERS else METRICS[number]


@dataclass(frozen=True)
class Alternative:
    """Another row of a printed method, which the figure may show: beside the fidelity, not in it."""

    printed: str
    row: str
    title: str

    @property
    def rows(self) -> Mapping[str, str]:
        """The row by the printed name."""
        return {self.printed: self.row}


ALTERNATIVES = (Alternative("UCE", f"uce-emcid, {PUBLISHED}", "UCE as EMCID's repository runs it"),)


@dataclass(frozen=True)
class Pair:
    """One normalised number of a method at a number of edits, on both sides."""

    printed: str  # the method's name in the paper
    row: str  # the name of our row that stands for it, "uce, published"
    num_edits: int
    number: str  # KEPT or EDITED
    published: float
    measured: float | None  # None: no result of published settings has it
    verified: bool = True  # False: the figure only bounds the published number

    @property
    def difference(self) -> float | None:
        """Mini's number minus the published one."""
        return None if self.measured is None else self.measured - self.published

    @property
    def name(self) -> str:
        """The number in words: "ReFACT's holdout at 300 edits"."""
        return f"{self.printed}'s {self.number} at {self.num_edits} edits"


@dataclass(frozen=True)
class Measured:
    """Mini's results of one table."""

    results: tuple[Result, ...]

    @classmethod
    def of(cls, results: Iterable[Result], task: str = TASK) -> "Measured":
        """Choose a task's results on mini; of several tables the one with most."""
        tables: dict[Identity, list[Result]] = {}
        for result in results:
            if (result.task.name, result.model.family) == (task, FAMILY) and result.status != "failed":
                tables.setdefault(Identity.of(result), []).append(result)
        largest: list[Result] = max(tables.values(), key=len, default=[])
        return cls(tuple(largest))

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Digests of the unedited weights."""
        return tuple(dict.fromkeys(result.model.digest for result in self.results))

    @cached_property
    def by_row(self) -> Mapping[tuple[str, int], list[Result]]:
        """The results by the name of their row, which says their settings, and the number of edits."""
        found: dict[tuple[str, int], list[Result]] = {}
        for result in self.results:
            row = named_settings(result).label(result.method.name)
            found.setdefault((row, result.num_edits), []).append(result)
        return found

    def mean(self, row: str, num_edits: int, metric: str, field: str = "value") -> float | None:
        """The mean of a score's field over the runs of a row; None without one."""
        scores = [result.score(metric) for result in self.by_row.get((row, num_edits), [])]
        values = [getattr(score, field) for score in scores if score is not None]
        found = [value for value in values if value is not None]
        return fmean(found) if found else None

    def ratio(self, row: str, num_edits: int, metric: str) -> float | None:
        """A score divided by what there is to lose, or by what the ceiling reaches."""
        value = self.mean(row, num_edits, metric)
        if metric == METRICS[EDITED]:
            whole = self.mean(CEILING, num_edits, metric)
        else:
            whole = self.mean(row, num_edits, metric, "before")
        return value / whole if value is not None and whole else None


@dataclass(frozen=True)
class BothSides:
    """The published curves and mini's results."""

    paper: Published
    measured: Measured

    def published_row(self, method: str, num_edits: int, metric: str) -> PublishedRow:
        """A number that was read from the figure."""
        key = (method, num_edits, metric)
        return next(row for row in self.paper.rows if (row.method, row.num_edits, row.metric) == key)

    def pairs(self, rows: Mapping[str, str] = ROWS) -> list[Pair]:
        """Both numbers of each method's row at each number of edits."""
        return [
            self._pair(printed, row, count, number)
            for printed, row in rows.items()
            for count in COUNTS
            for number in (EDITED, KEPT)
        ]

    def _pair(self, printed: str, row: str, count: int, number: str) -> Pair:
        metric = metric_of(printed, number)
        read, measured = self.published_row(printed, count, metric), self.measured.ratio(row, count, metric)
        return Pair(printed, row, count, number, read.value / UNEDITED[number], measured, read.verified)

    @cached_property
    def missing(self) -> list[str]:
        """The results that the fidelity lacks, a line for each method."""
        lacking: dict[str, dict[int, None]] = {}
        for pair in self.pairs():
            if self.measured.mean(pair.row, pair.num_edits, metric_of(pair.printed, pair.number)) is None:
                lacking.setdefault(pair.row, {})[pair.num_edits] = None
        for count in COUNTS:
            if self.measured.mean(CEILING, count, METRICS[EDITED]) is None:
                lacking.setdefault(CEILING, {})[count] = None
        return [f"{name}: at {', '.join(map(str, counts))} edits" for name, counts in lacking.items()]


def fidelity(pairs: Sequence[Pair], methods: Iterable[str] = METHODS) -> float | None:
    """The mean absolute difference over some methods' numbers; None if one is missing."""
    wanted = set(methods)
    found = [pair.difference for pair in pairs if pair.printed in wanted]
    known = [abs(difference) for difference in found if difference is not None]
    return fmean(known) if known and len(known) == len(found) else None
