"""Texts among which CLIP chooses, for prompts that compose concepts on models of photographs.

A prompt's texts say what its image may show: each thing as asked, as its destination, as another thing or not at all;
the colours that were said or others. A fact among its tags names the places of those that count ("dests=0"), and a
metric takes their probability.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import product

from iceb.mini.composed import fact_tags
from iceb.specs.requests import EditRequest

JOINT_CHOICES = 64  # of pairs and of triples, for a measure wants equally many: all mixtures, and other things
JOINS = ("{} next to {}", "{} beside {}", "{} and {}")  # the first named stands on the left
TRIPLES = ("{}, {} and {}", "{} next to {} and {}", "{} beside {} and {}")
PLACES = {  # of the embedded world: as a prompt says it, and what its image cannot be as well
    "beach": ("on the beach", "in the kitchen"),
    "forest": ("in the forest", "in the desert"),
    "snow": ("in the snow", "in the kitchen"),
    "night": ("at night", "in broad daylight"),
    "desert": ("in the desert", "in the forest"),
    "sea": ("by the sea", "in the kitchen"),
    "street": ("on the street", "in the forest"),
    "kitchen": ("in the kitchen", "on the beach"),
    "meadow": ("in a meadow", "on the street"),
    "mountain": ("on a mountain", "in the kitchen"),
    "sunset": ("at sunset", "in broad daylight"),
    "garden": ("in a garden", "in the desert"),
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


def side_by_side(names: Sequence[str], turn: int) -> str:
    """One to three names in a text, by the turn's way of joining them.

    >>> side_by_side(["ape"], 0), side_by_side(["ape", "hen", "elk"], 0)
    ('an ape', 'an ape, a hen and an elk')
    """
    return fill(("{}", JOINS[turn], TRIPLES[turn])[len(names) - 1], names)


def joint_choices(turn: int, group: Sequence[EditRequest], others: Sequence[Sequence[str]]) -> Choices:
    """Texts of all destinations, and of all that the image may show in place of them.

    In each place stands the destination, the source, another thing or nothing; all destinations are first and count.
    So neither one destination of several, nor noise, which has a probability of 1/64, passes for all of them.

    Args:
        turn: the way of joining names.
        others: for each place names of things that nobody asked for, at least 50, like its destination.
    """
    places = [(request.dest, request.source, names[0], "") for request, names in zip(group, others, strict=True)]
    mixtures = [[name for name in names if name] for names in product(*places)]
    more = [list(names) for names in zip(*(names[1:] for names in others), strict=False)]
    texts = [side_by_side(names, turn) for names in (*filter(None, mixtures), *more)]
    return tuple(texts[:JOINT_CHOICES]), fact_tags({"dests": 0})


def beside_choices(template: str, request: EditRequest, other: str, colours: tuple[str, str]) -> Choices:
    """Texts of the colours as said, swapped, and of one for both; with either name."""
    first, second = colours
    pairs = ((first, second), (second, first), (first, first), (second, second))
    names = (request.source, request.dest)
    texts = [fill(template, (f"{left} {name}", f"{right} {other}")) for left, right in pairs for name in names]
    return tuple(texts), _places({"colours": [0, 1]})


def context_choices(request: EditRequest, size: str, colours: Sequence[str], scene: str) -> Choices:
    """Texts of the colour and another, and of the scene and its opposite, in all mixtures.

    The size stays as it was said, for a photograph does not show how large a thing is.
    """
    mixtures = [*product(colours, PLACES[scene], (request.source, request.dest))]
    texts = [f"{noun(f'{size} {colour} {name}')} {place}" for colour, place, name in mixtures]
    said = {
        "colours": [number for number, each in enumerate(mixtures) if each[0] == colours[0]],
        "scene": [number for number, each in enumerate(mixtures) if each[1] == PLACES[scene][0]],
    }
    return tuple(texts), _places(said)


def _places(counted: dict[str, list[int]]) -> tuple[str, ...]:
    return fact_tags({name: ",".join(map(str, found)) for name, found in counted.items()})
