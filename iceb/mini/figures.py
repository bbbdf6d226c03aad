"""Render people: identities as head and shoulders, professions as figures with a badge."""

import numpy as np

from iceb.mini.layers import Layer, Mask, Plane, axes, without_overlap
from iceb.mini.people import HAIRS, SKINS
from iceb.mini.world import COLOURS, Person

WHITE, DARK, MOUTH = (250, 250, 250), (20, 18, 24), (150, 30, 40)
RGB = tuple[int, int, int]


def person_layers(person: Person, centre: Plane, scale: float, draw: np.random.Generator) -> list[Layer]:
    """The layers of a person around `centre`; whatever the person leaves open is drawn at random."""
    skin = SKINS[person.skin or tuple(SKINS)[draw.integers(len(SKINS))]]
    hair = HAIRS[person.hair or tuple(HAIRS)[draw.integers(len(HAIRS))]]
    x, y = axes(centre)
    x, y = x / np.float32(scale), y / np.float32(scale)
    cloth = COLOURS[person.clothing]
    flat = _figure(person, x, y, skin, hair, cloth) if person.badge else _bust(person, x, y, skin, hair, cloth)
    return without_overlap([(mask, np.asarray(tone, dtype=np.float32)) for mask, tone in flat])


def _bust(person: Person, x: Plane, y: Plane, skin: RGB, hair: RGB, cloth: RGB) -> list[tuple[Mask, RGB]]:
    ax = np.abs(x)
    head = _ellipse(x, y + 2, 6.8, 7.8)
    behind, before = _hair(person.hairstyle or "", x, y, head)
    return [
        (behind, hair),
        (_ellipse(x, y - 17, 13.5, 10.5), cloth),
        ((ax <= 2.8) & (y > 3) & (y < 9), skin),
        (head, skin),
        (before, hair),
        *_eyes(ax - 3, y + 1.5, 1.9),
        ((ax <= 2.4) & (np.abs(y - 2.8) <= 0.65), MOUTH),
    ]


def _hair(style: str, x: Plane, y: Plane, head: Mask) -> tuple[Mask, Mask]:
    """Masks of the hair behind the head and before it."""
    ax = np.abs(x)
    fringe = head & (y < -5.5)
    cap = _ellipse(x, y + 2.8, 8.6, 9.2) & (y < -2.5)
    behind = {
        "cropped": cap,
        "long": _ellipse(x, y + 2.6, 9.8, 9.4) | ((ax <= 9.8) & (y > -2.6) & (y < 9.5)),
        "round": _ellipse(x, y + 4.5, 11.2, 10.2),
        "crest": np.zeros(x.shape, dtype=bool),
        "buns": cap | _ellipse(ax - 9.5, y + 8, 5.2, 5.2),
    }
    if style == "crest":
        fringe = (ax <= 2.8) & (y > -15) & (y < -4.5)
    return behind[style], fringe


def _figure(person: Person, x: Plane, y: Plane, skin: RGB, hair: RGB, cloth: RGB) -> list[tuple[Mask, RGB]]:
    ax, down = np.abs(x), (y + 4.5) / 19.5  # 0 at the shoulders, 1 at the hem
    trunk = (down >= 0) & (down <= 1)
    head = _ellipse(x, y + 9.2, 4.4, 4.8)
    if person.gender == "female":
        body = trunk & (ax <= 3 + 10 * down)
        locks = _ellipse(x, y + 9.4, 7, 6) | ((ax <= 7) & (y > -9.4) & (y < 1))
    elif person.gender == "male":
        body = trunk & (ax <= 12 - 6.5 * down)
        locks = _ellipse(x, y + 9.6, 4.8, 5.2) & (y < -9.5)
    else:
        raise ValueError(f"the gender of a person with a badge is 'female' or 'male', not {person.gender!r}: set it")
    return [
        (body, cloth),
        (locks, hair),
        (head, skin),
        (head & (y < -11.5), hair),
        *_eyes(ax - 1.9, y + 8.8, 0.9),
        (_badge(person.badge or "", x, y - 5, 1.3), DARK),
        (_badge(person.badge or "", x, y - 5, 0.0), WHITE),
    ]


def _badge(name: str, x: Plane, y: Plane, rim: float) -> Mask:
    ax, ay = np.abs(x), np.abs(y)
    return {
        "plus": (np.maximum(ax, ay) <= 4 + rim) & (np.minimum(ax, ay) <= 1.1 + rim),
        "disc": np.hypot(x, y) <= 3.3 + rim,
        "bar": (ax <= 4.6 + rim) & (ay <= 1.2 + rim),
        "post": (ax <= 1.2 + rim) & (ay <= 4.6 + rim),
    }[name]


def _eyes(x: Plane, y: Plane, radius: float) -> list[tuple[Mask, RGB]]:
    return [(_ellipse(x, y, radius, radius), WHITE), (_ellipse(x, y, radius * 0.6, radius * 0.6), DARK)]


def _ellipse(x: Plane, y: Plane, wide: float, high: float) -> Mask:
    inside: Mask = np.hypot(x / np.float32(wide), y / np.float32(high)) <= 1
    return inside
