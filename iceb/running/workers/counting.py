"""Count what is made of a plan from the stores, and estimate the time that is left."""

import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, suppress
from dataclasses import dataclass
from pathlib import Path

from iceb.base.errors import ResultError
from iceb.running.plan import plan
from iceb.running.planned import Plan
from iceb.running.shared_parts import SharedParts
from iceb.running.workers.machines import other_machines
from iceb.running.workers.plan_file import WorkPlan
from iceb.running.workers.shares import FAILED
from iceb.runs.folder import RESULT, read_result
from iceb.specs.metrics import AFTER
from iceb.specs.prompts import ImageKey
from iceb.stores.images import ImageStore

WINDOW = 600.0  # seconds; the images written within them give the pace


@dataclass(frozen=True)
class RunCount:
    """Counts of what is made of one run.

    Attributes:
        edits_made: whether all of its edits are in the store.
        missing: images, with those that wait for an edit.
        result: the status of its result; None where none is written.
    """

    id: str
    edits_made: bool
    made: int
    missing: int
    result: str | None


@dataclass(frozen=True)
class WorkCount:
    """Counts of what is made of a plan; images that several runs read count once in the sums.

    Attributes:
        failed: the worker's share, and what it said, of those that ended with an error; none once all is made.
        per_second: images written per second lately; None where fewer than two were.
        elsewhere: what differs from here on other machines that have worked on it; what they made is not counted here.
    """

    runs: tuple[RunCount, ...]
    made: int
    missing: int
    failed: tuple[tuple[str, str], ...]
    per_second: float | None
    elsewhere: tuple[str, ...] = ()

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds of drawing that are left; None where the pace is not known."""
        if not self.missing:
            return 0.0
        return None if self.per_second is None else self.missing / self.per_second


def count_work(work: WorkPlan, path: Path) -> WorkCount:
    """Count what is made of a plan; nothing is made, and no model is loaded.

    Args:
        path: the plan's file, beside which workers that failed have left their notes.

    Raises:
        IcebError: the plan's data, model or cache cannot be read.
    """
    runs: list[RunCount] = []
    made, missing, waiting = dict[ImageKey, None](), dict[ImageKey, None](), 0
    first = work.runs[0].ask
    path = path.absolute()
    with chdir(work.folder if work.folder.is_dir() else Path.cwd()):
        shared = SharedParts.of_model(first.model, first.dtype, first.execution)
        for each in work.runs:
            planned = plan(each.ask, may_fetch=False, shared=shared)
            images = planned.parts.generator.images
            keys, unknown = _keys(planned)
            lacking = dict.fromkeys(images.missing(keys))
            here = {key: None for key in keys if key not in lacking}
            count = len(lacking) + unknown
            runs.append(RunCount(each.id, planned.edits_cached, len(here), count, _status(work.out / each.id)))
            made, missing, waiting = {**made, **here}, {**missing, **lacking}, waiting + unknown
        pace = _pace([_write_time(images, key) for key in made])
        elsewhere = tuple(other_machines(path, shared.bundle))
    failed = () if all(map(_is_done, runs)) else tuple(_failure_notes(path.parent))
    return WorkCount(tuple(runs), len(made), len(missing) + waiting, failed, pace, elsewhere)


def _is_done(run: RunCount) -> bool:
    """Whether a run has a result, so that whoever failed on it is history."""
    return not run.missing and run.result not in (None, "failed")


def _keys(planned: Plan) -> tuple[list[ImageKey], int]:
    """The keys of a run's images, each once, and how many images have none before their edit is made."""
    generator, sampling, unknown = planned.parts.generator, planned.spec.sampling, 0
    keys = generator.keys(planned.parts.bundle, planned.prompts_before, sampling)
    for checkpoint in planned.checkpoints:
        model = planned.models[checkpoint.step.id]
        drawn = [prompt for prompt in checkpoint.prompts if AFTER in planned.selection.sides(prompt)]
        if model is None:
            unknown += len(drawn)
        else:
            keys += generator.keys(model, drawn, sampling)
    return list(dict.fromkeys(keys)), unknown


def _status(folder: Path) -> str | None:
    try:
        return read_result(folder / RESULT).status
    except ResultError:
        return None


def _failure_notes(folder: Path) -> Iterator[tuple[str, str]]:
    """The share and the error of every worker that ended with one."""
    for note in sorted(folder.glob(f"{FAILED}-*-of-*.txt")):
        index, _, count = note.stem.removeprefix(f"{FAILED}-").partition("-of-")
        with suppress(FileNotFoundError):  # its share was made just now
            yield f"{index}/{count}", note.read_text(encoding="utf-8").strip()


def _write_time(images: ImageStore, key: ImageKey) -> float:
    try:
        return images.path(key).stat().st_mtime
    except FileNotFoundError:  # removed since
        return 0.0


def _pace(written: Sequence[float], now: float | None = None) -> float | None:
    """Images per second by the times at which images were written lately.

    >>> _pace([0.0, 900.0, 910.0, 920.0], now=940.0)
    0.05
    """
    moment = time.time() if now is None else now
    recent = [each for each in written if moment - WINDOW <= each <= moment]
    spent = moment - min(recent, default=moment)
    return (len(recent) - 1) / spent if len(recent) > 1 and spent > 0 else None
