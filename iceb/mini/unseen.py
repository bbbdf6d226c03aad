"""The 122 holdout classes of embedded AICE that no caption preserved by a method on mini names."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from iceb.mini.mentions import every_class

FILE = "aice_unseen.json"  # in iceb/mini/data; tools/mini/make_aice.py writes it


def choose_unseen(holdout: Iterable[int], requested: Iterable[str]) -> list[int]:
    """Choose a third of the holdout classes: those first by the sha256 of their index.

    Classes that a request names, by source, alias or destination, are never chosen, because the edit reads these names
    and some methods retain destinations. "mountain lion" names the lion too.

    Args:
        holdout: classes by ImageNet index.
        requested: every source, alias and destination of the requests.

    >>> choose_unseen(range(288, 300), ["mongoose", "snow leopard"])
    [290, 291, 294, 299]
    """
    classes = sorted(holdout)
    named = {label for name in requested for label in every_class().classes(name)}
    order = sorted(set(classes) - named, key=lambda label: hashlib.sha256(str(label).encode()).hexdigest())
    return sorted(order[: len(classes) // 3])


@cache
def unseen_classes() -> frozenset[int]:
    """The ImageNet indices of the unseen classes."""
    return frozenset(json.loads((files("iceb.mini") / "data" / FILE).read_text(encoding="utf-8")))
