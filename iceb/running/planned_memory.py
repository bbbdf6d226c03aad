"""Peak memory of a planned run, named before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from iceb.models.bundle import ModelBundle
from iceb.models.card import PROBE, SHARE, fitting_size
from iceb.running.edit_parts import parts_alone
from iceb.running.memory_fit import MOST_TOGETHER, concepts_in, free_bytes
from iceb.running.memory_need import MemoryNeed, memory_need
from iceb.running.planned import Plan
from iceb.specs.execution import Execution
from iceb.specs.requests import EditRequest

GB = 1e9
CARD_BYTES = 24 * 10**9
ASKED, FREE = "as asked for", "by the memory that is free now"
DEFAULT = f"the default; on a GPU a run takes 1 to {MOST_TOGETHER} by its free memory"


@dataclass(frozen=True)
class PlannedMemory:
    """Peak memory of a run by shapes, in bytes, float32; None where concepts take turns.

    Attributes:
        weights: of all parts of the model.
        together: concepts in one pass.
        chosen: what decided their number, in words.
        images: in one pass of drawing.
        small: the peak with the family's own pass of drawing, which a smaller card takes.
        fits: how many concepts a card of 24 GB holds.
        fits_checkpointed: how many with activation checkpointing.
    """

    peak: int
    weights: int
    together: int | None
    chosen: str
    images: int
    small: int
    fits: int | None
    fits_checkpointed: int | None

    @property
    def line(self) -> str:
        """The peak in words."""
        text = (
            f"memory: {self.peak / GB:.1f} GB at the peak by shapes in float32, {self.weights / GB:.1f} of it weights, "
            f"{self.images} images drawn at once"
        )
        if self.together is None or self.fits is None:
            return f"{text}; {'fits' if self.small <= CARD_BYTES else 'does not fit'} a card of 24 GB"
        text += f", {self.together} concepts trained at once ({self.chosen})"
        if self.small <= CARD_BYTES:
            return f"{text}; fits a card of 24 GB"
        return (
            f"{text}; a card of 24 GB holds {self.fits} (`concepts_at_once={max(1, self.fits)}`), and with activation "
            f"checkpointing, which no method has yet, {self.fits_checkpointed}"
        )


def planned_memory(plan: Plan) -> PlannedMemory | None:
    """The memory of a planned run; None where the shapes or the method's work are not known.

    On a GPU it is that of the passes which the run would take there now, by its whole and its free memory.
    """
    parts = plan.parts
    trained = [*(batch.requests for batch in plan.batches), *parts_alone(plan).batches]
    requests: Sequence[EditRequest] = max(trained, key=len, default=())
    need = memory_need(parts.method.method, parts.bundle.family, requests)
    if need is None:
        return None
    default = need.work.together
    number, chosen = _concepts(need, parts.bundle, parts.execution)
    together = None if default is None else min(number, len(requests))
    images = _images(need, parts.bundle, parts.execution)
    peak = need.peak(together or 1, images=images)
    usual = parts.bundle.family.images_per_pass(parts.bundle.device.type)
    small = need.peak(together or 1, images=min(images, usual))
    checkpointed = need.fits(CARD_BYTES, checkpointed=True) if small > CARD_BYTES else default
    return PlannedMemory(peak, need.weights, together, chosen, images, small, need.fits(CARD_BYTES), checkpointed)


def _concepts(need: MemoryNeed, bundle: ModelBundle, execution: Execution) -> tuple[int, str]:
    """The concepts of a training pass, and what decided it."""
    if execution.concepts_at_once is not None:
        return execution.concepts_at_once, ASKED
    if bundle.device.type != "cuda" or need.work.together is None:
        return need.work.together or 1, DEFAULT
    weights = 0 if bundle.is_loaded else need.weights  # they will lie there when the run looks
    return concepts_in(need, free_bytes(bundle.device) - weights), FREE


def _images(need: MemoryNeed, bundle: ModelBundle, execution: Execution) -> int:
    """The images of a drawing pass."""
    if bundle.fits_the_card:
        usual = bundle.family.images_per_pass(bundle.device.type)
        total = torch.cuda.get_device_properties(bundle.device).total_memory
        return fitting_size(usual, total * SHARE - need.weights, need.drawing(PROBE) / PROBE)  # as `images_that_fit`
    return execution.images_per_pass or bundle.family.images_per_pass(bundle.device.type)
