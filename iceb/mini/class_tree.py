"""A tree of the 1 000 ImageNet classes, and distances on it and by look.

The tree is ours, modelled on WordNet's hypernyms (animal, mammal, carnivore, dog, hound …), since no table of those
ships with the libraries at hand: timm's lists hold synsets, lemmas and definitions. It is flatter than WordNet.
"""

import json
from functools import cache
from importlib.resources import files

from iceb.mini.world import NUM_CLASSES, class_thing

FILE = "class_tree.json"  # in iceb/mini/data: path of a group → ranges of classes


@cache
def class_paths() -> tuple[tuple[str, ...], ...]:
    """The groups that each class is in, the widest first.

    >>> class_paths()[207]
    ('animal', 'mammal', 'carnivore', 'dog', 'hunting dog', 'gun dog')
    """
    read = json.loads((files("iceb.mini") / "data" / FILE).read_text(encoding="utf-8"))
    found: dict[int, tuple[str, ...]] = {}
    for path, ranges in read.items():
        for each in ranges.split():
            first, _, last = each.partition("-")
            found |= dict.fromkeys(range(int(first), int(last or first) + 1), tuple(path.split("/")))
    return tuple(found[label] for label in range(NUM_CLASSES))


def hops(first: int, second: int) -> int:
    """Edges between two classes on the tree: 0 of a class with itself, 2 within a group, and so on.

    >>> hops(207, 207), hops(207, 208), hops(207, 160), hops(207, 0)
    (0, 2, 4, 9)
    """
    if first == second:
        return 0
    one, other = class_paths()[first], class_paths()[second]
    shared = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return len(one) + len(other) + 2 - 2 * shared


def superclass(label: int) -> str:
    """The narrowest group of a class: "gun dog"."""
    return class_paths()[label][-1]


def look_distance(first: int, second: int) -> int:
    """The number of factors, shape, colour and pattern, in which two classes look different on mini.

    >>> look_distance(0, 0), look_distance(0, 1), look_distance(0, 999)
    (0, 1, 3)
    """
    one, other = _thing(first), _thing(second)
    return sum(getattr(one, factor) != getattr(other, factor) for factor in ("shape", "colour", "pattern"))


_thing = cache(class_thing)  # here, for a change of mini's world would make the edits of all methods with captions anew
