"""Options of a training: its seed, the classes it never sees, its share of the full steps."""

from dataclasses import dataclass

import numpy as np

from iceb.mini.entities import entities_of
from iceb.mini.parts import uniform
from iceb.mini.world import class_names


@dataclass(frozen=True)
class Options:
    """Options that every stage takes; another seed or other classes train a sister of the shipped model.

    Args:
        seed: of the weights at the start, the sentences and the batches.
        without: ImageNet indices of classes that no sentence names and no image shows.
        share: of the full number of steps and samples, for a short trial.
    """

    seed: int = 0
    without: frozenset[int] = frozenset()
    share: float = 1.0

    def part_of(self, full: int) -> int:
        """This training's part of a full count of steps or samples, two at least.

        >>> Options(share=0.1).part_of(3000)
        300
        """
        return max(2, round(full * self.share))

    def pick(self, draw: np.random.Generator, kind: str) -> int:
        """Pick an entity of a kind, each equally often, but none of the classes that are left out."""
        while (entity := uniform(draw, kind)) in self.without:
            pass
        return entity

    @property
    def names(self) -> tuple[str, ...]:
        """The primary names of the classes that are taught."""
        return tuple(name for label, name in enumerate(class_names()) if label not in self.without)


def class_numbers(said: str) -> frozenset[int]:
    """Read classes from names or ImageNet indices, separated by commas.

    Raises:
        ValueError: one is neither, or no class is left.

    >>> sorted(class_numbers("tench, 7"))
    [0, 7]
    """
    known = {name.lower(): label for label, name in enumerate(class_names())}
    found = set()
    for word in filter(None, (word.strip() for word in said.split(","))):
        label = int(word) if word.isdigit() else known.get(word.lower(), -1)
        if label not in entities_of("class"):
            raise ValueError(
                f"class {word!r} is unknown: write an ImageNet index from 0 to 999 or a primary name of mini"
            )
        found.add(label)
    if len(found) == len(known):
        raise ValueError("every class is left out: leave some to be taught")
    return frozenset(found)
