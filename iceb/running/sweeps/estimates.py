"""Estimate what a sweep draws, keeps and takes; images that cells share are counted once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from iceb.models.bundle import ModelBundle
from iceb.running.planned import Plan
from iceb.running.shared_parts import SharedParts
from iceb.running.sweeps.asked import SweepAsk
from iceb.running.sweeps.calibration import Calibrated, calibrate
from iceb.running.sweeps.carrying_out import finished_result
from iceb.running.sweeps.pace import edit_seconds, measure_seconds
from iceb.running.sweeps.planning import Cell, plan_sweep
from iceb.specs.metrics import AFTER
from iceb.specs.prompts import ImageKey, Prompt
from iceb.stores.images import ImageStore


@dataclass(frozen=True)
class CellEstimate:
    """Estimate of what one cell adds to a sweep.

    Attributes:
        finished: there is a result, and nothing is made.
        before: images to draw of the unedited model that no earlier cell of the sweep draws.
        after: images to draw of the edited one.
        at_most: the edit is not made yet, so that some images after may be there already.
        cached: images that are there.
        shared: images that an earlier cell of the sweep draws.
        edits: to be made.
        touches: patterns of the parameters that they may change.
        edit_seconds: None where no such edit was timed here.
        measure_seconds: likewise.
    """

    cell: Cell
    finished: bool
    before: int = 0
    after: int = 0
    at_most: bool = False
    cached: int = 0
    shared: int = 0
    edits: int = 0
    touches: tuple[str, ...] = ()
    edit_seconds: float | None = None
    measure_seconds: float | None = None

    @property
    def to_draw(self) -> int:
        """Images to draw on both sides."""
        return self.before + self.after


class Estimator:
    """Collect the estimates of a sweep's cells, in their order; `visit` is for `plan_sweep`.

    Args:
        out: the folder of runs, where finished cells are looked for.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.cells: list[CellEstimate] = []
        self._planned: dict[ImageKey, bool] = {}  # images that cells seen so far need → whether they are stored
        self._first: Plan | None = None  # of a cell with images to draw
        self._prompts: list[Prompt] = []

    def visit(self, cell: Cell, planned: Plan) -> None:
        """Count what a cell adds."""
        if finished_result(self.out, cell) is not None:
            self.cells.append(CellEstimate(cell, finished=True))
            return
        estimate = self._estimate(cell, planned)
        self.cells.append(estimate)
        if estimate.to_draw and self._first is None:
            self._first, self._prompts = planned, [p for each in planned.checkpoints for p in each.prompts]

    def _estimate(self, cell: Cell, planned: Plan) -> CellEstimate:
        count = _Count(self, planned)
        count.add(planned.parts.bundle, planned.prompts_before)
        before, unknown = count.new, count.add_after()
        made = planned.edits_cached
        return CellEstimate(
            cell,
            finished=False,
            before=before,
            after=count.new - before + unknown,
            at_most=unknown > 0,
            cached=count.cached,
            shared=count.shared,
            edits=0 if made else len(planned.batches),
            touches=planned.parts.method.card.touches,
            edit_seconds=0.0 if made else edit_seconds(planned),
            measure_seconds=measure_seconds(planned),
        )

    def calibrate(self) -> Calibrated | None:
        """Time a few small drawings now; None where nothing is to be drawn.

        Nothing of it is kept.

        Raises:
            ModelError: the model cannot be loaded, or fails.
        """
        if self._first is None:
            return None
        parts = self._first.parts
        return calibrate(parts.bundle, self._first.spec.sampling, self._prompts)

    def edit_bytes(self) -> int | None:
        """The most that the edits to be made take in the cache; None while the model is not loaded."""
        if self._first is None or not self._first.parts.bundle.is_loaded:
            return None
        bundle = self._first.parts.bundle
        return sum(cell.edits * _bytes_of(bundle, cell.touches) for cell in self.cells if cell.edits)

    def take(self, keys: Sequence[ImageKey], images: ImageStore) -> tuple[int, int, int]:
        """Count images: missing and new to the sweep, stored, and drawn by an earlier cell."""
        seen = [key for key in dict.fromkeys(keys) if key in self._planned]
        fresh = [key for key in dict.fromkeys(keys) if key not in self._planned]
        missing = set(images.missing(fresh))
        shared = sum(not self._planned[key] for key in seen)
        self._planned.update({key: key not in missing for key in fresh})
        return len(missing), len(fresh) - len(missing) + len(seen) - shared, shared


def estimate_sweep(ask: SweepAsk, shared: SharedParts, out: Path) -> Estimator:
    """Plan a sweep and estimate its cells; nothing is drawn.

    Raises:
        IcebError: the sweep cannot be planned.
    """
    estimator = Estimator(out)
    plan_sweep(ask, shared, may_fetch=False, visit=estimator.visit)
    return estimator


class _Count:
    """The images of one cell, by model."""

    def __init__(self, estimator: Estimator, planned: Plan) -> None:
        self.estimator, self.planned = estimator, planned
        self.new = self.cached = self.shared = 0

    def add(self, model: ModelBundle, prompts: Sequence[Prompt]) -> None:
        """Count the images of some prompts by a model."""
        generator = self.planned.parts.generator
        keys = generator.keys(model, prompts, self.planned.spec.sampling)
        new, cached, shared = self.estimator.take(keys, generator.images)
        self.new, self.cached, self.shared = self.new + new, self.cached + cached, self.shared + shared

    def add_after(self) -> int:
        """Count the images after the edit; returns how many there are of edits that are not made yet."""
        planned, unknown = self.planned, 0
        for checkpoint in planned.checkpoints:
            drawn = [prompt for prompt in checkpoint.prompts if AFTER in planned.selection.sides(prompt)]
            model = planned.models[checkpoint.step.id]
            if model is not None:
                self.add(model, drawn)
            else:
                unknown += len(set(planned.parts.generator.keys(planned.parts.bundle, drawn, planned.spec.sampling)))
        return unknown


def _bytes_of(bundle: ModelBundle, touches: Sequence[str]) -> int:
    """The size of the parameters that an edit may change."""
    found = {name: value for pattern in touches for name, value in bundle.parameters_named(pattern).items()}
    return sum(value.numel() * value.element_size() for value in found.values())
