"""Fields of an export: what is asked for, and what was written."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from iceb.base.errors import SpecError

if TYPE_CHECKING:
    from iceb.report.site.read_runs import LeftOut

Relationship = Literal["first_party", "third_party", "collaborative", "other"]  # as Every Eval Ever names them


@dataclass(frozen=True)
class ExportAsk:
    """The fields of an export; those that a form does not read are passed over.

    Attributes:
        metrics: those that are written; () for all.
        hub_dataset: owner/name of the benchmark's dataset on the Hugging Face Hub, which `hf` needs.
        source_url: a page of these results, for `hf`.
        organization: who provides the results, for `eee`.
        relationship: of whoever evaluated to the model's developer, for `eee`.
        project: the trackers' name for these runs.
    """

    metrics: tuple[str, ...] = ()
    hub_dataset: str = ""
    source_url: str = ""
    organization: str = "ICEB"
    relationship: str = "third_party"
    project: str = "iceb"

    def __post_init__(self) -> None:
        if self.relationship not in get_args(Relationship):
            allowed = ", ".join(get_args(Relationship))
            raise SpecError(f"`relationship` {self.relationship!r:.80}: must be one of {allowed}")
        for name in ("organization", "project"):
            if not getattr(self, name).strip():
                raise SpecError(f"`{name}` is empty: must be a name")

    def reads(self, metric: str) -> bool:
        """Whether a metric is written."""
        return not self.metrics or metric in self.metrics


@dataclass(frozen=True)
class LeftOutScore:
    """A score that a form leaves out, and why: it has no value, or its run is none that the form takes."""

    run: str
    metric: str
    reason: str

    @property
    def text(self) -> str:
        """Both names with the reason, in one line."""
        return f"{self.run}, {self.metric}: {self.reason}"


@dataclass(frozen=True)
class Exported:
    """An export on disk, in numbers.

    Attributes:
        files: what was written, the first to be opened first.
        records: the number of `what`.
        what: one line, table, file or run of the form, as a noun.
        left_out: scores that the form leaves out.
        runs_left_out: runs that cannot be read or failed; `iceb.write_export` says them here.
    """

    files: tuple[Path, ...]
    records: int
    what: str
    left_out: tuple[LeftOutScore, ...] = ()
    runs_left_out: "tuple[LeftOut, ...]" = ()
