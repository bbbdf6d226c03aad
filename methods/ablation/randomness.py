"""Random sources for prompts and augmentation: a seeded one, and a protocol to replay recorded draws."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

import torch

from iceb.methods.common.seeding import content_seed

Item = TypeVar("Item")


class RandomSource(Protocol):
    """A source of the three kinds of random draw that the authors' code makes."""

    def uniform(self) -> float:
        """A random number in [0, 1)."""
        ...

    def randint(self, low: int, high: int) -> int:
        """A random integer, `high` excluded."""
        ...

    def choice(self, options: Sequence[Item]) -> Item:
        """A random element of `options`."""
        ...


class RandomStream:
    """A random stream seeded by its names alone, so that it never depends on what others draw.

    Deviation: the authors' code draws from the unseeded or once seeded global generators of three libraries.
    """

    def __init__(self, **names: Any) -> None:
        self.generator = torch.Generator().manual_seed(content_seed({"ablation": names}))

    def uniform(self) -> float:
        """A random number in [0, 1)."""
        return float(torch.rand(1, generator=self.generator, dtype=torch.float64))

    def randint(self, low: int, high: int) -> int:
        """A random integer, `high` excluded."""
        return int(torch.randint(low, high, (1,), generator=self.generator))

    def choice(self, options: Sequence[Item]) -> Item:
        """A random element of `options`."""
        return options[self.randint(0, len(options))]

    def normal(self, shape: Sequence[int]) -> torch.Tensor:
        """Standard normal numbers of this shape, on the CPU."""
        return torch.randn(tuple(shape), generator=self.generator)

    def rounds(self, count: int) -> Iterator[int]:
        """Yield 0 … count − 1 in endless rounds, each in a new random order."""
        while True:
            yield from torch.randperm(count, generator=self.generator).tolist()
