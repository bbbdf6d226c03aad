"""Texts among which CLIP chooses, for prompts that compose concepts on models of photographs.

A prompt's texts say what its image may show: the destinations or the sources, the colours that were said or others. A
fact among its tags names the places of those that count ("dests=0"), and a metric takes their probability.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import product

from iceb.mini.composed import fact_tags
from iceb.specs.requests import EditRequest

JOINT_CHOICES = 32  # of pairs and of triples: all mixtures, and things that were not asked for
PLACES = {  # of each scene of the embedded world
    "beach": "on the beach",
    "forest": "in the forest",
    "snow": "in the snow",
    "night": "at night",
    "desert": "in the desert",
    "sea": "by the sea",
    "street": "on the street",
    "kitchen": "in the kitchen",
    "meadow": "in a meadow",
    "mountain": "on a mountain",
    "sunset": "at sunset",
    "garden": "in a garden",
}
AN = re.compile(r"(?!eu|uni|uku|one)[aeiou]|hour|heir", re.IGNORECASE)
Choices = tuple[tuple[str, ...], tuple[str, ...]]  # texts, and the tags that say which of them count


def noun(words: str) -> str:
    """The words with their article.

    >>> noun("orange hen"), noun("unicycle"), noun("hourglass")
    ('an orange hen', 'a unicycle', 'an hourglass')
    """
    return f"{'an' if AN.match(words) else 'a'} {words}"


def fill(template: str, names: Iterable[str]) -> str:
    """The template with each name and its article.

    >>> fill("{} next to {}", ("ape", "hen"))
    'an ape next to a hen'
    """
    return template.format(*map(noun, names))


def joint_choices(template: str, group: Sequence[EditRequest], fillers: Iterable[Sequence[str]]) -> Choices:
    """Texts of all destinations, of each mixture with the sources, and of other names.

    All destinations stand first and count. Without the other names an image of noise would have a probability of 1/4 to
    show both of two destinations.

    Args:
        fillers: groups of names, as many in each as requests.
    """
    mixtures = product(*((request.dest, request.source) for request in group))
    texts = [fill(template, names) for names in (*mixtures, *fillers)]
    return tuple(texts[:JOINT_CHOICES]), fact_tags({"dests": 0})


def beside_choices(template: str, request: EditRequest, other: str, colours: tuple[str, str]) -> Choices:
    """The colours as said, swapped, and one for both; each beside the source's and the destination's name."""
    first, second = colours
    pairs = ((first, second), (second, first), (first, first), (second, second))
    names = (request.source, request.dest)
    texts = [fill(template, (f"{left} {name}", f"{right} {other}")) for left, right in pairs for name in names]
    return tuple(texts), _counted_tags({"colours": [0, 1]})


def context_choices(
    request: EditRequest, colours: Sequence[str], places: Sequence[str], sizes: Sequence[str]
) -> Choices:
    """Two colours, places and sizes in all mixtures, those that were said first; each of both names.

    Args:
        places: such as "on the beach".
    """
    names = (request.source, request.dest)
    mixtures = [*product(colours, places, sizes, names)]
    texts = [f"{noun(f'{size} {colour} {name}')} {place}" for colour, place, size, name in mixtures]
    said = {
        "colours": [number for number, each in enumerate(mixtures) if each[0] == colours[0]],
        "scene_and_size": [number for number, each in enumerate(mixtures) if each[1:3] == (places[0], sizes[0])],
    }
    return tuple(texts), _counted_tags(said)


def _counted_tags(places: dict[str, list[int]]) -> tuple[str, ...]:
    return fact_tags({name: ",".join(map(str, found)) for name, found in places.items()})
