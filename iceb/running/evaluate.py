"""The benchmark on one page: draw before, edit, draw after, measure, reduce."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeVar

from iceb import registry
from iceb.base.errors import DataError, SpecError
from iceb.base.frames import attribute_errors
from iceb.datasets.cards import card_sha256
from iceb.models.bundle import ModelBundle
from iceb.models.environment import environment, model_key
from iceb.models.model_watch import watch_model
from iceb.models.threads import worker_threads
from iceb.running.code_digest import code_digest
from iceb.running.cost import Seconds
from iceb.running.degenerate_images import score_and_count
from iceb.running.edit_parts import EditParts, parts_alone
from iceb.running.edit_turns import edit_turn
from iceb.running.edited_layers import lowest_text_layer
from iceb.running.edited_model import EditedModel
from iceb.running.measuring import ImagesLost
from iceb.running.no_effect import find_effects, refuse_no_effect
from iceb.running.planned import Plan
from iceb.running.plugin_records import plugin_records
from iceb.running.prompt_selection import CheckpointPrompts, check_roles
from iceb.running.result_record import EditCost, Images, Outcome, make_result
from iceb.runs.ledger import ImageRow
from iceb.runs.provenance import Origin
from iceb.specs.datasets import ConceptDataset
from iceb.specs.effects import EffectsRecord
from iceb.specs.methods import Edit
from iceb.specs.metrics import AFTER, BEFORE
from iceb.specs.prompts import ImageKey, Prompt
from iceb.specs.requests import EditBatch
from iceb.specs.results import Result
from iceb.specs.schedules import Add, Remove
from iceb.stores.remote import uploads_finished
from iceb.stores.scratch import ScratchStore

ATTEMPTS = 3  # attempts at images damaged after drawing
Made = TypeVar("Made")


class Run:
    """A run in progress: its edits, images and costs so far."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.parts = plan, plan.parts
        self.images = Images()
        self.seconds = Seconds()
        self.origin = Origin.now(self.parts.bundle.device, self.parts.command, plugin_records(self.parts.plugins))

    def outcome(self) -> Outcome:
        """Draw before, edit, draw after, measure, reduce; redraw images that turn out damaged.

        Raises:
            IcebError: the method, the model or a measure failed, or the cache cannot be written.
        """
        return self.with_attempts(self._outcome)

    def with_attempts(self, make: Callable[[], Made]) -> Made:
        """Call `make`, up to three times where images turn out damaged; return what it returns."""
        with worker_threads(self.parts.execution.workers):
            for _ in range(1, ATTEMPTS):
                with suppress(ImagesLost):
                    return make()
            return make()

    def _outcome(self) -> Outcome:
        self.images = Images()
        self.draw()
        effects = self._effects()
        with self.seconds.of("measure"):
            scores, degenerate = score_and_count(self.parts.scorer, self.images.rows)
        return Outcome.of(scores, self.images.rows, degenerate, effects)

    def _effects(self) -> EffectsRecord | None:
        """Find the edits that changed nothing; refuse a run of which none changed anything."""
        parts = self.parts
        found = find_effects(parts.task, self.plan.checkpoints, self.images.rows, parts.generator.images)
        return refuse_no_effect(parts.method.card, self.images.edits, found)

    def result(self, outcome: Outcome | None = None, error: str | None = None) -> Result:
        """Return the record of the run; with `error`, of a failed one."""
        return make_result(self.plan, self.images, self.seconds, self.origin, outcome, error)

    def draw(self) -> None:
        """Follow the schedule: one edit alive at a time where the schedule removes each before the next.

        Raises:
            IcebError: the method or the model failed, or the cache cannot be written.
        """
        self.parts.bundle.expect_edits_from(lowest_text_layer(self.parts.method.method))
        before = self._draw_before(self.plan.prompts_before)
        self._make_ahead()
        checkpoints = {checkpoint.step.id: checkpoint for checkpoint in self.plan.checkpoints}
        with EditedModel(self.parts.bundle) as model:
            for step in self.plan.schedule:
                if isinstance(step, Add):
                    model.add(step.batch.id, self._edit(model, step.batch))
                    self._check_replicate(model, step.batch)
                elif isinstance(step, Remove):
                    model.remove(step.batch)
                else:
                    self._judge(model, checkpoints[step.id], before)

    @cached_property
    def ahead(self) -> EditParts:
        """The parts of edits that are made alone, which are made before those edits."""
        return parts_alone(self.plan)

    def _make_ahead(self) -> None:
        self.ahead.make()

    def _edit(self, model: EditedModel, batch: EditBatch) -> Edit:
        parts = self.parts
        key = parts.method.key(model.current, batch.requests, self.plan.spec.precision)
        with edit_turn(parts.cache, key, parts.edits):
            ready = self.ahead.seconds_of(batch.requests)
            made = parts.method.get_or_make_edit(
                model.current, batch.requests, parts.edits, parts.cache, parts.execution, ready
            )
        self.images.edits.append(EditCost.of(made))
        return made.edit

    def _check_replicate(self, model: EditedModel, batch: EditBatch) -> None:
        """Refuse replicates of a method whose edit does not depend on the requests' seeds."""
        repeated = self.plan.spec.replicates > 1  # a dataset's own replicates are drawn with other seeds as well
        if repeated and batch.replicate and model.current.digest in self.images.digests:
            raise SpecError(
                f"`replicates`: {self.plan.spec.method} made the same edit with other seeds of the requests, so there "
                "is no error over them: use `replicates=1` (a seed of its own is a setting, and makes another row)"
            )

    def _draw_before(self, prompts: Sequence[Prompt]) -> dict[Prompt, ImageKey]:
        parts = self.parts
        with self.seconds.of("draw"):
            keys = parts.generator.draw(parts.bundle, prompts, self.plan.spec.sampling, "drawing before")
        return dict(zip(prompts, keys, strict=True))

    def _judge(self, model: EditedModel, checkpoint: CheckpointPrompts, before: Mapping[Prompt, ImageKey]) -> None:
        """Draw a checkpoint's prompts with the current model and record their images."""
        step = checkpoint.step
        prompts, before = self._prepare(model, checkpoint, before)
        drawn = [prompt for prompt in prompts if AFTER in self.plan.selection.sides(prompt)]
        with self.seconds.of("draw"):
            keys = self.parts.generator.draw(model.current, drawn, self.plan.spec.sampling, "drawing after")
        after = iter(zip(drawn, keys, strict=True))
        keys_after = [next(after)[1] if AFTER in self.plan.selection.sides(prompt) else None for prompt in prompts]
        self.images.rows += [
            ImageRow(step.id, step.group, prompt, before.get(prompt), key, step.draw)
            for prompt, key in zip(prompts, keys_after, strict=True)
        ]
        self.images.digests.append(model.current.digest)
        self.images.active[step.group] = len(model.active)

    def _prepare(
        self, model: EditedModel, checkpoint: CheckpointPrompts, before: Mapping[Prompt, ImageKey]
    ) -> tuple[Sequence[Prompt], Mapping[Prompt, ImageKey]]:
        """Return the prompts to draw, adapted to the edited model by the dataset, and their images before."""
        prepare = getattr(self.parts.dataset, "prepare", None)
        if prepare is None:
            return checkpoint.prompts, before
        name = self.plan.spec.dataset
        scratch = ScratchStore(self.parts.cache, dataset_owner(self.parts.dataset, name, model.current), {})
        who = f"dataset {name}"
        with attribute_errors(DataError, who), watch_model(model.current, who, scratch.withdraw, DataError):
            prompts = tuple(prepare(model.current, checkpoint.step, checkpoint.prompts, scratch))
        check_roles(self.parts.task, self.parts.dataset, prompts)
        with model.without_edits():
            return prompts, self._draw_before([p for p in prompts if BEFORE in self.plan.selection.sides(p)])


def dataset_owner(dataset: ConceptDataset, name: str, bundle: ModelBundle) -> dict[str, Any]:
    """Return the scratch owner of a dataset that prepares prompts: itself, on this model and machine."""
    package = registry.find("datasets", name).package
    code, kept = code_digest(type(dataset), package), environment(bundle)
    return {"dataset": name, "card": card_sha256(name), "code": code, **model_key(bundle), "environment": kept}


def evaluate(plan: Plan) -> Result:
    """Run the benchmark: draw before, edit, draw after, measure, reduce; only the cache is written.

    What exists in the stores is used; what is made is kept at once, so an interrupted call goes on where it stopped.

    Raises:
        IcebError: the method, the model or a measure failed, or the cache cannot be written.
    """
    run = Run(plan)
    with uploads_finished(plan.parts.cache):
        return run.result(run.outcome())
