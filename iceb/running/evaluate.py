"""The benchmark on one page: edit, draw, measure, reduce; then the record of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from iceb.base.digest import digest
from iceb.base.errors import IcebError, ResultError
from iceb.base.files import write_atomic
from iceb.catalogue.cards import card_sha256
from iceb.running import references
from iceb.running.cost import Seconds, peak_bytes, peak_gpu_bytes
from iceb.running.folder import RESULT, read_result, write_requests
from iceb.running.ledger import Ledger, write_ledgers
from iceb.running.parts import Parts
from iceb.running.planned import Plan
from iceb.running.provenance import Origin
from iceb.specs.records import Cost, ModelRecord, ScoreRecord, TaskRecord
from iceb.specs.requests import EditRequest
from iceb.specs.results import Result
from iceb.specs.runs import RunSpec
from iceb.stores.edits import MadeEdit


class Run:
    """One run as it goes: what was drawn, what was made, what it took."""

    def __init__(self, spec: RunSpec, parts: Parts) -> None:
        self.spec, self.parts = spec, parts
        self.before, self.after = Ledger(), Ledger()
        self.edits: list[MadeEdit] = []
        self.digests: list[str] = []
        self.seconds = Seconds()
        self.origin = Origin.now(parts.bundle.device, parts.command)
        self.batches = parts.batches(spec.num_edits)

    def scores(self) -> tuple[ScoreRecord, ...]:
        """Edit, draw, measure, reduce."""
        for requests in self.batches:
            self._edit_and_draw(requests)
        with self.seconds.of("measure"):
            return self.parts.scores(self.before, self.after)

    def _edit_and_draw(self, requests: tuple[EditRequest, ...]) -> None:
        """The same prompts with the same seeds, before and after the edit."""
        parts, sampling = self.parts, self.spec.sampling
        prompts = parts.wanted(requests)
        made = parts.made(requests)
        self.edits.append(made)
        with self.seconds.of("draw"):
            self.before.add(prompts, parts.generator.draw(parts.bundle, prompts, sampling, "drawing before"))
            with parts.bundle.applied(made.edit) as edited:
                self.digests.append(edited.digest)
                self.after.add(prompts, parts.generator.draw(edited, prompts, sampling, "drawing after"))

    def result(self, scores: tuple[ScoreRecord, ...] = (), error: str | None = None) -> Result:
        """The record of the run so far; with `error`, of a failed one."""
        return Result.of(
            self.spec,
            task=self._task(),
            method=self.parts.method.record,
            model=self._model(),
            scores=scores,
            cost=self._cost(),
            provenance=self.origin.finished(),
            log=_joined_logs([made.edit.log for made in self.edits]),
            error=error,
        )

    def _task(self) -> TaskRecord:
        task, card = self.parts.task, self.parts.dataset.card
        return TaskRecord(
            name=task.name,
            version=task.version,
            dataset=card.name,
            card_sha256=card_sha256(card.name),
            data_sha256={name: file.sha256 for name, file in card.files.items()},
            requests_sha256=digest(self.batches),
        )

    def _model(self) -> ModelRecord:
        ref = self.spec.model
        return ModelRecord(
            family=ref.family,
            repo=ref.repo,
            revision=ref.revision,
            dtype=ref.dtype,
            digest=self.parts.bundle.digest,
            edited_digest=tuple(self.digests),
        )

    def _cost(self) -> Cost:
        tally, spent = self.parts.generator.tally, self.seconds.spent
        peaks = [made.peak_bytes for made in self.edits] + [peak_bytes()]
        gpu_peaks = [made.peak_gpu_bytes for made in self.edits] + [peak_gpu_bytes()]
        return Cost(
            edit_seconds=sum(made.seconds for made in self.edits) if self.edits else None,
            draw_seconds=spent.get("draw"),
            measure_seconds=spent.get("measure"),
            total_seconds=self.seconds.total,
            edit_bytes=sum(made.bytes for made in self.edits) if self.edits else None,
            peak_bytes=max((peak for peak in peaks if peak is not None), default=None),
            peak_gpu_bytes=max((peak for peak in gpu_peaks if peak is not None), default=None),
            images_drawn=tally.drawn,
            images_reused=tally.reused,
        )


def _joined_logs(logs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """One log of several batches: the mean of each number that every batch has."""
    shared = set.intersection(*(set(log) for log in logs)) if logs else set()
    return {name: float(sum(log[name] for log in logs) / len(logs)) for name in sorted(shared)}


def evaluate(spec: RunSpec, parts: Parts) -> Result:
    """Run the benchmark: edit the model, draw before and after, measure, reduce.

    What exists in the stores is used; what is made is kept at once, so an interrupted call goes on where it stopped.

    Raises:
        IcebError: the method, the model or a measure failed, or the cache cannot be written.
    """
    run = Run(spec, parts)
    return run.result(run.scores())


def run(plan: Plan, out: Path) -> tuple[Result, Path]:
    """Carry out a plan and write its folder, `out`/<id>: result.json, and what scoring and showing it again need.

    A run that fails leaves a result too, with status "failed" and the error, unless an earlier run's stands there;
    everything made so far stays in the cache. A run that drew nothing and scores as the one before it leaves that one's
    file as it is: what it says of time, memory and origin is of the run that did the work.

    Returns:
        The result, and the path of result.json.

    Raises:
        IcebError: as `evaluate`; or `out` cannot be written, which is found before any work.
    """
    folder = out / plan.spec.id
    path = folder / RESULT
    write_atomic(folder / "plan.txt", "".join(f"{line}\n" for line in plan.lines()).encode())
    references.note(plan.parts.cache, out)
    going = Run(plan.spec, plan.parts)
    try:
        result = going.result(going.scores())
    except Exception as error:
        if _standing(path) is None:
            said = str(error) if isinstance(error, IcebError) else f"{type(error).__name__}: {error}"
            write_atomic(path, going.result(error=said).to_json().encode())
        raise
    write_requests(folder, [request for batch in going.batches for request in batch])
    write_ledgers(folder, going.before, going.after)
    standing = _standing(path)
    if standing is None or result.cost.images_drawn or standing.scores != result.scores:
        write_atomic(path, result.to_json().encode())
    return result, path


def _standing(path: Path) -> Result | None:
    """The result of an earlier run at `path`; None where there is none, or it failed."""
    try:
        found = read_result(path)
    except ResultError:
        return None
    return None if found.status == "failed" else found
