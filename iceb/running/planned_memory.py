"""Peak memory of a planned run, named before it starts."""

from dataclasses import dataclass

from iceb.running.memory_need import memory_need
from iceb.running.planned import Plan

GB = 1e9
CARD_BYTES = 24 * 10**9


@dataclass(frozen=True)
class PlannedMemory:
    """Peak memory of a run by shapes, in bytes, float32; None where concepts take turns.

    Attributes:
        weights: of all parts of the model.
        together: concepts in one pass.
        fits: how many of them a card of 24 GB holds.
        fits_checkpointed: how many with activation checkpointing.
    """

    peak: int
    weights: int
    together: int | None
    fits: int | None
    fits_checkpointed: int | None

    @property
    def line(self) -> str:
        """The peak in words."""
        text = (
            f"memory: {self.peak / GB:.1f} GB at the peak by shapes in float32, {self.weights / GB:.1f} of it weights"
        )
        if self.together is None or self.fits is None:
            return f"{text}; {'fits' if self.peak <= CARD_BYTES else 'does not fit'} a card of 24 GB"
        if self.peak <= CARD_BYTES:
            return f"{text}, {self.together} concepts at once; fits a card of 24 GB"
        return (
            f"{text}, {self.together} concepts at once; a card of 24 GB holds {self.fits} "
            f"(`concepts_at_once={max(1, self.fits)}`), and with activation checkpointing, which no method has yet, "
            f"{self.fits_checkpointed}"
        )


def planned_memory(plan: Plan) -> PlannedMemory | None:
    """The memory of a planned run; None where the shapes or the method's work are not known."""
    requests = max((batch.requests for batch in plan.batches), key=len, default=())
    need = memory_need(plan.parts.method.method, plan.parts.bundle.family, requests)
    if need is None:
        return None
    default = need.work.together
    together = None if default is None else min(plan.parts.execution.concepts_at_once or default, len(requests))
    return PlannedMemory(
        need.peak(together or 1),
        need.weights,
        together,
        need.fits(CARD_BYTES),
        need.fits(CARD_BYTES, checkpointed=True) if need.peak(together or 1) > CARD_BYTES else need.work.together,
    )
