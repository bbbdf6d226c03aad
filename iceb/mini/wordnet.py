"""Distances between the 1 000 ImageNet classes in WordNet 3.0, along hypernyms.

The numbers of data/wordnet.json are facts of WordNet 3.0, copyright 2006 by Princeton University
(https://wordnet.princeton.edu); tools/wordnet_table.py takes them from its file data.noun.
"""

import json
from functools import cache
from importlib.resources import files

FILE = "wordnet.json"  # in iceb/mini/data: the synset of each class, and the hypernyms of each synset


@cache
def _table() -> tuple[list[int], dict[int, list[int]]]:
    """The synset of each class, and the synsets above each."""
    read = json.loads((files("iceb.mini") / "data" / FILE).read_text(encoding="utf-8"))
    return read["classes"], {int(synset): above for synset, above in read["hypernyms"].items()}


@cache
def edges_up(label: int) -> dict[int, int]:
    """The fewest edges from a class to each synset above it, by number; a class has 0 to its own."""
    classes, above = _table()
    found, ring = {classes[label]: 0}, [classes[label]]
    while ring:
        ring = [each for synset in ring for each in above[synset] if each not in found]
        found |= dict.fromkeys(ring, max(found.values()) + 1)
    return found


def hops(first: int, second: int) -> int:
    """The fewest edges between two classes by way of a common hypernym.

    A golden retriever is a retriever, a sporting dog, a hunting dog, a dog and a domestic animal, and a tabby is a
    domestic cat and a domestic animal: five edges and two.

    >>> hops(207, 207), hops(207, 208), hops(207, 281)
    (0, 2, 7)
    """
    one, other = edges_up(first), edges_up(second)
    return min(edges + other[synset] for synset, edges in one.items() if synset in other)
