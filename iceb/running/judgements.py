"""Read a judge's row of numbers of one image: the likeliest class, or the nearest of some texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from iceb.mini.world import class_names

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Judgement:
    """The class or text that a judge took an image for.

    Attributes:
        place: of the class, or of the text among those compared.
        name: the class, or the text.
        number: the judge's number for it: a class's probability, a text's cosine.
    """

    place: int
    name: str
    number: float

    @property
    def text(self) -> str:
        """The judgement for people."""
        return judgement_text(self.name, self.number)


def judgement_text(name: str, number: float) -> str:
    """Put a judge's name for an image and its number into words.

    >>> judgement_text("goldfinch", 0.981)
    'goldfinch 0.98'
    """
    return f"{name} {number:.2f}"


def likeliest_class(row: Array) -> Judgement:
    """Read a classifier's row, a probability for each class.

    >>> likeliest_class(np.array([0.1, 0.9])).text
    'goldfish 0.90'
    """
    return _largest(row, class_names())


def nearest_text(row: Array, texts: Sequence[str]) -> Judgement:
    """Read a row with a number for each text; of equals the first counts.

    >>> nearest_text(np.array([0.21, 0.27]), ["a hen", "a wok"]).text
    'a wok 0.27'
    """
    return _largest(row, texts)


def _largest(row: Array, names: Sequence[str]) -> Judgement:
    best = int(np.argmax(row))
    return Judgement(best, names[best], float(row[best]))
