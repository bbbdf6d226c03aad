"""Parts of mini's sentences that name an entity, and the phrases that set a style."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from iceb.mini import phrases
from iceb.mini.entities import ART, entities_of, entity_look, entity_names
from iceb.mini.wording import choice
from iceb.mini.world import Look

ART_SHARE = 0.04  # of the styles
Pick = Callable[[np.random.Generator, str], int]  # an entity of one kind: class, style, identity, role, profession


@dataclass(frozen=True, slots=True)
class Name:
    """A part of a sentence that names an entity; other parts are plain text."""

    text: str
    entity: int
    second: bool = False


Parts = list[str | Name]


def uniform(draw: np.random.Generator, kind: str) -> int:
    """Pick an entity of one kind, each equally often, but for "art", which is frequent."""
    if kind == "style" and draw.random() < ART_SHARE:
        return ART
    found = entities_of(kind)
    return int(draw.integers(found.start, found.stop))


def random_name(draw: np.random.Generator, entity: int, *, second: bool = False) -> Name:
    """A name of the entity, mostly the primary one; half of the names are in lower case."""
    names = entity_names(entity)
    name = names[0] if draw.random() < 0.6 else choice(draw, names)
    return Name(name.lower() if draw.random() < 0.5 else name, entity, second)


def in_style(
    draw: np.random.Generator, before: Parts, after: Parts, look: Look, pick: Pick
) -> tuple[Parts, Parts, Look]:
    """Say a style behind the name or, more rarely, in front of the sentence."""
    name = random_name(draw, pick(draw, "style"))
    look = replace(look, style=entity_look(name.entity).style)
    if draw.random() < 0.12:
        return ["in the style of", name, ",", *before], after, look
    head, tail = choice(draw, phrases.STYLE_PHRASES).split("{}")
    place = int(draw.integers(len(after) + 1))
    return before, [*after[:place], head, name, tail, *after[place:]], look
