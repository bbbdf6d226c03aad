"""Edit and measure: runs, new scores of stored images, and scores of images that you hand in."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iceb.api.arguments import Drawing, Evaluation, Place, command_of, path_or_none
from iceb.api.reading import Run, RunLike, path_of
from iceb.api.signatures import takes

if TYPE_CHECKING:
    from iceb.running.planned import Plan

LOG = logging.getLogger("iceb")  # the plan's lines, at the level info


@takes(Evaluation)
def evaluate(asked: Evaluation) -> Run:
    """Edit, draw before and after, measure, and write one result, as `iceb evaluate` does.

    What the cache holds is used, and what is made is kept at once, so a call that was stopped goes on.

    Returns:
        The run; its `result` holds values with errors, its `frame()` the statistics of single concepts.

    Raises:
        IcebError: asked wrongly (`SpecError`, before anything is computed), data or a model that is missing
            (`DataError`, `ModelError`), or a method or a measure that failed (`MethodError`, `MeasureError`).
    """
    from iceb.running.run_folder import run
    from iceb.running.workers.plan_file import PlannedRun
    from iceb.running.workers.sharing import share_work

    planned = _plan(asked, may_fetch=True)
    for line in planned.lines():
        LOG.info("%s", line)
    if planned.has_work:
        run_to_share = PlannedRun(planned.spec.id, asked.ask())
        share_work([run_to_share], Path(asked.out), planned.parts.execution, asked.ray)
    result, path = run(planned, Path(asked.out))
    return Run(path, result)


@takes(Evaluation)
def dry_run(asked: Evaluation) -> "Plan":
    """Plan a run and make nothing.

    Returns:
        The plan: `lines()` describes it, `spec.id` is the run's id, `counts` are its images by role.

    Raises:
        IcebError: as `iceb.evaluate`, as far as it shows before anything is computed.
    """
    return _plan(asked, may_fetch=False)


def _plan(asked: Evaluation, *, may_fetch: bool) -> "Plan":
    from iceb.running.plan import plan

    return plan(asked.ask(), may_fetch=may_fetch)


def score(run: RunLike, *, metrics: Sequence[str] = (), cache: Place | None = None, device: str = "cpu") -> Run:
    """Compute metrics from a run's stored images, as `iceb score RUN` does; no edited model is loaded.

    Args:
        run: one that was read or listed, its folder, or the result.json in it.
        metrics: their names; () for those of the run. New ones are added to its files.
        cache: the one that it was drawn into; None: ICEB_CACHE, else ~/.cache/iceb.
        device: where measures run.

    Raises:
        ResultError: the run failed, or its folder is damaged.
        SpecError: no such metric, or one that needs images which the run did not draw.
        StoreError: an image is not in the cache any more.
    """
    from iceb.running.rescore import rescore
    from iceb.runs.folder import run_folder

    folder = run_folder(path_of(run))
    return Run(folder / "result.json", rescore(folder, tuple(metrics), path_or_none(cache), device))


@dataclass(frozen=True, kw_only=True)
class ImagesFromElsewhere(Drawing):
    """Arguments of images that other programs drew.

    Attributes:
        images: a folder with before/ and after/, or a .jsonl manifest.
        before: the unedited model's images, where they lie elsewhere.
        draw_before: draw the unedited model's images here instead.
        name: what you call the editing method.
        erases: the edit has no destinations.
        task: whose prompts they show.
        num_edits: how many concepts were edited.
        requests: in the place of `task` a file of your own.
        model: the one that was edited.
        data: "embedded", "upstream" or a folder.
        metrics: beside the task's own.
        limit: prompts per role.
        dtype: number format of the model.
        device: where measures run, and the model with `draw_before`.
        cache: the cache's folder; None: ICEB_CACHE, else ~/.cache/iceb.
        out: the folder of runs.
    """

    images: Place
    before: Place | None = None
    draw_before: bool = False
    name: str = "images"
    erases: bool = False
    task: str | None = None
    num_edits: int | None = None
    requests: Place | None = None
    model: str = "mini"
    data: str | None = None
    metrics: Sequence[str] = ()
    limit: int | None = None
    dtype: str = "float32"
    device: str = "cpu"
    cache: Place | None = None
    out: Place = "runs"


@takes(ImagesFromElsewhere)
def score_images(asked: ImagesFromElsewhere) -> Run:
    """Score images that other programs drew, as `iceb score --images` does; the result is marked as such.

    Files that are of no prompt of the task are passed over; those that are missing are named in `result.outside`.

    Raises:
        IcebError: asked wrongly, or an image that is unreadable, stands twice or has another size.
    """
    from iceb.running.asking import ask_of
    from iceb.running.score_images import HandedIn
    from iceb.running.score_images import score_images as score_handed
    from iceb.specs.execution import Execution

    ask = ask_of(
        *(asked.task, asked.num_edits, path_or_none(asked.requests), asked.model, asked.data, tuple(asked.metrics)),
        method=asked.name,
        sampling=asked.sampling(),
        limit=asked.limit,
        dtype=asked.dtype,
        execution=Execution(device=asked.device),
        cache=path_or_none(asked.cache),
        command=command_of("score", asked),
    )
    handed = HandedIn(Path(asked.images), path_or_none(asked.before), asked.erases, asked.draw_before)
    result, path, _ = score_handed(ask, handed, Path(asked.out))
    return Run(path, result)
