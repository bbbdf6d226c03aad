"""`iceb plan --cost`: print arithmetic, GPU-hours, memory, disk and money of runs, from shapes alone."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from iceb.api.costing import GB, MOST_EDITS, Card, ModelCosts, costs
from iceb.base.comma_lists import split_list

if TYPE_CHECKING:
    from iceb.running.costing import Cost

PETA = 1e15


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

        silence_libraries()
        found = costs(
            task=task,
            methods=None if methods is None else _parts("method", methods),
            models=_parts("model", self.models),
            edits=[_whole(part) for part in _parts("edits", self.edits)],
            tflops=self.tflops,
            price=self.price,
            card_memory=self.card_memory,
            image_bytes=self.image_bytes,
        )
        if as_json:
            return typer.echo(json.dumps(found.documents(), indent=2))
        return typer.echo("\n".join(line for each in found.models for line in _lines(task, each, self.image_bytes)))


def _parts(option: str, text: str) -> tuple[str, ...]:
    """The parts of an option's list."""
    from iceb.base.errors import SpecError

    if found := split_list(text):
        return found
    raise SpecError(f"--{option} {text!r}: names nothing: give one or more, with commas between them")


def _whole(text: str) -> int:
    from iceb.base.errors import SpecError

    if not text.strip().isdecimal() or not 1 <= int(text) <= MOST_EDITS:
        raise SpecError(f"`edits` {text!r}: must be whole numbers from 1 to {MOST_EDITS} with commas between them")
    return int(text)


def _lines(task: str, found: ModelCosts, image_bytes: int | None) -> list[str]:
    card, first = found.card, found.costs[0]
    speed = f"{card.tflops:g} TFLOP/s sustained, as given" if card.tflops else "no `--tflops`: no hours"
    price = f"{card.price:g} a GPU-hour, as given" if card.price is not None else "no `--price`: no money"
    each = f"{image_bytes} bytes, as given" if image_bytes else f"at most {found.image_bytes} bytes, its pixels"
    lines = [
        f"{found.family.title} ({found.family.name}) on task {task}, images counted on data {first.images.card}; "
        f"{speed}; {price};",
        f"an image: {each}; a card of {card.memory:g} GB; weights and training in float32 where a method has no other",
        f"{'method':<15}{'edits':>6}{'images':>9}{'edit PFLOP':>12}{'draw PFLOP':>12}{'edit h':>9}{'draw h':>9}"
        f"{'money':>9}{'disk GB':>9}{'peak GB':>9}  fits",
    ]
    for cost in found.costs:
        mark = "*" if cost.images.continued else ""
        lines.append(
            f"{cost.method:<15}{f'{cost.num_edits}{mark}':>6}{cost.images.total:>9}{_peta(cost.edit_flops):>12}"
            f"{_peta(cost.draw_flops):>12}{_number(card.hours(cost.edit_flops)):>9}"
            f"{_number(card.hours(cost.draw_flops)):>9}{_number(card.money(cost.flops)):>9}"
            f"{_number(cost.images.total * found.image_bytes / GB):>9}"
            f"{_number(None if cost.peak_bytes is None else cost.peak_bytes / GB):>9}  {_fit(cost, card)}"
        )
    if any(cost.images.continued for cost in found.costs):
        lines.append("* more edits than the data has: its mean per request is continued")
    lines.append("not counted: measuring images, compressing and reading them")
    noted: dict[str, list[str]] = {note: [] for cost in found.costs for note in cost.notes}
    for cost in found.costs:
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
