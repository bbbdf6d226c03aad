"""Synthetic measurements for checking metrics: rows that sum to one, for prompts in a few concepts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from zlib import crc32

import numpy as np

from iceb.specs.metrics import BEFORE, REFERENCE, Measured, Need
from iceb.specs.prompts import Prompt
from iceb.stores.arrays import Array

WIDTHS = (8, 1, 2, 1000, 2000)  # widths of rows; the first that a metric can read is used
CLASSES = 8  # classes and choices of made-up prompts, at most
IMAGES = {("ant", 0): 3, ("ant", 1): 2, ("bee", 0): 2, ("cat", 0): 1, ("dog", 0): 3}  # images per concept
LABELS = 2  # classes within a concept of several images
REFERENCES = 7  # rows of a side that the dataset supplies

Sides: TypeAlias = dict[str, dict[str, Measured]]


def made_up_prompts(needs: Sequence[Need], width: int) -> tuple[Prompt, ...]:
    """Make prompts of every role that some need reads, in four concepts with different numbers of images."""
    found: list[Prompt] = []
    for role in dict.fromkeys(need.role for need in needs):
        tags = tuple(dict.fromkeys(tag for need in needs if need.role == role for tag in need.tags))
        found += _of_role(role, tags, min(width, CLASSES))
    return tuple(found)


def _of_role(role: str, tags: tuple[str, ...], classes: int) -> list[Prompt]:
    choices = tuple(f"choice {number}" for number in range(classes))
    found = []
    for concept, (name, replicate) in enumerate(IMAGES):
        for seed in range(IMAGES[name, replicate]):
            label = (concept + seed % LABELS) % classes
            target = answer = (label + 1) % classes
            found.append(
                Prompt(
                    f"a {name} of {role}, no. {seed}", seed, role, request=f"made up/{name}", label=label,
                    target=target, concept=name, choices=choices, answer=answer, replicate=replicate, tags=tags,
                )
            )  # fmt: skip
    return found


def everything(prompt: Prompt) -> bool:
    """Keep every prompt."""
    return True


@dataclass(frozen=True)
class MadeUpRows:
    """Synthetic rows of the images of some prompts; a prompt keeps its rows in every variation.

    Of three images after the edit one shows its prompt's target, one its label, and one whatever chance gives; before
    it, two show the label. So a metric that counts hits has hits and misses.

    Attributes:
        number: other rows of the same prompts have another one.
        fits_choices: a need's rows are cut to as many numbers as its prompts have choices, where all have some.
    """

    needs: tuple[Need, ...]
    prompts: tuple[Prompt, ...]
    width: int
    number: int = 0
    fits_choices: bool = False

    def sides(
        self,
        keep: Callable[[Prompt], bool] = everything,
        *,
        backwards: bool = False,
        unedited: bool = False,
        extreme: bool = False,
    ) -> Sides:
        """Return the rows by need and side.

        Args:
            keep: which prompts there are.
            backwards: in the opposite order.
            unedited: the images after are those before.
            extreme: every row is a one and zeros.
        """
        places = [place for place, prompt in enumerate(self.prompts) if keep(prompt)]
        ordered = places[::-1] if backwards else places
        return {
            need.key: {side: self.side(need, side, ordered, unedited, extreme) for side in need.sides}
            for need in self.needs
        }

    def side(
        self, need: Need, side: str, places: Sequence[int], unedited: bool = False, extreme: bool = False
    ) -> Measured:
        """Return the rows that a need reads of one side."""
        if side.startswith(REFERENCE):
            return Measured(need.measure, self._rows(need.measure, side, REFERENCES, extreme), ())
        read = [place for place in places if need.accepts(self.prompts[place])]
        rows = self._rows(need.measure, BEFORE if unedited else side, len(self.prompts), extreme)[read]
        prompts = tuple(self.prompts[place] for place in read)
        if self.fits_choices and (least := min((len(prompt.choices) for prompt in prompts), default=0)):
            rows = rows[:, :least]
        return Measured(need.measure, rows if read else np.zeros((0, 0), np.float32), prompts)

    def _rows(self, measure: str, side: str, count: int, extreme: bool) -> Array:
        """(count, width) float32."""
        generator = np.random.default_rng(crc32(f"{measure}/{side}/{self.number}".encode()))
        wide = self.width > 1
        rows: Array = generator.dirichlet(np.ones(self.width), count) if wide else generator.random((count, 1))
        if not side.startswith(REFERENCE):
            for place, (row, prompt) in enumerate(zip(rows, self.prompts, strict=True)):
                _show(row, self._class_of(prompt, side, place))
        if not extreme:
            return rows.astype(np.float32)
        return np.asarray(rows == rows.max(axis=1, keepdims=True) if wide else rows > 0.5, np.float32)

    def _class_of(self, prompt: Prompt, side: str, place: int) -> int | None:
        """Return the class, or choice, that an image shows; None for whatever chance gives."""
        turn = (place + self.number) % 3
        if turn == 2:
            return None
        aimed = prompt.target if prompt.target is not None else prompt.answer
        return aimed if side != BEFORE and turn == 0 else prompt.label


def _show(row: Array, column: int | None) -> None:
    """Move the largest number of a row to a column, if the row has it."""
    if column is not None and column < len(row):
        largest = int(row.argmax())
        row[[column, largest]] = row[[largest, column]]


def content(measured: Sides) -> dict[tuple[str, str], object]:
    """Copy the content of rows, to detect later changes."""
    return {
        (key, name): (side.values.tobytes(), side.values.shape, side.prompts, side.measure)
        for key, sides in measured.items()
        for name, side in sides.items()
    }
