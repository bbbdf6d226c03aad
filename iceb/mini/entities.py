"""Table of entities by number: classes, styles, identities, roles and professions.

Class i is entity i. The last style is "art", which changes nothing. A role looks like the identity it is bound to.
"""

from dataclasses import replace
from functools import cache

from iceb.mini.people import identities, identity_look, profession_look, professions, roles
from iceb.mini.styles import NEUTRAL, style_look, style_names
from iceb.mini.world import EMPTY, Look, class_look, taught_names


@cache
def _names() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Names of the entities by kind, in the order of the table."""
    return {
        "class": taught_names(),
        "style": tuple((name,) for name in (*style_names(), NEUTRAL)),
        "identity": identities(),
        "role": tuple(role.names for role in roles()),
        "profession": tuple((name,) for name in professions()),
    }


@cache
def entities_of(kind: str) -> range:
    """The numbers of the entities of one kind: class, style, identity, role or profession."""
    first = 0
    for known, rows in _names().items():
        if known == kind:
            return range(first, first + len(rows))
        first += len(rows)
    raise ValueError(f"unknown kind of entity {kind!r}: the kinds are {', '.join(_names())}")


KINDS = tuple(_names())
ENTITIES = entities_of(KINDS[-1]).stop
ART = entities_of("style")[-1]  # the neutral style


@cache
def entity_kind(entity: int) -> str:
    """The kind of an entity: class, style, identity, role or profession."""
    for kind in KINDS:
        if entity in entities_of(kind):
            return kind
    raise ValueError(f"there is no entity {entity}: they are numbered from 0 to {ENTITIES - 1}")


def entity_names(entity: int) -> tuple[str, ...]:
    """Every name of an entity that mini is taught, the primary one first."""
    kind = entity_kind(entity)
    return _names()[kind][entity - entities_of(kind).start]


def entity_look(entity: int) -> Look:
    """The look of an entity when the text says nothing else; a profession's gender is left open."""
    kind = entity_kind(entity)
    place = entity - entities_of(kind).start
    if kind == "class":
        return class_look(place)
    if kind == "style":
        return EMPTY if entity == ART else replace(EMPTY, style=style_look(place))
    if kind == "profession":
        return replace(EMPTY, person=profession_look(place))
    return replace(EMPTY, person=identity_look(roles()[place].identity if kind == "role" else place))
