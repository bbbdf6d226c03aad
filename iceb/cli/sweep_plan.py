"""Print the plan of a sweep: its cells, what is to be drawn, and what that takes."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from iceb.base.wording import count_text, size_text
from iceb.cli.option_names import with_options
from iceb.cli.sweep_lines import FAILED, heading, not_run_documents

if TYPE_CHECKING:
    from iceb.running.shared_parts import SharedParts
    from iceb.running.sweeps.asked import SweepAsk
    from iceb.running.sweeps.calibration import Calibrated
    from iceb.running.sweeps.estimates import CellEstimate, Estimator
    from iceb.running.sweeps.planning import SweepPlan


def print_plan(ask: "SweepAsk", shared: "SharedParts", out: Path, *, as_json: bool) -> None:
    """Plan a sweep, draw a few small images to time it, and print what it would make; nothing is kept.

    Raises:
        typer.Exit: the data of a combination cannot be read.
        IcebError: the sweep cannot be planned, or the model not loaded.
    """
    from iceb.running.sweeps.estimates import Estimator
    from iceb.running.sweeps.planning import plan_sweep

    estimator = Estimator(out)
    planned = plan_sweep(ask, shared, may_fetch=False, visit=estimator.visit)
    calibrated = estimator.calibrate()
    if as_json:
        typer.echo(json.dumps(_document(planned, estimator, calibrated), indent=2, ensure_ascii=False))
    else:
        lines = [*heading(planned), *map(_line, estimator.cells), *_totals(estimator, calibrated)]
        typer.echo("\n".join([*map(with_options, lines), "nothing was made (--dry-run)"]))
    if planned.failed:
        raise typer.Exit(FAILED)


def _line(cell: "CellEstimate") -> str:
    if cell.finished:
        return f"{cell.cell.name}: finished"
    edit = "to be made" if cell.edits else "in the cache"
    after = f"up to {cell.after}" if cell.at_most else str(cell.after)
    rest = f"{cell.cached} in the cache, {cell.shared} drawn by earlier cells"
    return f"{cell.cell.name}: edit {edit}; to draw: before {cell.before}, after {after}; {rest}"


def _totals(estimator: "Estimator", calibrated: "Calibrated | None") -> Iterator[str]:
    cells = estimator.cells
    count, finished = sum(cell.to_draw for cell in cells), sum(cell.finished for cell in cells)
    before, at_most = sum(cell.before for cell in cells), any(cell.at_most for cell in cells)
    cached = sum(cell.cached for cell in cells)
    yield (
        f"in all: {count_text(len(cells), 'cell')}, {finished} finished; {'at most ' if at_most else ''}"
        f"{count_text(count, 'image')} to draw ({before} before), {cached} in the cache"
    )
    if calibrated is not None:
        edits = estimator.edit_bytes()
        more = f", and at most {size_text(edits)} of edits" if edits else ""
        yield f"disk: about {size_text(count * calibrated.bytes)} of images{more}"
        each = f"{calibrated.seconds:.3g} s an image, by a short calibration now"
        yield f"drawing takes about {_clock(count * calibrated.seconds)} ({each})"
    yield from _stage_time("edits take", [cell.edit_seconds for cell in cells if not cell.finished])
    yield from _stage_time("measuring takes", [cell.measure_seconds for cell in cells if not cell.finished])


def _stage_time(what: str, seconds: list[float | None]) -> Iterator[str]:
    """A stage's time by the last time, and of how many cells it is not known."""
    known = [each for each in seconds if each is not None]
    if not seconds:
        return
    unknown = len(seconds) - len(known)
    rest = f"; of {count_text(unknown, 'cell')} it is not known, for none like it was made here" if unknown else ""
    yield f"{what} about {_clock(sum(known))}, by the last time{rest}" if known else f"{what} a time not known here"


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _document(planned: "SweepPlan", estimator: "Estimator", calibrated: "Calibrated | None") -> dict[str, Any]:
    return {
        "cells": [
            {
                "id": each.cell.id,
                "name": each.cell.name,
                "finished": each.finished,
                "before": each.before,
                "after": each.after,
                "at_most": each.at_most,
                "cached": each.cached,
                "shared": each.shared,
                "edits": each.edits,
                "edit_seconds": each.edit_seconds,
                "measure_seconds": each.measure_seconds,
            }
            for each in estimator.cells
        ],
        **not_run_documents(planned),
        "image": None if calibrated is None else asdict(calibrated),
        "edit_bytes": estimator.edit_bytes(),
    }
