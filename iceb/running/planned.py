"""The plan of a checked run: what is stored already, what must be made, and both as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from iceb.base.wording import edits_text, task_label
from iceb.datasets.conflicts import Conflict, conflict_lines
from iceb.models.bundle import ModelBundle
from iceb.running.prompt_selection import CheckpointPrompts, Selection
from iceb.running.run_parts import Parts
from iceb.runs.retained import names_in_words, retained_scored, scored_names
from iceb.specs.metrics import AFTER, BEFORE
from iceb.specs.outside import OWN
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch
from iceb.specs.runs import RunSpec
from iceb.specs.schedules import Add, Remove, Schedule, edit_batches


@dataclass(frozen=True)
class ImageCounts:
    """Image counts for one prompt role: all of both sides, and still to draw before and after the edit."""

    role: str
    prompts: int
    before: int
    after: int | None  # None: not known before the edit is made


@dataclass(frozen=True)
class Plan:
    """A checked run that can begin; batches and prompts are resolved once, here."""

    spec: RunSpec
    parts: Parts
    schedule: Schedule
    selection: Selection
    checkpoints: tuple[CheckpointPrompts, ...]
    conflicts: tuple[Conflict, ...] = ()  # among requests that are in the model together

    @cached_property
    def batches(self) -> tuple[EditBatch, ...]:
        """The batches to edit, in order."""
        return edit_batches(self.schedule)

    @cached_property
    def prompts_before(self) -> tuple[Prompt, ...]:
        """Every prompt whose image by the unedited model some metric reads, each once."""
        found = dict.fromkeys(prompt for checkpoint in self.checkpoints for prompt in checkpoint.prompts)
        return tuple(prompt for prompt in found if BEFORE in self.selection.sides(prompt))

    @cached_property
    def models(self) -> Mapping[str, ModelBundle | None]:
        """Checkpoint → the model named as there, from the headers of stored edits; None if an edit is missing."""
        return dict(self._foresee())

    def _foresee(self) -> Iterator[tuple[str, ModelBundle | None]]:
        levels: list[tuple[str, ModelBundle | None]] = [("", self.parts.bundle)]
        for step in self.schedule:
            if isinstance(step, Add):
                levels.append((step.batch.id, self._under(levels[-1][1], step.batch)))
            elif isinstance(step, Remove):
                place = next(index for index, (name, _) in enumerate(levels) if name == step.batch)
                above = [(name, None) for name, _ in levels[place + 1 :]]
                levels = [*levels[:place], *above]
            else:
                yield step.id, levels[-1][1]

    def _under(self, model: ModelBundle | None, batch: EditBatch) -> ModelBundle | None:
        """Return the model named as under a stored edit; None if the edit is not stored."""
        if model is None:
            return None
        key = self.parts.method.key(model, batch.requests, self.spec.precision)
        summary = self.parts.edits.summary(key)
        return model.named_under(summary.weights, summary.rewrites, summary.negative_prompt) if summary else None

    @property
    def edits_cached(self) -> bool:
        """Whether the edits of all checkpoints are in the store."""
        return all(model is not None for model in self.models.values())

    @property
    def has_work(self) -> bool:
        """Whether an edit or image is missing from the stores."""
        return not self.edits_cached or any(count.before or count.after for count in self.counts)

    @cached_property
    def counts(self) -> tuple[ImageCounts, ...]:
        """Image counts by role, in the order of the task's roles."""
        before = _by_role(self.prompts_before)
        at_checkpoints = [(self.models[each.step.id], _by_role(each.prompts)) for each in self.checkpoints]
        return tuple(
            self._count(role, before.get(role, []), [(model, found.get(role, [])) for model, found in at_checkpoints])
            for role in self.parts.task.roles
            if any(role in found for _, found in at_checkpoints)
        )

    def _count(
        self, role: str, before: Sequence[Prompt], after: Sequence[tuple[ModelBundle | None, Sequence[Prompt]]]
    ) -> ImageCounts:
        """Count one role's images: its prompts before, and those of each checkpoint with the model there."""
        missing = [self._missing_after(model, prompts) for model, prompts in after]
        known = [number for number in missing if number is not None]
        return ImageCounts(
            role,
            sum(len(prompts) for _, prompts in after),
            self.parts.generator.missing(self.parts.bundle, before, self.spec.sampling),
            sum(known) if len(known) == len(missing) else None,
        )

    def _missing_after(self, model: ModelBundle | None, prompts: Sequence[Prompt]) -> int | None:
        drawn = [prompt for prompt in prompts if AFTER in self.selection.sides(prompt)]
        return self.parts.generator.missing(model, drawn, self.spec.sampling) if model is not None else None

    @cached_property
    def retained_scored(self) -> tuple[str, ...]:
        """The names that the run scores and that the method's lists retain."""
        return retained_scored(self.parts.method.method, scored_names(self.parts.dataset, self.batches))

    def lines(self) -> list[str]:
        """Describe the plan in lines of text."""
        spec, model = self.spec, self.parts.bundle
        s = spec.sampling
        return [
            f"{spec.method} on {task_label(spec.task, spec.dataset)}, {self._edits()}, {self.parts.method.origin}",
            f"model {spec.model.family} ({spec.model.repo}, {spec.model.dtype}) on {model.device}; "
            f"{s.scheduler} {s.steps} steps, guidance {s.guidance:g}, {s.height}x{s.width}",
            f"edit: {'in the cache' if self.edits_cached else 'to be made'}",
            *(_line(counts) for counts in self.counts),
            *self._estimate(),
            *self._warnings(),
        ]

    def _warnings(self) -> Iterator[str]:
        yield from (f"note: {line}" for line in self.parts.method.advice(self.spec.model))
        yield from (f"warning: {line}" for line in conflict_lines(self.conflicts))
        yield from (f"warning: {line}" for line in self.retained_notes())
        yield from self.empty_notes()

    def retained_notes(self) -> Iterator[str]:
        """Warn of names that are scored and that the method was told to retain."""
        if self.retained_scored:
            names = names_in_words(self.retained_scored)
            yield f"what is retained names {names}: no leaderboard takes such a result"

    def empty_notes(self) -> Iterator[str]:
        """List the needs of metrics that no prompt meets: these metrics will have no value."""
        prompts = [prompt for checkpoint in self.checkpoints for prompt in checkpoint.prompts]
        for metric in (each.metric for each in self.parts.scorer.metrics):
            drawn = [need for need in metric.needs if {BEFORE, AFTER} & set(need.sides)]
            lacking = [need for need in drawn if not any(map(need.accepts, prompts))]
            if len(lacking) == len(drawn) or (lacking and self.spec.task != OWN):  # there one judge of two is enough
                wanted = " with tag ".join((lacking[0].role, *lacking[0].tags))
                yield f"note: metric {metric.name} finds no prompt of role {wanted}, and has no value"

    def _edits(self) -> str:
        spec = self.spec
        edits = edits_text(spec.num_edits, spec.draws, spec.replicates)
        own = 1 if spec.draws * spec.replicates > 1 else len(self.batches)
        return edits if own == 1 else f"{edits} at a time, {own} times"

    def _estimate(self) -> list[str]:
        """Estimate the drawing time, if the cache holds this model's speed on this machine."""
        count = sum(c.before + (c.prompts if c.after is None else c.after) for c in self.counts)
        seconds = self.parts.generator.seconds_for(self.parts.bundle, self.spec.sampling, count)
        if not count or seconds is None:
            return []
        return [f"drawing {count} images takes about {timedelta(seconds=round(seconds))}, by the last time"]


def _by_role(prompts: Sequence[Prompt]) -> dict[str, list[Prompt]]:
    """Group prompts by role, in their order."""
    found: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        found.setdefault(prompt.role, []).append(prompt)
    return found


def _line(counts: ImageCounts) -> str:
    after = f"up to {counts.prompts}" if counts.after is None else str(counts.after)
    return f"{counts.role}: {counts.prompts} images a side; to draw: before {counts.before}, after {after}"
