"""Measures turn pictures into numbers (expensive, cached); metrics reduce before and after to a score (arithmetic)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from iceb.base.errors import SpecError
from iceb.specs.prompts import Prompt, Role

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Measured:
    """One side of a run through one measure: row i belongs to prompt i."""

    measure: str  # Measure.id
    values: "Array"  # (N, width)
    prompts: tuple[Prompt, ...]  # N

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or len(self.values) != len(self.prompts):
            raise SpecError(
                f"measured values of {self.measure} have shape {self.values.shape} for {len(self.prompts)} prompts: "
                "must be (prompts, width)"
            )


@dataclass(frozen=True)
class Score:
    """A number or None with a note, never NaN; the standard error is over concepts."""

    value: float | None
    stderr: float | None
    n: int  # pictures on each side
    concepts: int
    note: str = ""  # why there is no value, or what to know about it
    before: float | None = None  # the same quantity on the unedited model
    after: float | None = None  # and on the edited one

    def __post_init__(self) -> None:
        for name in ("value", "stderr", "before", "after"):
            number = getattr(self, name)
            if number is not None and not abs(number) < float("inf"):
                raise SpecError(f"score {name} is {number}: must be finite, or None with a note")
        if self.value is None and not self.note:
            raise SpecError("a score without a value needs a note that says why")


class Measure(Protocol):
    """A network: pictures → numbers."""

    @property
    def id(self) -> str:
        """The registered name with its version, "vit_b16_imagenet@1"."""

    @property
    def revision(self) -> str:
        """What pins the backbone's weights; part of the measured key."""

    @property
    def pairs(self) -> bool:
        """Whether it reads (before, after) pairs, as LPIPS does."""

    def __call__(self, images: "Sequence[Array]", prompts: Sequence[Prompt]) -> "Array":
        """Numbers (N, width) float32 for N pictures (H, W, 3) uint8."""
        ...


class Metric(Protocol):
    """Arithmetic: before, after → score. Pure, without network, golden-tested.

    One that asks whether the edit reached its destination also has `asks_dest = True`; it then has no value for a
    method that only erases.
    """

    @property
    def name(self) -> str:
        """The registered name."""

    @property
    def version(self) -> int:
        """Goes up when the meaning of the number changes; scores of two versions share no table."""

    @property
    def unit(self) -> str:
        """The unit of its value."""

    @property
    def higher_is_better(self) -> bool:
        """Which way is better."""

    @property
    def paper(self) -> str:
        """Where it comes from, "arXiv:…", or ""."""

    @property
    def measure(self) -> str:
        """The kind of measure it reads; the model's family says which stands for it."""

    @property
    def roles(self) -> frozenset[Role]:
        """The prompts it reads."""

    def __call__(self, before: Measured, after: Measured) -> Score:
        """The score of the change from one side to the other."""
