"""Notes of how long edits and measuring took, for the estimate of the next sweep."""

from collections.abc import Mapping
from typing import Any

import torch

from iceb.models.environment import environment
from iceb.running.planned import Plan
from iceb.specs.results import Result
from iceb.stores.pace import Pace


def note_pace(planned: Plan, result: Result) -> None:
    """Note the seconds of a run's edits, if it made them, and of measuring an image, if it drew most."""
    pace, cost = Pace(planned.parts.cache), result.cost
    if cost.edit_seconds is not None and not cost.edits_found:
        requests = sum(len(batch.requests) for batch in planned.batches)
        repeated = planned.spec.draws * planned.spec.replicates  # `edit_seconds` are those of the first repetition
        pace.note(edit_key(planned), cost.edit_seconds * repeated / max(1, requests))
    images = images_of(planned)
    if cost.measure_seconds is not None and 2 * (cost.images_drawn or 0) >= images:
        pace.note(measure_key(planned), cost.measure_seconds / max(1, images))


def edit_seconds(planned: Plan) -> float | None:
    """The seconds of a run's edits by the last time; None where none was noted."""
    each = Pace(planned.parts.cache).seconds(edit_key(planned))
    return None if each is None else each * sum(len(batch.requests) for batch in planned.batches)


def measure_seconds(planned: Plan) -> float | None:
    """The seconds of measuring a run's images by the last time; None where none was noted."""
    each = Pace(planned.parts.cache).seconds(measure_key(planned))
    return None if each is None else each * images_of(planned)


def images_of(planned: Plan) -> int:
    """The number of images that a run measures on both sides together."""
    return sum(
        len(planned.selection.sides(prompt)) for checkpoint in planned.checkpoints for prompt in checkpoint.prompts
    )


def edit_key(planned: Plan) -> Mapping[str, Any]:
    """Everything that decides how long a request takes to edit: method, settings, model, machine."""
    spec = planned.spec
    about = {"edit": spec.method, "package": spec.package, "params": spec.params, "precision": spec.precision}
    return {**about, **_machine(planned)}


def measure_key(planned: Plan) -> Mapping[str, Any]:
    """Everything that decides how long an image takes to measure: measures, size, machine."""
    measures = sorted(measure.id for measure in planned.parts.scorer.measures.values())
    sampling = planned.spec.sampling
    return {"measure": measures, "size": [sampling.height, sampling.width], **_machine(planned)}


def _machine(planned: Plan) -> dict[str, Any]:
    bundle = planned.parts.bundle
    return {
        "model": bundle.ref.repo,
        "dtype": bundle.ref.dtype,
        "threads": torch.get_num_threads(),
        **environment(bundle),
    }
