"""Find class names in texts: whole words, whatever the case and the punctuation between them."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from iceb.mini.world import NUM_CLASSES, names

WORD = re.compile(r"\w+")


class NameIndex:
    """Names of classes, to be found in texts.

    A name is found wherever its words stand in a row, inside a longer name too: "sea lion" names the lion as well.

    Args:
        named: every (class, name).

    >>> sorted(NameIndex([(0, "tench"), (1, "jack-o'-lantern"), (2, "lion")]).classes("A Jack-O'-Lantern; lions"))
    [1]
    """

    def __init__(self, named: Iterable[tuple[int, str]]) -> None:
        self._by_first: dict[str, list[tuple[int, list[str]]]] = {}
        for label, name in named:
            words = words_of(name)
            self._by_first.setdefault(words[0], []).append((label, words))

    def classes(self, text: str) -> set[int]:
        """The classes that a text names."""
        words = words_of(text)
        return {
            label
            for place, first in enumerate(words)
            for label, name in self._by_first.get(first, ())
            if words[place : place + len(name)] == name
        }


def words_of(text: str) -> list[str]:
    """The words of a text in lower case.

    >>> words_of("The T-shirt")
    ['the', 't', 'shirt']
    """
    return WORD.findall(text.lower())


def captions_naming(texts: Iterable[str], names: Iterable[str]) -> dict[str, int]:
    """The number of texts that say each name; names that none says are left out.

    >>> captions_naming(["a work by Ann Lee", "ann lee, and Bo", "a hen"], ["Ann Lee", "Bo", "Cy"])
    {'Ann Lee': 2, 'Bo': 1}
    """
    known = tuple(dict.fromkeys(names))
    index = NameIndex(enumerate(known))
    found = Counter(place for text in texts for place in index.classes(text))
    return {name: found[place] for place, name in enumerate(known) if found[place]}


def names_of(label: int) -> tuple[str, ...]:
    """Every name of a class: the primary one, those that mini was taught, and those kept from it."""
    known = names()
    return (known.names[label], *known.aliases[label], *known.unknown[label])


def index_of(labels: Iterable[int]) -> NameIndex:
    """The index of all names of some classes."""
    return NameIndex((label, name) for label in labels for name in names_of(label))


@cache
def every_class() -> NameIndex:
    """The index of all names of all classes."""
    return index_of(range(NUM_CLASSES))
