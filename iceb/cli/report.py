"""Print the summary table of a result; missing numbers show as a dash with their note."""

from pathlib import Path
from typing import TYPE_CHECKING

from iceb.base.messages import shorten
from iceb.base.numbers import DECIMALS, estimate_text, number_text
from iceb.base.wording import count_text, edits_text, task_label
from iceb.cli.option_names import with_options
from iceb.specs.outside import OutsideRecord
from iceb.specs.recipes import recipe_text
from iceb.specs.records import MethodRecord, ScoreRecord
from iceb.specs.results import Result

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MISSING = "–"
SHOWN_MISSING = 5  # files of missing images that the terminal names
RECIPE = 240  # characters of a recipe's line; its whole reason is in result.json
WIDTH = 80  # characters that the table fits into; a narrower terminal wraps its lines rather than losing digits


def summary(result: Result, path: Path | None = None, *, on_stderr: bool = False, cost: bool = True) -> None:
    """Print the scores of a result, and its cost and path unless left out."""
    from rich.console import Console

    console = Console(stderr=on_stderr, highlight=False, soft_wrap=True)
    console.width = max(console.width, WIDTH)
    console.print(_scores(result))
    for score in result.scores:
        if score.failed and not score.withheld:
            console.print(f"  {score.metric}: {_failed_images(score)}", markup=False)
        if score.note:
            console.print(f"  {score.metric}: {with_options(score.note)}", markup=False)
    if result.degenerate is not None:
        console.print(f"degenerate: {result.degenerate.in_words}", markup=False)
    if result.effects is not None and result.effects.unchanged:
        console.print(f"no effect: {result.effects.in_words}", markup=False)
    if cost:
        console.print(_cost(result), markup=False)
    if path is not None:
        _print_recipe(console, result.method)
    if result.status == "failed":
        console.print(f"failed: {with_options(result.error or '')}", markup=False)
    if result.outside is not None:
        _print_outside(console, result.outside)
    if result.limit is not None:
        console.print(f"partial: --limit {result.limit}, so this stands on no table", markup=False)
    if result.share is not None:
        console.print(f"partial: {share_text(result.share)}, so this stands on no table", markup=False)
    if path is not None:
        console.print(f"result: {path}", markup=False)


def share_text(share: float) -> str:
    """Describe what a subsampled run rests on.

    >>> share_text(0.25)
    '--share 0.25: means over a random part of the images or concepts, which estimate those over all without bias'
    """
    part = "means over a random part of the images or concepts, which estimate those over all without bias"
    return f"--share {share:g}: {part}"


def _print_recipe(console: "Console", method: MethodRecord) -> None:
    if text := recipe_text(method.recipe, method.recipe_sha256, method.recipe_how):
        console.print(shorten(text, RECIPE), markup=False)


def _print_outside(console: "Console", outside: OutsideRecord) -> None:
    """Print what sets a result apart from a run of the benchmark, and which images it lacks."""
    console.print(f"marked: {outside.words}", markup=False)
    if not outside.knows_before:
        console.print("shown and never ranked: draw the images before here, with --draw-before", markup=False)
    if outside.missing:
        shown = ", ".join(outside.missing[:SHOWN_MISSING])
        more = len(outside.missing) - SHOWN_MISSING
        rest = f" and {more} more (in result.json)" if more > 0 else ""
        console.print(f"partial, shown and never ranked: missing {shown}{rest}", markup=False)


def _scores(result: Result) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    edits = edits_text(result.num_edits, result.draws, result.replicates)
    on = task_label(result.task.name, result.task.dataset)
    title = f"{result.method.label} on {on}, {edits}, {result.model.family}"
    table = Table(title=Text(title), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, collapse_padding=True)
    table.add_column("metric", overflow="fold")
    failed = any(score.failed for score in result.scores)
    for column in ("before", "after", "value ± stderr", "images", "concepts", *(("failed",) if failed else ())):
        table.add_column(column, justify="right", no_wrap=True)
    for score in result.scores:
        table.add_row(Text(score.metric_arrow), *_cells(score), *([str(score.failed)] if failed else ()))
    return table


def _failed_images(score: ScoreRecord) -> str:
    """Describe the images that could not be measured."""
    return f"{count_text(score.failed, 'image')} could not be measured, left out on both sides ({score.failed_why})"


def _cells(score: ScoreRecord) -> list[str]:
    value = MISSING if score.value is None else estimate_text(score.value, score.shown_error, signed=True)
    sides = [MISSING if side is None else number_text(side, DECIMALS) for side in (score.before, score.after)]
    return [*sides, value, str(score.n), str(score.concepts)]


def _cost(result: Result) -> str:
    cost = result.cost
    stages = {"edit": cost.edit_seconds, "draw": cost.draw_seconds, "measure": cost.measure_seconds}
    parts = [f"{name} {seconds:.1f} s" for name, seconds in stages.items() if seconds is not None]
    if cost.edits_found and cost.edit_seconds is not None:
        parts[0] += " (when it was made)"  # earlier: it may take longer than the whole of this run
    if cost.total_seconds is not None:
        parts.append(f"in all {cost.total_seconds:.1f} s")
    if cost.images_drawn is not None:
        parts.append(f"{cost.images_drawn} images drawn, {cost.images_reused or 0} reused")
    peak = cost.peak_gpu_bytes or cost.peak_bytes
    if peak is not None:
        parts.append(f"peak memory {peak / 1e9:.2f} GB")
    return ", ".join(parts)
