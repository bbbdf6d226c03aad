"""Write results in forms that other programs read; no torch is imported."""

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from iceb.api.arguments import Place
from iceb.api.comparing import LEADERBOARDS
from iceb.api.reading import RunLike, paths_of
from iceb.api.signatures import takes

if TYPE_CHECKING:
    from iceb.export.asking import Exported


@dataclass(frozen=True)
class Exporting:
    """Arguments of an export.

    Attributes:
        runs: runs, their folders, files of results, or folders of them.
        to: "markdown", "csv", "long-csv", "latex", "parquet", "hf", "eee", "wandb", "mlflow" or "trackio".
        out: the file to write; of "hf", "eee" and trackers the folder.
        tasks: only runs of these; () for all.
        num_edits: only runs with these numbers of edits; () for all.
        metrics: only these; () for all.
        hub_dataset: of "hf": owner/name of the Hub's dataset that holds the benchmark's eval.yaml.
        source_url: of "hf": a page of these results.
        organization: of "eee": who provides the results.
        relationship: of "eee": the evaluator's to the model's developer.
        project: of trackers: the project that runs stand in.
    """

    runs: "RunLike | Iterable[RunLike]" = LEADERBOARDS
    _: KW_ONLY
    to: str
    out: Place
    tasks: Sequence[str] = ()
    num_edits: Sequence[int] = ()
    metrics: Sequence[str] = ()
    hub_dataset: str = ""
    source_url: str = ""
    organization: str = "ICEB"
    relationship: str = "third_party"
    project: str = "iceb"


@takes(Exporting)
def write_export(asked: Exporting) -> "Exported":
    """Write results in a form that other programs read, as `iceb export` does.

    A missing score is never written as a number.

    Returns:
        The files, the number of records, the scores and the runs that are left out, each with its reason.

    Raises:
        SpecError: there is no such form, task, number of edits or metric, or a field that the form needs is missing.
        ResultError: there is no run, or the folder holds something else.
        StoreError: something cannot be written.
    """
    from iceb.export.asking import ExportAsk
    from iceb.export.forms import Wanted, export

    publisher = (asked.hub_dataset, asked.source_url, asked.organization, asked.relationship, asked.project)
    ask = ExportAsk(tuple(asked.metrics), *publisher)
    wanted = Wanted(tuple(asked.tasks), tuple(asked.num_edits))
    exported, left = export(paths_of(asked.runs), asked.to, Path(asked.out), ask, wanted)
    return replace(exported, runs_left_out=left)
