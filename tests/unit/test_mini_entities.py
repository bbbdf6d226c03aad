"""Styles, people and the table of entities: all distinct, to the numbers and to the eye."""

import time
from collections import Counter
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

from iceb.mini.entities import ART, ENTITIES, KINDS, entities_of, entity_kind, entity_look, entity_names
from iceb.mini.factors import FACTORS, VALUES, factors_of
from iceb.mini.layers import SIDE
from iceb.mini.people import (
    BADGES,
    CLOTHES,
    GENDERS,
    HAIRS,
    HAIRSTYLES,
    LEAST_ODDS,
    MOST_ODDS,
    SKINS,
    female_odds,
    identities,
    identity_look,
    profession_look,
    professions,
    roles,
)
from iceb.mini.render import render
from iceb.mini.strokes import FRAME
from iceb.mini.styles import FRAMES, MOTIFS, TEXTURES, TINTS, style_look, style_names
from iceb.mini.wording import words
from iceb.mini.world import EMPTY, PLAIN, SCENES, Person, Style, Thing, class_look, look_index, unknown_names
from tools.mini import make_world_names
from tools.mini.make_world_names import own_persons, persons

ORDER = (
    *("shape", "colour", "pattern", "size", "scene", "shape2", "colour2", "pattern2", "tint", "texture", "frame"),
    *("motif", "skin", "hair", "hairstyle", "clothing", "badge", "gender"),
)
STYLE = Style("mint", "rows", "blue", "solid")
FACE = Person("red", "sand", "blond", "long")
WORKER = Person("red", badge="plus", gender="female")
TOLD_APART = 4.5  # mean difference of two images, in levels of brightness


def difference(one, other, seed=3):
    """Mean absolute difference of two looks' images with one seed."""
    shown = [render(look, seed).astype(float) for look in (one, other)]
    return np.abs(shown[0] - shown[1]).mean()


def changes_of(values):
    """How many fields two looks next to each other differ in, for the whole list."""
    return [sum(getattr(a, f.name) != getattr(b, f.name) for f in fields(a)) for a, b in pairwise(values)]


# The table of entities


def test_entities_are_numbered_without_gaps_and_classes_come_first():
    assert KINDS == ("class", "style", "identity", "role", "profession")
    assert [entity for kind in KINDS for entity in entities_of(kind)] == list(range(ENTITIES))
    assert entities_of("class") == range(1000)


def test_there_are_enough_styles_and_people():
    assert len(style_names()) >= 1400
    assert len(identities()) >= 260
    assert len(professions()) == 37
    assert len(roles()) > 40


def test_no_two_entities_share_a_name_and_none_has_an_unknown_one():
    known = Counter(name.casefold() for entity in range(ENTITIES) for name in entity_names(entity))
    assert [name for name, count in known.items() if count > 1] == []
    assert set(known) & {name.casefold() for row in unknown_names() for name in row} == set()


def test_every_person_of_our_own_list_is_an_identity():
    own = own_persons()
    assert len(set(own)) == len(own) >= 179
    assert set(own) <= {row[0] for row in identities()}


def test_a_person_of_our_own_list_whose_name_is_taken_or_stands_twice_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(make_world_names, "PERSONS", tmp_path / "persons.txt")
    (tmp_path / "persons.txt").write_text("# painters\nFrida Kahlo\nAda Lovelace\n", encoding="utf-8")
    assert persons([], set()) == ["Ada Lovelace", "Frida Kahlo"]
    with pytest.raises(SystemExit, match="Frida Kahlo already"):
        persons([], {"frida kahlo"})
    with pytest.raises(SystemExit, match="Ada Lovelace already"):
        persons([{"Old": "Ada Lovelace", "New": "Alan Turing"}], set())


def test_no_filler_word_is_the_name_of_an_entity():
    named = {name.casefold() for entity in range(ENTITIES) for name in entity_names(entity)}
    assert set(words()) & named == set()


def test_an_entity_out_of_range_is_refused():
    with pytest.raises(ValueError, match="from 0 to"):
        entity_kind(ENTITIES)
    with pytest.raises(ValueError, match="the kinds are class, style"):
        entities_of("colour")


def test_names_are_in_alphabetical_order():
    for names in (style_names(), professions(), [row[0] for row in identities()]):
        assert list(names) == sorted(names, key=str.casefold)


# Looks


def test_looks_of_all_entities_but_roles_and_art_are_distinct():
    others = [entity for entity in range(ENTITIES) if entity_kind(entity) != "role" and entity != ART]
    assert len({entity_look(entity) for entity in others}) == len(others)


def test_art_is_the_neutral_style():
    assert entity_names(ART) == ("art",)
    assert entity_look(ART) == EMPTY


def test_a_role_looks_like_its_identity():
    for entity, role in zip(entities_of("role"), roles(), strict=True):
        assert entity_look(entity).person == identity_look(role.identity)


def test_the_president_is_the_identity_that_roads_unedited_model_shows():
    (role,) = [role for role in roles() if "The President of the United States" in role.names]
    assert identities()[role.identity][0] == "Donald Trump"


def test_neighbours_in_the_alphabet_are_unlike():
    assert min(changes_of([style_look(i) for i in range(len(style_names()))])) >= 3
    assert min(changes_of([identity_look(i) for i in range(len(identities()))])) >= 3


@pytest.mark.parametrize(("field", "values"), [("skin", SKINS), ("hair", HAIRS), ("hairstyle", HAIRSTYLES)])
def test_every_feature_of_a_face_is_about_as_frequent(field, values):
    found = Counter(getattr(identity_look(i), field) for i in range(len(identities())))
    assert set(found) == set(values)
    assert max(found.values()) - min(found.values()) <= 3


def test_the_odds_of_a_gender_differ_for_every_profession():
    odds = [female_odds(i) for i in range(len(professions()))]
    assert len(set(odds)) == len(odds)
    assert (min(odds), max(odds)) == pytest.approx((LEAST_ODDS, MOST_ODDS)) == (0.02, 0.98)


def test_identities_show_no_gender():
    assert {identity_look(i).gender for i in range(len(identities()))} == {None}


# Factors


def test_factors_stand_in_their_order_and_zero_is_none():
    assert tuple(FACTORS) == ORDER
    assert set(factors_of(EMPTY)) == {0}
    assert [FACTORS[name] for name in ORDER] == [1 + len(VALUES[name]) for name in ORDER]


def test_factors_tell_every_part_of_a_look():
    look = replace(class_look(999), scene="sea", second=Thing("star", "blue", "halved"), style=style_look(7))
    shown = dict(zip(FACTORS, factors_of(look), strict=True))
    named = {name: VALUES[name][number - 1] for name, number in shown.items() if number}
    assert named == {
        "shape": "dice",
        "colour": "black",
        "pattern": "quartered",
        "scene": "sea",
        "shape2": "star",
        "colour2": "blue",
        "pattern2": "halved",
        **{name: getattr(look.style, name) for name in ("tint", "texture", "frame", "motif")},
    }


def test_no_two_looks_have_the_same_factors():
    looks = {entity_look(entity) for entity in range(ENTITIES)}
    assert len({factors_of(look) for look in looks}) == len(looks)


# Images


@pytest.mark.parametrize(
    ("field", "values"), [("tint", TINTS), ("texture", TEXTURES), ("frame", FRAMES), ("motif", MOTIFS)]
)
def test_values_of_a_styles_factor_are_told_apart(field, values):
    shown = [replace(EMPTY, style=replace(STYLE, **{field: value})) for value in values]
    assert min_difference(shown) > TOLD_APART


@pytest.mark.parametrize(
    ("field", "values"), [("skin", SKINS), ("hair", HAIRS), ("hairstyle", HAIRSTYLES), ("clothing", CLOTHES)]
)
def test_values_of_a_faces_factor_are_told_apart(field, values):
    shown = [replace(EMPTY, person=replace(FACE, **{field: value})) for value in values]
    assert min_difference(shown) > TOLD_APART


@pytest.mark.parametrize(("field", "values"), [("clothing", CLOTHES), ("badge", BADGES), ("gender", GENDERS)])
def test_values_of_a_professions_factor_are_told_apart(field, values):
    shown = [replace(EMPTY, person=replace(WORKER, **{field: value})) for value in values]
    assert min_difference(shown) > (2.0 if field == "badge" else TOLD_APART)  # a badge is small


def min_difference(looks):
    return min(difference(one, other) for i, one in enumerate(looks) for other in looks[:i])


def test_a_gender_changes_a_large_area():
    one, other = (render(replace(EMPTY, person=replace(WORKER, gender=gender)), 4).astype(int) for gender in GENDERS)
    assert (np.abs(one - other).max(axis=2) > 40).mean() > 0.15


def test_a_person_with_a_badge_but_no_gender_is_refused():
    with pytest.raises(ValueError, match="'female' or 'male'"):
        render(replace(EMPTY, person=profession_look(0)), 0)


def test_features_that_a_profession_leaves_open_vary_with_the_seed():
    head = {render(replace(EMPTY, person=WORKER), seed)[4:9].tobytes() for seed in range(20)}
    assert len(head) > 15


@pytest.mark.parametrize("scene", [PLAIN, *SCENES])
def test_a_style_changes_the_ground_and_puts_a_frame_around_it(scene):
    look = replace(EMPTY, scene=scene)
    change = np.abs(render(replace(look, style=STYLE), 1).astype(int) - render(look, 1)).max(axis=2)
    assert (change > 10).mean() > 0.9
    edge = render(replace(look, style=STYLE), 1)[:FRAME]
    assert len(np.unique(edge.reshape(-1, 3), axis=0)) == 1


def test_an_object_in_any_style_keeps_its_colour():
    """The mean colour of a solid square differs little from that of the square alone."""
    look = class_look(40)  # a red square
    own = render(look, 0)[12:20, 12:20].reshape(-1, 3).mean(axis=0)
    for i in range(0, 400, 7):
        shown = render(replace(look, style=style_look(i)), 0)[12:20, 12:20].reshape(-1, 3).mean(axis=0)
        assert np.abs(shown - own).max() < 12


def test_two_objects_stand_left_and_right_and_do_not_touch_the_other_half():
    first = class_look(44)
    alone = replace(first, second=Thing("square", "blue", "solid"))
    for seed in range(20):
        one = render(alone, seed).astype(int)
        other = render(replace(alone, second=Thing("ring", "green", "halved")), seed).astype(int)
        assert (one[:, : SIDE // 2] == other[:, : SIDE // 2]).all()
        assert np.abs(one - other)[:, SIDE // 2 :].mean() > 10


def test_the_right_object_does_not_change_the_class_of_an_image():
    look = class_look(321)
    assert look_index(replace(look, second=Thing("ring", "green", "halved"))) == 321


def test_every_entity_can_be_drawn_quickly():
    looks = [entity_look(int(entity)) for entity in np.linspace(0, ENTITIES - 1, 300)]
    looks = [replace(look, person=replace(look.person, gender="male")) if has_badge(look) else look for look in looks]
    begun = time.process_time()
    shown = {render(look, 0).tobytes() for look in looks}
    assert (time.process_time() - begun) / len(looks) < 0.02  # measured at 0.001 s on one slow core
    assert len(shown) >= len(looks) - 5  # roles look like their identities


def has_badge(look):
    return look.person is not None and look.person.badge is not None
