"""Results for the Hugging Face Hub: `.eval_results` of each edited model, and `eval.yaml`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from iceb.base.errors import SpecError
from iceb.export.asking import ExportAsk, Exported
from iceb.export.folders import write_folder
from iceb.export.hub_schema import REPO_ID, HubBenchmark, check_benchmark, check_entries
from iceb.export.scored import ScoredRun, published_runs
from iceb.report.site.boards import Board
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.shown_intervals import METHODS, shown_interval

FORM = "hf"
FRAMEWORK = "iceb"
NAME = "ICEB: ImageNet Concept Editing Benchmark"
DESCRIPTION = (
    "Edits many concepts of a text-to-image model at once, and measures what changed: whether sources show their "
    "destinations, under other names too, and whether what nobody asked to change is left alone. Each task is one "
    "metric at one number of edits; the value is its mean."
)
SPLIT = "prompts"  # as `iceb.datasets.load(NAME).to_hf()` names it
ENTRIES = ".eval_results/iceb.yaml"


def write_hub(boards: Sequence[Board], out: Path, ask: ExportAsk) -> Exported:
    """Write `eval.yaml` for the benchmark's dataset, and a folder for each model repository.

    Only whole runs of tasks are written.

    Raises:
        SpecError: no dataset on the Hub is named, the source's address is none, or there is no such score.
        ResultError: the folder holds something else.
    """
    if not REPO_ID.fullmatch(ask.hub_dataset):
        raise SpecError(
            f"`hub_dataset` {ask.hub_dataset!r:.80}: must be owner/name of the Hub's dataset that holds this "
            "benchmark's eval.yaml"
        )
    runs, left_out = published_runs(boards, ask)
    benchmark = _benchmark(runs)
    checked = check_benchmark(benchmark)
    texts = {"eval.yaml": _yaml(benchmark)}
    for run in runs:
        texts[f"{_free_name(run.result.id, texts)}/{ENTRIES}"] = _yaml(_entries(run, ask, checked))
    files = write_folder(out, FORM, texts, left_out)
    return Exported(files, len(runs), "model", tuple(left_out))


def task_id(result: Result, metric: str) -> str:
    """The benchmark's task that a score belongs to: "aice-300-edit_score"."""
    return "-".join([result.task.name.replace("/", "."), str(result.num_edits), metric])


def _free_name(name: str, taken: Mapping[str, str]) -> str:
    """A run's folder; of a run that was scored again elsewhere, with a number behind it."""
    number = 1
    while f"{(free := name if number == 1 else f'{name}.{number}')}/{ENTRIES}" in taken:
        number += 1
    return free


def _benchmark(runs: Sequence[ScoredRun]) -> dict[str, Any]:
    tasks = {
        task_id(run.result, score.metric): {
            "id": task_id(run.result, score.metric),
            "config": run.result.task.dataset.replace("/", "."),
            "split": SPLIT,
        }
        for run in runs
        for score in run.scores
    }
    return {"name": NAME, "description": DESCRIPTION, "evaluation_framework": FRAMEWORK, "tasks": list(tasks.values())}


def _entries(run: ScoredRun, ask: ExportAsk, benchmark: HubBenchmark) -> list[dict[str, Any]]:
    """One model's values, in the Hub's form."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    made = [
        EvalResultEntry(
            dataset_id=ask.hub_dataset,
            task_id=task_id(run.result, score.metric),
            value=score.value,
            date=run.result.provenance.finished,
            source_url=ask.source_url or None,
            source_name="ICEB" if ask.source_url else None,
            notes=_notes(run, score),
        )
        for score in run.scores
    ]
    document: list[dict[str, Any]] = eval_result_entries_to_yaml(made)
    check_entries(document, benchmark)
    return document


def _notes(run: ScoredRun, score: ScoreRecord) -> str:
    """Describe a value in one line: method, direction, error, interval, command."""
    parts = [
        f"{run.result.model.repo} edited by {run.label}",
        f"{score.metric}, {'higher' if score.higher_is_better else 'lower'} is better",
    ]
    if score.shown_error is not None:
        parts.append(f"standard error {score.shown_error:.4g} over {score.concepts} concepts")
    if (found := shown_interval(score, run.result)) is not None:
        parts.append(f"95 % interval {found.low:.4g} to {found.high:.4g} by {METHODS[found.method]}")
    return "; ".join([*parts, run.result.provenance.command])


def _yaml(document: Any) -> str:
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return text
