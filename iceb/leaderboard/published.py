"""Published numbers from baselines/published/*.toml, shown beside ICEB's rows, never among them."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iceb.base.errors import ResultError
from iceb.base.numbers import number_text
from iceb.base.readers import parse_toml
from iceb.specs.results import first_problem

PAGES = "../docs/methods"  # from a leaderboard page
EVIDENCE = {"digitised": "Read off", "printed": "Printed in"}


class PublishedRow(BaseModel):
    """One printed number."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: str
    num_edits: int = Field(ge=1)
    metric: str
    value: float
    uncertainty: float | None = None  # of the reading
    evidence: str  # printed, digitised, …
    verified: bool
    note: str = ""


class PublishedColumn(BaseModel):
    """The unit of a metric as printed, and which direction is better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = ""
    better: Literal["higher", "lower", ""] = ""


class Published(BaseModel):
    """One paper's numbers for one task on one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    paper: str
    title: str
    task: str
    task_title: str = ""  # heads a page of a task that nothing of ours registers
    family: str
    figure: str
    picture: str = ""
    how_read: str
    protocol: str
    unit: str = ""
    spread: str = "the uncertainty of reading, not a standard error"  # what ± is
    remarks: tuple[str, ...] = ()  # what to know before the numbers are compared
    exact: bool = False  # numbers stand as printed, with as many decimals
    columns: Mapping[str, PublishedColumn] = Field(default_factory=dict)  # by metric
    ours: Mapping[str, str] = Field(default_factory=dict)  # method as printed → ours that computes it
    computed: Mapping[str, str] = Field(default_factory=dict)  # metric that is not printed → how it was computed
    rows: tuple[PublishedRow, ...]

    def lines(self, metric: str, columns: Sequence[int]) -> list[list[str]]:
        """Return the rows of one metric's table: method, then one cell per number of edits."""
        cells = {(row.method, row.num_edits): row for row in self.rows if row.metric == metric}
        methods = dict.fromkeys(method for method, _ in cells)
        return [
            [self._name(method), *(self._cell(cells.get((method, count))) for count in columns)] for method in methods
        ]

    def table(self, metrics: Sequence[str]) -> list[list[str]]:
        """Return the rows of one table of all metrics, for numbers of one number of edits."""
        cells = {(row.method, row.metric): row for row in self.rows}
        methods = dict.fromkeys(row.method for row in self.rows)
        return [
            [self._name(method), *(self._cell(cells.get((method, name))) for name in metrics)] for method in methods
        ]

    def heading(self, metric: str) -> str:
        """Name a metric with the better direction and the unit as printed: "Acc_e ↓ (%)"."""
        column = self.columns.get(metric, PublishedColumn())
        arrow = {"higher": " ↑", "lower": " ↓", "": ""}[column.better]
        return f"{metric}{arrow}{f' ({column.unit})' if column.unit else ''}"

    def _cell(self, row: PublishedRow | None) -> str:
        if row is None:
            return "–"
        uncertainty = "" if row.uncertainty is None else f" ± {self._number(row.uncertainty)}"
        return f"{self._number(row.value)}{uncertainty}{'' if row.verified else ' *'}"

    def _number(self, value: float) -> str:
        return f"{value:.10g}" if self.exact else number_text(value)

    def _name(self, method: str) -> str:
        """A method as printed, with a link to ours."""
        ours = self.ours.get(method)
        return f"{method} ([{ours}]({PAGES}/{ours}.md))" if ours else method

    @property
    def source(self) -> str:
        """The way the numbers were taken from the paper: "Read off Figure 3"."""
        found = {row.evidence for row in self.rows if row.metric not in self.computed}
        return f"{EVIDENCE.get(found.pop(), 'From') if len(found) == 1 else 'From'} {self.figure}"

    def notes(self) -> list[str]:
        """Return the notes on single numbers, one line for all the numbers of edits that share a note."""
        counts: dict[tuple[str, str, str], list[int]] = {}
        for row in self.rows:
            if row.note:
                counts.setdefault((row.method, row.metric, row.note), []).append(row.num_edits)
        return [
            f"{method}, {metric} at {', '.join(map(str, sorted(at)))} edits: {note}"
            for (method, metric, note), at in counts.items()
        ]


def read_published() -> list[Published]:
    """Read all files in baselines/published, sorted by file name.

    Raises:
        ResultError: a file is not TOML or has a field that is missing, unknown or out of range.
    """
    folder = files("iceb.baselines") / "published"
    return [
        parse(entry.read_text(encoding="utf-8"), entry.name)
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    ]


def parse(text: str, name: str) -> Published:
    """Parse and check one file's numbers.

    Raises:
        ResultError: as `read_published`.
    """
    try:
        return Published.model_validate(parse_toml(text, f"published/{name}", ResultError))
    except ValidationError as error:
        raise ResultError(f"published/{name}: {first_problem(error)}") from error
