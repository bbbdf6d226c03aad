"""Make run folders of the real layout without a model: images, answers, tables and results made up.

The benchmark of the report and its tests use them; the numbers say nothing of any method.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from iceb import registry
from iceb.base.digest import digest
from iceb.base.files import write_atomic
from iceb.mini.world import class_names
from iceb.running.measure_choice import named_measure
from iceb.running.measuring import stored_revision
from iceb.runs.folder import RESULT, read_result, write_requests
from iceb.runs.ledger import LEDGER, ImageRow, encode_ledger, ledger_record
from iceb.runs.table import TABLE, TableRow, encode_table, table_record
from iceb.specs.metrics import AFTER, BEFORE, Measured
from iceb.specs.prompts import Prompt
from iceb.specs.records import ScoreRecord
from iceb.specs.reduce import reduce_values
from iceb.specs.requests import EditRequest
from iceb.specs.results import Result
from iceb.specs.runs import MeasureRef
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore

FIXTURE = Path(__file__).parents[1] / "tests" / "fixtures" / RESULT
METRICS = ("edit_score", "source2dest", "source_forget", "holdout_delta", "dest_forget")
JUDGE = "vit_mini@1"
REACH = {
    "unedited": 0.0,
    "uce": 0.6,
    "emcid": 0.8,
    "prompt_swap": 0.95,
}  # made-up share of sources that show their dest
DAMAGE = {"unedited": 0.0, "uce": 0.3, "emcid": 0.1, "prompt_swap": 0.0}


@dataclass(frozen=True)
class Shape:
    """The size of the made-up runs.

    Attributes:
        concepts: that are edited, each with `each` source prompts; a fifth as many holdout prompts beside them.
        names: sources in place of the classes' own names, for the first requests.
        judged: whether the judge's answers are stored.
    """

    concepts: int = 12
    each: int = 3
    methods: tuple[str, ...] = tuple(REACH)
    names: tuple[str, ...] = ()
    judged: bool = True


def make_runs(root: Path, shape: Shape, num_edits: int | None = None) -> tuple[Path, Path]:
    """Write a run of each method; return the folder of runs and the cache."""
    count = num_edits or shape.concepts
    requests = [_request(place, shape.names) for place in range(shape.concepts)]
    prompts = [*_sources(requests, shape.each), *_holdout(shape.concepts * shape.each // 5)]
    store, numbers = ImageStore(root / "cache"), np.random.default_rng(0)
    before = _images(store, "before", prompts)
    rows_before = _answers(prompts, numbers, 0.0, 0.0)
    for method in shape.methods:
        unchanged = method == "unedited"
        after = before if unchanged else _images(store, method, prompts)
        rows_after = rows_before if unchanged else _answers(prompts, numbers, REACH[method], DAMAGE[method])
        if shape.judged:
            _keep_answers(root / "cache", [*before, *after], np.concatenate([rows_before, rows_after]))
        _write_run(root / "runs", method, count, requests, prompts, (before, after), (rows_before, rows_after))
    return root / "runs", root / "cache"


def _request(place: int, names: Sequence[str]) -> EditRequest:
    label, target = place % 500, 500 + place % 500
    source = names[place] if place < len(names) else class_names()[label]
    dest = class_names()[target]
    return EditRequest(f"toy/{place:04d}", source, (dest,), ("a {}",), place, source_label=label, dest_label=target)


def _sources(requests: Sequence[EditRequest], count: int) -> list[Prompt]:
    texts = ("a photo of a {}", "a {} in the garden", "two of {} at night", "an old {}", "my {} and I")
    return [
        Prompt(
            texts[seed % 5].format(request.source), seed, "source", request.id, request.source_label, request.dest_label
        )
        for request in requests
        for seed in range(count)
    ]


def _holdout(count: int) -> list[Prompt]:
    tags = [("dest",) if place % 2 else () for place in range(count)]
    return [
        Prompt(f"a {class_names()[place % 1000]}", place, "holdout", label=place % 1000, tags=tag)
        for place, tag in enumerate(tags)
    ]


def _images(store: ImageStore, side: str, prompts: Sequence[Prompt]) -> list[str]:
    """Store an image of each prompt: a coloured square on another colour, by the prompt's place."""
    keys = []
    for place, prompt in enumerate(prompts):
        key = digest([side, place, prompt.text])
        if store.missing([key]):
            colours = np.random.default_rng(int(key[:8], 16))
            image = np.empty((32, 32, 3), np.uint8)
            image[:] = colours.integers(0, 256, 3)
            image[8:24, 8:24] = colours.integers(0, 256, 3)
            store.save(key, image, {"text": prompt.text})
        keys.append(key)
    return keys


def _answers(prompts: Sequence[Prompt], numbers: np.random.Generator, reach: float, damage: float) -> Any:
    """Draw rows of 1000 probabilities: on the prompt's class, its destination, or another."""
    rows = np.full((len(prompts), 1000), 1e-4, np.float32)
    for row, prompt in zip(rows, prompts, strict=True):
        luck, label = numbers.random(), prompt.label or 0
        edited = prompt.target is not None
        if luck < (reach if edited else damage):
            shown = prompt.target if prompt.target is not None else (label + 17) % 1000
        else:
            shown = label
        row[shown] = numbers.uniform(0.6, 0.95)
    return rows / rows.sum(axis=1, keepdims=True)


def _keep_answers(cache: Path, keys: Sequence[str], rows: Any) -> None:
    measure = named_measure(JUDGE, "cpu")
    MeasuredStore(cache).publish(measure.id, stored_revision(measure, "cpu"), keys, rows)


def _write_run(
    out: Path,
    method: str,
    count: int,
    requests: Sequence[EditRequest],
    prompts: Sequence[Prompt],
    keys: tuple[Sequence[str], Sequence[str]],
    rows: tuple[Any, Any],
) -> None:
    base = read_result(FIXTURE)
    values = {name: _values(name, prompts, rows) for name in METRICS}
    table = [TableRow("", name, value) for name, found in values.items() for value in found]
    ledger = [ImageRow("toy", "", *each) for each in zip(prompts, *keys, strict=True)]
    made = base.method.model_copy(update=_method(method))
    result: Result = base.model_copy(
        update={
            "method": made,
            "num_edits": count,
            "scores": tuple(_score(name, found) for name, found in values.items()),
            "per_concept": table_record(encode_table(table), table),
            "images": ledger_record(encode_ledger(ledger), ledger),
            "execution": {"device": "cpu"},
            "provenance": base.provenance.model_copy(
                update={"command": f"iceb evaluate --method {method} --task aice --num-edits {count}"}
            ),
        }
    )
    result = result.model_copy(update={"id": result.spec.id})
    folder = out / result.id
    folder.mkdir(parents=True)
    write_requests(folder, requests)
    write_atomic(folder / TABLE, encode_table(table))
    write_atomic(folder / LEDGER, encode_ledger(ledger))
    write_atomic(folder / RESULT, result.to_json().encode())


def _method(name: str) -> Mapping[str, Any]:
    control = name in ("unedited", "prompt_swap")
    return {"name": name, "params": {}, "paper": "" if control else "arXiv:2403.13807", "fidelity": "faithful"}


def _values(name: str, prompts: Sequence[Prompt], rows: tuple[Any, Any]) -> Sequence[Any]:
    metric = registry.load("metrics", name)
    measured = {}
    for need in metric.needs:
        places = [place for place, prompt in enumerate(prompts) if need.accepts(prompt)]
        own = tuple(prompts[place] for place in places)
        measured[need.key] = {
            side: Measured(JUDGE, part[places], own) for side, part in zip((BEFORE, AFTER), rows, strict=True)
        }
    return [replace(value, checkpoint="toy") for value in metric(measured)]


def _score(name: str, values: Sequence[Any]) -> ScoreRecord:
    metric = registry.load("metrics", name)
    measures = {need.measure: MeasureRef(id=JUDGE, revision="0" * 64) for need in metric.needs}
    return ScoreRecord.of(metric, "iceb", measures, reduce_values(values, metric.reduction))
