"""Carry out one share of a plan: draw and measure the images of its prompts."""

from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from iceb.base.cache import cache_root, require_writable
from iceb.base.errors import IcebError, MethodError, SpecError, StoreError, UnreachableError
from iceb.base.files import write_atomic
from iceb.base.frames import describe
from iceb.base.messages import one_line
from iceb.models.bundle import ModelBundle
from iceb.models.generator import Generator
from iceb.running import cache_use
from iceb.running.degenerate_images import measure_part
from iceb.running.edit_parts import EditParts
from iceb.running.edited_model import EditedModel
from iceb.running.evaluate import Run
from iceb.running.plan import plan
from iceb.running.planned import Plan
from iceb.running.result_record import Images
from iceb.running.run_folder import run
from iceb.running.shared_parts import SharedParts
from iceb.running.workers.machines import note_machine, warn_of_others
from iceb.running.workers.plan_file import PlannedRun, WorkPlan
from iceb.specs.methods import Edit
from iceb.specs.prompts import ImageKey, Prompt
from iceb.specs.requests import EditBatch
from iceb.specs.results import Result
from iceb.specs.runs import Sampling
from iceb.specs.shards import Shard
from iceb.stores.remote import uploads_finished

FAILED = "failed"  # begins the names of the notes of workers that failed, beside the plan


class ShareGenerator(Generator):
    """A generator that draws the images of one share, and knows the keys of all."""

    def __init__(self, whole: Generator, shard: Shard) -> None:
        super().__init__(whole.images, whole.pace)
        self.shard = shard

    def draw(
        self, bundle: ModelBundle, prompts: Sequence[Prompt], sampling: Sampling, name: str = "drawing"
    ) -> list[ImageKey]:
        """The key of each prompt's image; those of the share are in the store afterwards."""
        super().draw(bundle, [prompt for prompt in prompts if self.shard.has(prompt)], sampling, name)
        return self.keys(bundle, prompts, sampling)


class ShareRun(Run):
    """A run of which one share is made."""

    def __init__(self, plan: Plan, shard: Shard) -> None:
        generator = ShareGenerator(plan.parts.generator, shard)
        super().__init__(replace(plan, parts=replace(plan.parts, generator=generator)))
        self.shard = shard

    def make(self) -> int:
        """Make the edits, draw and measure the share; returns the number of images drawn.

        Raises:
            IcebError: the method, the model or a measure failed, the cache cannot be written, or uploads to its URL
                failed.
        """
        with uploads_finished(self.parts.cache):
            return self.with_attempts(self._make)

    def _make_ahead(self) -> None:
        """Share the parts of edits that are made alone with the other workers."""
        replace(self.ahead, first=self._first).make()

    def _edit(self, model: EditedModel, batch: EditBatch) -> Edit:
        """Make the edit once for all workers; what belongs to single concepts is shared among them."""
        self._edit_parts(model.current, batch).make()
        return super()._edit(model, batch)

    def _edit_parts(self, bundle: ModelBundle, batch: EditBatch) -> EditParts:
        return EditParts(self.parts, bundle, batch.requests, self._first)

    @property
    def _first(self) -> float:
        """The place among the batches of an edit where this worker begins, from 0 to 1."""
        return self.shard.index / self.shard.count

    def _make(self) -> int:
        self.images = Images()
        self.draw()
        scorer = self.parts.scorer
        shares = {name: [key for key in keys if self.shard.has_key(key)] for name, keys in scorer.references.items()}
        rows = [row for row in self.images.rows if self.shard.has(row.prompt)]
        measure_part(replace(scorer, references=shares), rows)
        return self.parts.generator.tally.drawn


@dataclass(frozen=True)
class Work:
    """A plan as one worker sees it; the model is loaded once for all of its runs."""

    plan: WorkPlan
    path: Path  # the plan's file

    @cached_property
    def shared_parts(self) -> SharedParts:
        """The model of the runs; it stays loaded from one call to the next."""
        first = self.plan.runs[0].ask
        return SharedParts.of_model(first.model, first.dtype, first.execution)

    def plans(self) -> Iterator[Plan]:
        """Plan every run.

        Raises:
            IcebError: the plan cannot be carried out here.
        """
        with self._runs() as (shared, runs):
            for each in runs:
                yield _plan_run(each, shared)

    def make(self, stage: type[ShareRun], place: int, shard: Shard) -> int:
        """Make one stage of a run's share; returns the number of images drawn.

        Args:
            place: of the run in the plan.

        Raises:
            Exception: what the run has raised.
        """
        with self._runs() as (shared, runs):
            note_machine(self.path, shared.bundle)
            try:
                return stage(_plan_run(runs[place], shared), shard).make()
            except (Exception, SystemExit):
                shared.renew()
                raise

    def share(self, shard: Shard) -> int:
        """Make one share of every run; returns the number of images drawn.

        A run that fails is noted beside the plan, where `count_work` reads it, and the others are made all the same.

        Raises:
            IcebError: the plan cannot be carried out here.
            Exception: what the first run that failed has raised.
        """
        note = self.path.with_name(f"{FAILED}-{shard.index}-of-{shard.count}.txt")
        drawn, errors = 0, list[Exception]()
        with self._runs() as (shared, runs):
            note_machine(self.path, shared.bundle)
            for each in runs:
                try:
                    drawn += ShareRun(_plan_run(each, shared), shard).make()
                except (Exception, SystemExit) as error:  # of a library, too: the next run may do without it
                    errors.append(_raisable(error))
                    shared.renew()
        if failed := [error for error in errors if not isinstance(error, UnreachableError)]:
            write_atomic(note, "".join(f"{one_line(_text_of(error))}\n" for error in failed).encode())
            raise failed[0]
        note.unlink(missing_ok=True)
        if errors:  # the cache alone could not be reached: the same share goes on later
            raise errors[0]
        return drawn

    def results(self) -> Iterator[tuple[Result, Path]]:
        """Make what is still missing of every run, and write its result.

        Raises:
            IcebError: a run failed, or the plan cannot be carried out here.
        """
        with self._runs() as (shared, runs):
            warn_of_others(self.path, shared.bundle)
            for each in runs:
                yield run(_plan_run(each, shared), self.plan.out)
        for note in self.path.parent.glob(f"{FAILED}-*.txt"):
            note.unlink(missing_ok=True)  # what failed is made

    @contextmanager
    def _runs(self) -> Iterator[tuple[SharedParts, tuple[PlannedRun, ...]]]:
        """Enter the folder in which the plan was made, with the model of its runs."""
        if not self.plan.folder.is_dir():
            raise StoreError(
                f"{self.plan.folder}: the folder in which the plan was made is not here: mount it at the same place, "
                "or write the plan anew on this machine"
            )
        with chdir(self.plan.folder):
            first = self.plan.runs[0].ask
            cache = cache_root(first.cache) if first.cache else self.plan.out
            require_writable(cache)
            cache_use.note(cache, self.plan.out)
            yield self.shared_parts, self.plan.runs


def _raisable(error: BaseException) -> Exception:
    """An error as a share raises it.

    A method's own SystemExit must not end the worker with that exit code.
    """
    return error if isinstance(error, Exception) else MethodError(f"unexpected {describe(error)}")


def _text_of(error: Exception) -> str:
    return str(error) if isinstance(error, IcebError) else f"{type(error).__name__}: {error}"


def _plan_run(each: PlannedRun, shared: SharedParts) -> Plan:
    """Plan a run of a plan here.

    Raises:
        SpecError: it is another run here, for code, data or settings differ.
    """
    found = plan(each.ask, shared=shared)
    if found.spec.id != each.id:
        raise SpecError(
            f"run {each.id} of the plan is {found.spec.id} here: code, data or a file that a setting names has "
            "changed since; write the plan anew"
        )
    return found
