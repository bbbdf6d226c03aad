"""The ImageNet class that a name stands for, and the classes next to it; no file is fetched."""

from collections.abc import Collection, Iterator
from functools import cache

from iceb.mini.world import class_aliases, class_names, unknown_names


@cache
def _labels() -> dict[str, int]:
    """Label by name in lower case: primary names first, further names where one class alone has them."""
    further: dict[str, set[int]] = {}
    for rows in (class_aliases(), unknown_names()):
        for label, names in enumerate(rows):
            for name in names:
                further.setdefault(name.lower(), set()).add(label)
    single = {name: next(iter(labels)) for name, labels in further.items() if len(labels) == 1}
    return {**single, **{name.lower(): label for label, name in enumerate(class_names())}}


def label_of(name: str) -> int | None:
    """The label of the class with this name; None where no class, or more than one, has it.

    >>> label_of("Hen"), label_of("our mascot")
    (8, None)
    """
    return _labels().get(" ".join(name.lower().split()))


def nearest_labels(label: int, left_out: Collection[int], count: int) -> list[int]:
    """The labels next to one, nearest first: ImageNet's order is WordNet's, so they are alike.

    >>> nearest_labels(8, {7}, 3)
    [9, 10, 6]
    """
    last = len(class_names()) - 1
    around = (place for step in range(1, last + 1) for place in (label + step, label - step) if 0 <= place <= last)
    return [place for place, _ in zip((each for each in around if each not in left_out), range(count), strict=False)]


def spread_labels(left_out: Collection[int], count: int) -> Iterator[int]:
    """Labels spread evenly over all classes, each the next one that is not left out."""
    total = len(class_names())
    taken = set(left_out)
    for place in range(count):
        start = (2 * place + 1) * total // (2 * count)
        found = next((label for label in (*range(start, total), *range(start)) if label not in taken), None)
        if found is not None:
            taken.add(found)
            yield found
