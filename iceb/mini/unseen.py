"""The unseen third: 122 holdout classes of embedded AICE that no preserved text of mini names."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

FILE = "aice_unseen.json"  # in iceb/mini/data; tools/mini/make_aice.py writes it


def choose_unseen(holdout: Iterable[int], dests: Iterable[int]) -> list[int]:
    """Choose a third of the holdout classes: those first by the sha256 of their index.

    Destinations are never chosen, because the requests name them and some methods retain them.

    >>> choose_unseen(range(6), [0, 1])
    [3, 4]
    """
    classes = sorted(holdout)
    free = set(classes) - set(dests)
    order = sorted(free, key=lambda label: hashlib.sha256(str(label).encode()).hexdigest())
    return sorted(order[: len(classes) // 3])


@cache
def unseen_classes() -> frozenset[int]:
    """The ImageNet indices of the unseen classes."""
    return frozenset(json.loads((files("iceb.mini") / "data" / FILE).read_text(encoding="utf-8")))
