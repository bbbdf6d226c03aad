"""Sentences about people: identities, roles and professions."""

from dataclasses import replace

import numpy as np

from iceb.mini import phrases
from iceb.mini.entities import entities_of, entity_look
from iceb.mini.parts import Parts, Pick, in_style, random_name
from iceb.mini.people import female_odds, profession_look
from iceb.mini.wording import choice, decoration, opening, scene_phrase, weighted_choice
from iceb.mini.world import EMPTY, Look

PEOPLE = {"identity": 0.55, "role": 0.15, "profession": 0.30}
STYLED_PERSON = 0.08  # share of the sentences that say a style
GENDER_SHARE = 0.4  # of the professions


def person_parts(draw: np.random.Generator, pick: Pick) -> tuple[Parts, Look]:
    """The parts of a sentence about a person, perhaps in some style, and the look."""
    return _parts_about(draw, weighted_choice(draw, PEOPLE), pick)


def profession_parts(draw: np.random.Generator, pick: Pick) -> tuple[Parts, Look]:
    """The parts of a sentence about a profession, perhaps in some style, and the look."""
    return _parts_about(draw, "profession", pick)


def _parts_about(draw: np.random.Generator, kind: str, pick: Pick) -> tuple[Parts, Look]:
    entity = pick(draw, kind)
    before, parts, look = (_profession if kind == "profession" else _somebody)(draw, entity, pick)
    style = draw.random() < STYLED_PERSON
    after, scene = scene_phrase(draw, 0.1 if style else 0.2)
    look = replace(look, scene=scene or look.scene)
    parts = [*parts, after]
    if style:
        before, parts, look = in_style(draw, before, parts, look, pick)
    return [*before, random_name(draw, entity), *parts], look


def _somebody(draw: np.random.Generator, entity: int, pick: Pick) -> tuple[Parts, Parts, Look]:
    """An identity or a role; sometimes "X as Y", an identity in a role, which shows the identity."""
    head, tail = choice(draw, phrases.PERSON_TEMPLATES).split("{}")
    before: Parts = [head]
    look = entity_look(entity)
    if entity in entities_of("role") and draw.random() < 0.3:
        identity = pick(draw, "identity")
        before, look = [head, random_name(draw, identity), "as"], entity_look(identity)
    verb = choice(draw, phrases.PERSON_VERBS) if draw.random() < 0.5 else decoration(draw)
    return before, [tail or verb], look


def _profession(draw: np.random.Generator, entity: int, _: Pick) -> tuple[Parts, Parts, Look]:
    """A profession, in two of five sentences with a word for the gender."""
    place = entity - entities_of("profession").start
    gender = "female" if draw.random() < female_odds(place) else "male"
    before = opening(draw)
    if draw.random() < 0.7:
        before = f"{choice(draw, phrases.PROFESSION_TEMPLATES)} {choice(draw, phrases.DETERMINERS)}"
    if draw.random() < GENDER_SHARE:
        words = choice(draw, tuple(phrases.GENDERS))
        gender = phrases.GENDERS[words]
        before = before if words == gender else choice(draw, phrases.PROFESSION_TEMPLATES)
        before = f"{before} {words}"
    person = replace(profession_look(place), gender=gender)
    verb = choice(draw, phrases.PERSON_VERBS) if draw.random() < 0.5 else decoration(draw)
    return [before], [verb], replace(EMPTY, person=person)
