"""Results as Every Eval Ever's aggregate records: one file a run, none with a score that has no value."""

import json
import time
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from iceb import registry
from iceb.base.digest import digest, plain
from iceb.base.errors import IcebError
from iceb.datasets import load_card
from iceb.export.asking import ExportAsk, Exported
from iceb.export.eee_schema import VERSION, Bound, bound_text, check_record
from iceb.export.folders import write_folder
from iceb.export.scored import ScoredRun, published_runs
from iceb.models.families import FAMILIES
from iceb.report.meanings import meaning_of
from iceb.report.site.boards import Board
from iceb.specs.meanings import UNBOUNDED, Meaning
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.shown_intervals import METHODS, shown_interval

FORM = "eee"
COLLECTION = "iceb"
OF_MEANS = "over concepts, and over draws or edits where a run has several"
OF_SETS = "random halves of the concepts"
UNKNOWN = Meaning(definition="This metric is not installed where the record was written.")


def write_eee(boards: Sequence[Board], out: Path, ask: ExportAsk) -> Exported:
    """Write a record for each whole run of a task that has a score, where the datastore asks for it.

    Raises:
        SpecError: there is no such score, or a record is not as the form asks.
        ResultError: the folder holds something else.
    """
    runs, left_out = published_runs(boards, ask)
    now = f"{time.time():.3f}"
    texts = {}
    for run in runs:
        path, document = f"data/{COLLECTION}/{_model_id(run.result)}/{_uuid(run)}.json", record(run, ask, now)
        check_record(document, path)
        texts[path] = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    files = write_folder(out, FORM, texts, left_out)
    return Exported(files, len(texts), "record", tuple(left_out))


def record(run: ScoredRun, ask: ExportAsk, now: str) -> dict[str, Any]:
    """One run's record.

    Args:
        now: when the record is written, in seconds since 1970.
    """
    result = run.result
    return {
        "schema_version": VERSION,
        "evaluation_id": f"{COLLECTION}/{result.id}/{_seconds(result.provenance.finished)}",
        "evaluation_timestamp": result.provenance.finished,
        "retrieved_timestamp": now,
        "source_metadata": {
            "source_name": "ICEB",
            "source_type": "evaluation_run",
            "source_organization_name": ask.organization,
            "evaluator_relationship": ask.relationship,
        },
        "eval_library": _library(result),
        "model_info": _model(run),
        "evaluation_results": [_evaluation(run, score) for score in run.scores],
    }


def _uuid(run: ScoredRun) -> str:
    """The name of a run's file, the same at each export: a UUID 4 of a digest instead of chance."""
    made = digest([run.result.id, plain(run.result.provenance)])
    return str(uuid.UUID(bytes=bytes.fromhex(made[:32]), version=4))


def _seconds(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).timestamp():.0f}"


def _library(result: Result) -> dict[str, Any]:
    origin = result.provenance
    version = result.method.package_version if result.method.package == registry.OWN else ""
    details = {"commit": origin.commit or "", "python": origin.python, "device": origin.device, **origin.packages}
    return {
        "name": "iceb",
        "version": version or origin.packages.get("iceb", "unknown"),
        "additional_details": {name: value for name, value in details.items() if value},
    }


def _model_id(result: Result) -> str:
    """The edited model's repository; of a folder, which has none, its last name under local."""
    owner, _, name = result.model.repo.strip("/").rpartition("/")
    return f"{owner}/{name}" if owner and "/" not in owner else f"local/{name or 'model'}"


def _model(run: ScoredRun) -> dict[str, Any]:
    result = run.result
    model, method = result.model, result.method
    family = FAMILIES.get(model.family)
    return {
        "name": f"{model.repo} edited by {run.label}",
        "id": _model_id(result),
        "developer": _model_id(result).partition("/")[0],
        "inference_engine": {"name": "diffusers", "version": result.provenance.packages.get("diffusers", "unknown")},
        "additional_details": {
            "deployment_type": "self_deployed",
            "model_availability": "open_weights" if family and family.repo == model.repo else "unknown",
            "revision": model.revision,
            "dtype": model.dtype,
            "edited_sha256": ", ".join(model.edited_digest),
            "edited_by": method.name,
            "edited_by_version": str(method.version),
            "edited_by_package": f"{method.package} {method.package_version}",
            "edited_by_paper": method.paper,
            "settings": json.dumps(plain(method.params), sort_keys=True, ensure_ascii=False),
            "num_edits": str(result.num_edits),
            "draws": str(result.draws),
            "seeds": str(result.replicates),
        },
    }


def _evaluation(run: ScoredRun, score: ScoreRecord) -> dict[str, Any]:
    result = run.result
    return {
        "evaluation_result_id": f"{result.id}/{score.metric}",
        "evaluation_name": f"iceb.{result.task.name.replace('/', '.')}.n{result.num_edits}",
        "source_data": _data(result),
        "evaluation_timestamp": result.provenance.finished,
        "metric_config": _metric(score),
        "score_details": _score(score, result),
        "generation_config": {
            "generation_args": {"execution_command": result.provenance.command},
            "additional_details": {name: str(value) for name, value in plain(result.sampling).items()},
        },
    }


def _data(result: Result) -> dict[str, Any]:
    """The dataset, with the address of the commit that its files come from."""
    task = result.task
    details = {
        "task": f"{task.name} version {task.version}",
        "dataset_version": str(task.dataset_version),
        "card_sha256": task.card_sha256,
        "prompts_sha256": task.prompts_sha256,
        "requests_sha256": task.requests_sha256,
    }
    try:
        source = load_card(task.dataset).source
    except IcebError:
        source = None
    if source is None or source.repository.count("/") != 1:
        return {"dataset_name": task.dataset, "source_type": "other", "additional_details": details}
    address = f"https://github.com/{source.repository}/tree/{source.commit}/{source.folder}".rstrip("/")
    return {"dataset_name": task.dataset, "source_type": "url", "url": [address], "additional_details": details}


def _metric(score: ScoreRecord) -> dict[str, Any]:
    meaning = _meaning(score)
    low, high = _bounds(meaning, score)
    measures = {kind: f"{each.id} {each.revision}" for kind, each in score.measures.items()}
    return {
        "evaluation_description": meaning.definition,
        "metric_id": f"{score.package}.{score.metric}",
        "metric_name": score.metric,
        "metric_unit": score.unit,
        "lower_is_better": not score.higher_is_better,
        "score_type": "continuous",
        "min_score": low,
        "max_score": high,
        "additional_details": {
            "version": str(score.version),
            "formula": meaning.formula,
            "caveat": meaning.caveat,
            **measures,
        },
    }


def _meaning(score: ScoreRecord) -> Meaning:
    try:
        entry = registry.find("metrics", score.full_name)
        return meaning_of(entry, entry.load())
    except IcebError:
        return UNKNOWN


def _bounds(meaning: Meaning, score: ScoreRecord) -> tuple[Bound, Bound]:
    """The metric's range; none where the score, of another version, lies outside it."""
    low, high = meaning.range
    if score.value is not None and not low <= score.value <= high:
        low, high = UNBOUNDED
    return bound_text(float(low)), bound_text(float(high))


def _score(score: ScoreRecord, result: Result) -> dict[str, Any]:
    details = {"images": str(score.n), "failed_images": str(score.failed), "note": score.note}
    details |= {name: repr(side) for name in ("before", "after") if (side := getattr(score, name)) is not None}
    found: dict[str, Any] = {"score": score.value, "details": {name: text for name, text in details.items() if text}}
    how = OF_SETS if score.reduction.kind == "set" else OF_MEANS
    uncertainty: dict[str, Any] = {"num_samples": score.concepts}
    if score.shown_error is not None:
        uncertainty["standard_error"] = {"value": score.shown_error, "method": how}
    if (ends := shown_interval(score, result)) is not None:
        by = METHODS[ends.method] if ends.method == "bca" else f"{METHODS[ends.method]}, {how}"
        interval = {"lower": ends.low, "upper": ends.high, "confidence_level": ends.level, "method": by}
        uncertainty["confidence_interval"] = interval
    return found | ({"uncertainty": uncertainty} if len(uncertainty) > 1 else {})
