"""Groups of the 1 000 ImageNet classes, which superclass prompts name, and distances by look.

The groups are ours (animal, mammal, carnivore, dog, hound …), flatter than WordNet and in everyday words; distances
along WordNet itself are in iceb.mini.wordnet.
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
