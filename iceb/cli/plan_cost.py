"""`iceb plan --cost`: print arithmetic, GPU-hours, memory, disk and money of runs, from shapes alone."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.base.comma_lists import split_list

if TYPE_CHECKING:
    from iceb.running.costing import Cost

GB = 1e9
PETA = 1e15


@dataclass(frozen=True)
class Card:
    """The user's card; None leaves out what depends on it."""

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
class CostOptions:
    """Options of what runs cost."""

    cost: Annotated[bool, typer.Option("--cost", help="What runs cost, from shapes alone, instead.")] = False
    models: Annotated[str, typer.Option("--model", help="With --cost: sd14, sd15 or sdxl, commas between.")] = "sd14"
    edits: Annotated[str, typer.Option(help="With --cost: numbers of edits, commas between.")] = "1,10,100,300,1000"
    tflops: Annotated[
        float | None, typer.Option(min=0.001, help="With --cost: TFLOP/s that the card sustains; none is assumed.")
    ] = None
    price: Annotated[float | None, typer.Option(min=0.0, help="With --cost: the price of a GPU-hour.")] = None
    card_memory: Annotated[float, typer.Option(min=0.1, help="With --cost: the card's memory in GB.")] = 24.0
    image_bytes: Annotated[
        int | None, typer.Option(min=1, help="With --cost: bytes of an image file. Default: all its pixels.")
    ] = None

    def print_costs(self, task: str, methods: str | None, *, as_json: bool) -> None:
        """Count and print the cost of every method at every number of edits.

        Raises:
            SpecError: a name or number is none that there is.
        """
        from iceb.cli.quiet import silence_libraries
        from iceb.running.costing import TaskScale, cost_of, known_family

        silence_libraries()
        card = Card(self.tflops, self.price, self.card_memory)
        numbers = [_whole(part) for part in _parts("edits", self.edits)]
        documents: list[dict[str, Any]] = []
        for model in _parts("model", self.models):
            family = known_family(model)
            scales = TaskScale(task, family)
            names = _methods(scales.kind) if methods is None else _parts("method", methods)
            pixels = 3 * family.sampling.height * family.sampling.width
            costs = [cost_of(name, scales, number, task, int(card.memory * GB)) for name in names for number in numbers]
            documents += [_document(family.name, each, card, self.image_bytes or pixels) for each in costs]
            if not as_json:
                typer.echo("\n".join(_lines(family.name, family.title, task, costs, card, self.image_bytes, pixels)))
        if as_json:
            typer.echo(json.dumps(documents, indent=2))


def _parts(option: str, text: str) -> tuple[str, ...]:
    """The parts of an option's list."""
    from iceb.base.errors import SpecError

    if found := split_list(text):
        return found
    raise SpecError(f"--{option} {text!r}: names nothing: give one or more, with commas between them")


def _whole(text: str) -> int:
    from iceb.base.errors import SpecError

    if not text.strip().isdecimal() or not 1 <= int(text) <= 100_000:
        raise SpecError(f"`edits` {text!r}: must be whole numbers from 1 to 100000 with commas between them")
    return int(text)


def _methods(kind: str) -> list[str]:
    """The registered methods of our own that take edits of a kind, controls left out."""
    from iceb import registry

    entries = registry.entries_of("methods")
    cards = {entry.name: entry.load().card for entry in entries if entry.package == registry.OWN}
    return [name for name, card in sorted(cards.items()) if kind in card.kinds and card.touches]


def _document(model: str, cost: "Cost", card: Card, image_bytes: int) -> dict[str, Any]:
    total = cost.images.before + cost.images.after
    own = {"edit_hours": card.hours(cost.edit_flops), "draw_hours": card.hours(cost.draw_flops)}
    return {
        "model": model,
        **asdict(cost),
        **own,
        "money": card.money(cost.flops),
        "disk_bytes_at_most": total * image_bytes,
        "tflops": card.tflops,
        "price": card.price,
    }


def _lines(
    name: str, title: str, task: str, costs: "list[Cost]", card: Card, image_bytes: int | None, pixels: int
) -> list[str]:
    first = costs[0]
    speed = f"{card.tflops:g} TFLOP/s sustained, as given" if card.tflops else "no `--tflops`: no hours"
    price = f"{card.price:g} a GPU-hour, as given" if card.price else "no `--price`: no money"
    each = f"{image_bytes} bytes, as given" if image_bytes else f"at most {pixels} bytes, its pixels"
    lines = [
        f"{title} ({name}) on task {task}, images counted on data {first.images.card}; {speed}; {price};",
        f"an image: {each}; a card of {card.memory:g} GB; weights and training in float32 where a method has no other",
        f"{'method':<15}{'edits':>6}{'images':>9}{'edit PFLOP':>12}{'draw PFLOP':>12}{'edit h':>9}{'draw h':>9}"
        f"{'money':>9}{'disk GB':>9}{'peak GB':>9}  fits",
    ]
    for cost in costs:
        total = cost.images.before + cost.images.after
        mark = "*" if cost.images.continued else ""
        lines.append(
            f"{cost.method:<15}{f'{cost.num_edits}{mark}':>6}{total:>9}{_peta(cost.edit_flops):>12}"
            f"{_peta(cost.draw_flops):>12}{_number(card.hours(cost.edit_flops)):>9}"
            f"{_number(card.hours(cost.draw_flops)):>9}{_number(card.money(cost.flops)):>9}"
            f"{_number(total * (image_bytes or pixels) / GB):>9}"
            f"{_number(None if cost.peak_bytes is None else cost.peak_bytes / GB):>9}  {_fit(cost, card)}"
        )
    if any(cost.images.continued for cost in costs):
        lines.append("* more edits than the data has: its mean per request is continued")
    lines.append("not counted: measuring images, compressing and reading them")
    noted: dict[str, list[str]] = {note: [] for cost in costs for note in cost.notes}
    for cost in costs:
        for note in cost.notes:
            noted[note] = [*noted[note], *([] if cost.method in noted[note] else [cost.method])]
    return [*lines, *(f"note: {', '.join(names)}: {note}" for note, names in noted.items())]


def _fit(cost: "Cost", card: Card) -> str:
    """Say whether, and with how many concepts, a card of this memory holds the run."""
    if cost.peak_bytes is None:
        return "–"
    if cost.peak_bytes <= card.memory * GB:
        return "yes"
    if cost.fits is None:
        return "no"
    plain = f"{cost.fits} of {cost.together} concepts at once"
    return f"{plain}; {cost.fits_checkpointed} with activation checkpointing"


def _peta(flops: int | None) -> str:
    return _number(None if flops is None else flops / PETA)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"
