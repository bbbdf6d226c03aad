"""Costs of runs, counted from the shapes of a model: arithmetic, GPU-hours, memory, disk and money."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from iceb.base.errors import SpecError
from iceb.base.tables import frame_of

if TYPE_CHECKING:
    import pandas

    from iceb.running.costing import Cost
    from iceb.specs.families import Family

GB = 1e9
MOST_EDITS = 100_000  # that a cost is counted for
OF_RUN = ("model", "method", "num_edits", "images", "continued")
NUMBERS = ("edit_flops", "draw_flops", "edit_hours", "draw_hours", "money", "disk_bytes_at_most")
OF_MEMORY = ("peak_bytes", "together", "fits", "fits_checkpointed")


@dataclass(frozen=True)
class Card:
    """A GPU with the speed that it sustains, its price and its memory; None leaves out what depends on it.

    Attributes:
        tflops: TFLOP/s sustained.
        price: of a GPU-hour, in any currency.
        memory: in GB.
    """

    tflops: float | None
    price: float | None
    memory: float

    def hours(self, flops: int | None) -> float | None:
        """GPU-hours of so many operations."""
        return None if flops is None or self.tflops is None else flops / (self.tflops * 1e12) / 3600

    def money(self, flops: int | None) -> float | None:
        """Price of so many operations."""
        hours = self.hours(flops)
        return None if hours is None or self.price is None else hours * self.price


@dataclass(frozen=True)
class ModelCosts:
    """Costs of runs with one family of models.

    Attributes:
        card: the GPU that they are for.
        image_bytes: bytes of an image file, as given or of its pixels.
        costs: of each method at each number of edits.
    """

    family: "Family"
    card: Card
    image_bytes: int
    costs: "tuple[Cost, ...]"

    def documents(self) -> list[dict[str, Any]]:
        """The costs as `iceb plan --cost --json` prints them."""
        return [self._document(each) for each in self.costs]

    def _document(self, cost: "Cost") -> dict[str, Any]:
        return {
            "model": self.family.name,
            **asdict(cost),
            "edit_hours": self.card.hours(cost.edit_flops),
            "draw_hours": self.card.hours(cost.draw_flops),
            "money": self.card.money(cost.flops),
            "disk_bytes_at_most": cost.images.total * self.image_bytes,
            "tflops": self.card.tflops,
            "price": self.card.price,
        }


@dataclass(frozen=True)
class Costs:
    """Costs of runs by family of models, as they were asked for."""

    models: tuple[ModelCosts, ...]

    def documents(self) -> list[dict[str, Any]]:
        """The costs as `iceb plan --cost --json` prints them, by model, method and number of edits."""
        return [each for model in self.models for each in model.documents()]

    def frame(self) -> "pandas.DataFrame":
        """The costs as a frame, a row for each model, method and number of edits.

        Columns: model, method, num_edits; images of both sides, and whether their number is continued beyond the data;
        operations, hours, money, bytes; peak_bytes with the concepts trained together and how many fit; note.

        Raises:
            SpecError: pandas is not installed.
        """
        rows = [
            {
                **each,
                "images": each["images"]["before"] + each["images"]["after"],
                "continued": each["images"]["continued"],
                "note": "; ".join(each["notes"]),
            }
            for each in self.documents()
        ]
        return frame_of(rows, (*OF_RUN, *NUMBERS, *OF_MEMORY, "note"), (*NUMBERS, *OF_MEMORY))


def costs(
    *,
    task: str = "aice",
    methods: Sequence[str] | None = None,
    models: Sequence[str] = ("sd14",),
    edits: Sequence[int] = (1, 10, 100, 300, 1000),
    tflops: float | None = None,
    price: float | None = None,
    card_memory: float = 24.0,
    image_bytes: int | None = None,
) -> Costs:
    """Count what runs cost from shapes alone, as `iceb plan --cost` does.

    Args:
        task: whose images are counted.
        methods: None for all of ours that edit what the task edits.
        models: of sd14, sd15 and sdxl.
        edits: numbers of edits, also beyond the task's data, whose mean per request is then continued.
        tflops: TFLOP/s that the card sustains; None leaves out hours and money.
        price: of a GPU-hour; None leaves out money.
        card_memory: in GB, for what fits.
        image_bytes: of an image file; None for all its pixels.

    Returns:
        What `documents()` and `frame()` list; None, in a frame NaN, where nothing says it; notes say why.

    Raises:
        SpecError, MethodError: a number out of range, or no such task, method or model.
    """
    from iceb.running.costing import TaskScale, cost_of, known_family

    _check(edits, {"tflops": tflops, "price": price, "card_memory": card_memory, "image_bytes": image_bytes})
    card, found = Card(tflops, price, card_memory), []
    for family in (known_family(model) for model in models):
        scales = TaskScale(task, family)
        names = _methods_of(scales.kind) if methods is None else methods
        each = tuple(cost_of(name, scales, number, task, int(card.memory * GB)) for name in names for number in edits)
        found.append(ModelCosts(family, card, image_bytes or 3 * family.sampling.height * family.sampling.width, each))
    return Costs(tuple(found))


def _methods_of(kind: str) -> list[str]:
    """The registered methods of our own that take edits of a kind, controls left out."""
    from iceb import registry

    entries = registry.entries_of("methods")
    cards = {entry.name: entry.load().card for entry in entries if entry.package == registry.OWN}
    return [name for name, card in sorted(cards.items()) if kind in card.kinds and card.touches]


def _check(edits: Sequence[int], numbers: dict[str, float | None]) -> None:
    for number in edits:
        if not 1 <= number <= MOST_EDITS:
            raise SpecError(f"`edits` {number}: must be from 1 to {MOST_EDITS}")
    for name, value in numbers.items():
        if value is not None and not (0 < value < float("inf") or (name == "price" and value == 0)):
            raise SpecError(f"`{name}` {value:g}: must be a finite number above 0")
