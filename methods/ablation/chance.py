"""The random numbers that prompts and augmentation ask for, so that recorded draws can be played back."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

import torch

from iceb.base.digest import digest

Item = TypeVar("Item")


class Chance(Protocol):
    """Three kinds of draw, as the authors' code makes them."""

    def uniform(self) -> float:
        """A number in [0, 1)."""
        ...

    def randint(self, low: int, high: int) -> int:
        """A whole number, `high` excluded."""
        ...

    def choice(self, options: Sequence[Item]) -> Item:
        """One of the options."""
        ...


class Stream:
    """A stream of draws of its own: it depends on what names it, never on what others have drawn.

    Deviation: the authors' code draws from the unseeded or once seeded global generators of three libraries.
    """

    def __init__(self, **names: Any) -> None:
        self.generator = torch.Generator().manual_seed(int(digest({"ablation": names})[:15], 16))

    def uniform(self) -> float:
        """A number in [0, 1)."""
        return float(torch.rand(1, generator=self.generator, dtype=torch.float64))

    def randint(self, low: int, high: int) -> int:
        """A whole number, `high` excluded."""
        return int(torch.randint(low, high, (1,), generator=self.generator))

    def choice(self, options: Sequence[Item]) -> Item:
        """One of the options."""
        return options[self.randint(0, len(options))]

    def normal(self, shape: Sequence[int]) -> torch.Tensor:
        """Standard normal numbers of this shape, on the CPU."""
        return torch.randn(tuple(shape), generator=self.generator)

    def rounds(self, count: int) -> Iterator[int]:
        """0 … count − 1 again and again without end, each round in an order of its own."""
        while True:
            yield from torch.randperm(count, generator=self.generator).tolist()
