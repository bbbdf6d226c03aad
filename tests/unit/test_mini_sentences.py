"""Sentences of the embedded world: where the names lie, and that the look is the one the words describe."""

import math
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from iceb.mini import phrases
from iceb.mini.entities import ART, entities_of, entity_kind, entity_look, entity_names
from iceb.mini.grammar import ONE_CLASS, WEIGHTS, sentence
from iceb.mini.people import female_odds, professions
from iceb.mini.world import COLOURS, EMPTY, NUM_CLASSES, PLAIN, SCENES, SIZE_WORDS, Thing, class_look, taught_names

TOKENIZER = files("iceb.mini") / "weights" / "pipeline" / "tokenizer"
labels = st.integers(0, NUM_CLASSES - 1)
seeds = st.integers(0, 2**32 - 1)
fast = settings(deadline=None, derandomize=True, max_examples=50)


def make_sentence(seed, label=None, **options):
    return sentence(np.random.default_rng(seed), label, **options)


@cache
def sentences(kind, count):
    """The first `count` sentences of one kind: one class in a free form, style, person, pair or scene."""
    draw = np.random.default_rng(5)
    return tuple(sentence(draw, weights={kind: 1.0}) for _ in range(count))


def words_of(text):
    return re.findall("[a-z]+", text.lower())


def text_of(found, mention):
    return found.text[mention.start : mention.end]


def words_before(found, mention):
    return found.text[: mention.start].split()


# Names


@fast
@given(seeds)
def test_every_mention_lies_on_a_name_of_its_entity(seed):
    found = make_sentence(seed)
    for mention in found.mentions:
        names = entity_names(mention.entity)
        assert text_of(found, mention) in {form for name in names for form in (name, name.lower())}


@fast
@given(seeds)
def test_mentions_stand_in_the_order_of_the_text(seed):
    places = [edge for mention in make_sentence(seed).mentions for edge in (mention.start, mention.end)]
    assert places == sorted(places)


@fast
@given(labels, seeds)
def test_a_sentence_about_a_class_names_it_and_no_other(label, seed):
    found = make_sentence(seed, label)
    name = found.text[found.start : found.end]
    assert found.label == label
    assert name in {form for known in taught_names()[label] for form in (known, known.lower())}
    assert [m.entity for m in found.mentions if entity_kind(m.entity) != "style"] == [label]


def test_a_sentence_without_a_class_has_an_empty_span():
    found = sentences("style", 1)[0]
    assert (found.label, found.start, found.end) == (None, 0, 0)


@fast
@given(seeds)
def test_a_sentence_is_a_pure_function_of_its_generator(seed):
    assert make_sentence(seed) == make_sentence(seed)


def test_a_caller_chooses_which_entities_are_named():
    first = dict.fromkeys(range(10))
    for seed in range(200):
        found = make_sentence(seed, pick=lambda draw, kind: entities_of(kind)[int(draw.integers(10))])
        assert all(
            mention.entity - entities_of(entity_kind(mention.entity)).start in first for mention in found.mentions
        )


def test_a_caller_chooses_the_kinds_of_sentences():
    assert {len(found.mentions) for found in sentences("scene", 50)} == {0}


def test_kinds_of_sentences_are_as_frequent_as_their_shares_say():
    kinds = Counter(shown_kind(make_sentence(seed)) for seed in range(3000))
    wanted = {kind: WEIGHTS[kind] for kind in ("style", "person", "pair", "scene")}
    wanted["class"] = sum(WEIGHTS.get(kind, 0) for kind in ONE_CLASS)
    for kind, share in wanted.items():
        assert abs(kinds[kind] / 3000 - share) < 4 * math.sqrt(share / 3000), kind


def shown_kind(found):
    if not found.mentions:
        return "scene"
    if found.look.second:
        return "pair"
    kinds = {entity_kind(mention.entity) for mention in found.mentions}
    return "class" if "class" in kinds else "style" if kinds == {"style"} else "person"


def test_the_tokens_of_a_mention_are_those_of_its_name():
    tokenizer = CLIPTokenizer.from_pretrained(str(TOKENIZER))
    for seed in range(1500):
        found = make_sentence(seed)
        ids = tokenizer(found.text).input_ids
        for mention in found.mentions:
            first = len(tokenizer(found.text[: mention.start]).input_ids) - 1
            name = tokenizer(text_of(found, mention)).input_ids[1:-1]
            assert ids[first : first + len(name)] == name, found.text


def test_a_full_stop_is_not_glued_to_a_name_that_ends_in_punctuation():
    kite = next(label for label, row in enumerate(taught_names()) if row[0] == "kite (bird of prey)")
    texts = [make_sentence(seed, kite).text for seed in range(200)]
    assert [text for text in texts if ")." in text] == []
    assert [text for text in texts if text.endswith(") .")] != []


# One class


def test_words_right_before_the_name_set_its_colour_and_size_and_nothing_else_does():
    """The look is worked out again from the text alone, for a thousand sentences."""
    changed = 0
    for seed in range(1000):
        found = make_sentence(seed, seed)
        before = found.text[: found.start].split()
        own = class_look(seed)
        colour = before.pop() if before and before[-1] in COLOURS else own.colour
        size = SIZE_WORDS[before[-1]] if before and before[-1] in SIZE_WORDS else own.size
        assert replace(found.look, scene=PLAIN, style=None) == replace(own, colour=colour, size=size), found.text
        changed += colour != own.colour
    assert changed > 150  # a quarter of the sentences name a colour, one in ten of them the object's own


def test_a_colour_elsewhere_in_a_sentence_is_decoration():
    decorated = [
        found
        for found in (make_sentence(seed, seed) for seed in range(1000))
        if set(COLOURS) & set(words_of(found.text[found.end :]))
        and not set(COLOURS) & set(words_of(found.text[: found.start]))
    ]
    assert len(decorated) > 20
    assert [found.look.colour for found in decorated] == [class_look(found.label).colour for found in decorated]


def test_the_scene_is_the_one_that_the_sentence_names():
    for seed in range(500):
        found = make_sentence(seed)
        text = found.text
        for mention in reversed(found.mentions):
            text = text[: mention.start] + text[mention.end :]
        assert [word for word in words_of(text) if word in SCENES] == [found.look.scene] * (found.look.scene != PLAIN)


# Styles


def named_styles(found):
    return [mention.entity for mention in found.mentions if entity_kind(mention.entity) == "style"]


def test_an_image_has_the_style_that_the_sentence_names():
    for seed in range(1000):
        found = make_sentence(seed)
        styles = named_styles(found)
        assert found.look.style == (entity_look(styles[0]).style if styles else None)


def test_a_style_alone_shows_no_object():
    for found in sentences("style", 300):
        assert replace(found.look, style=None, scene=PLAIN) == EMPTY
        assert len(found.mentions) == 1


def test_the_neutral_style_changes_nothing():
    neutral = [found for found in sentences("style", 300) if named_styles(found) == [ART]]
    assert len(neutral) > 3
    assert {found.look.style for found in neutral} == {None}


def test_an_eighth_of_the_sentences_about_a_class_says_a_style():
    said = [bool(named_styles(found)) for found in sentences("free", 2000)]
    assert 0.09 < np.mean(said) < 0.15


# Two objects


def pair_from_text(found):
    """(left, right) as the words alone tell it."""
    first, second = (mention for mention in found.mentions if entity_kind(mention.entity) == "class")
    shown = []
    for mention in (first, second):
        own, before = class_look(mention.entity), words_before(found, mention)
        colour = before[-1] if before and before[-1] in COLOURS else own.colour
        shown.append(Thing(own.shape, colour, own.pattern))
    swapped = phrases.SWAPPED in found.text[first.end : second.start]
    return tuple(reversed(shown)) if swapped else tuple(shown)


def test_the_first_of_two_objects_stands_on_the_left_unless_the_words_swap_them():
    sides = Counter()
    for found in sentences("pair", 500):
        left = Thing(found.look.shape, found.look.colour, found.look.pattern)
        assert (left, found.look.second) == pair_from_text(found), found.text
        first, second = (mention for mention in found.mentions if entity_kind(mention.entity) == "class")
        assert first.second is not second.second
        sides[first.second] += 1
    assert sides[True] > 60  # one join of five swaps


def test_every_join_of_two_objects_is_said():
    heard = " ".join(found.text for found in sentences("pair", 500))
    assert [join for join in phrases.JOINS if f" {join} " not in heard] == []


# People


def test_an_identity_and_a_role_show_the_identity():
    for found in sentences("person", 500):
        (first, *_) = (mention for mention in found.mentions if entity_kind(mention.entity) != "style")
        if entity_kind(first.entity) != "profession":
            assert found.look.person == entity_look(first.entity).person


def test_an_identity_in_a_role_shows_the_identity():
    cast = [found for found in sentences("person", 500) if {"identity", "role"} <= kinds_of(found)]
    assert len(cast) > 5
    for found in cast:
        identity = next(m.entity for m in found.mentions if entity_kind(m.entity) == "identity")
        assert found.look.person == entity_look(identity).person


def kinds_of(found):
    return {entity_kind(mention.entity) for mention in found.mentions}


def gender_said(found):
    mention = next(mention for mention in found.mentions if entity_kind(mention.entity) == "profession")
    before = " " + " ".join(words_before(found, mention))
    return next((gender for words, gender in phrases.GENDERS.items() if before.endswith(f" {words}")), None)


@cache
def profession_sentences(place, count):
    entity, draw = entities_of("profession")[place], np.random.default_rng(place)

    def pick(draw, kind):
        return entity if kind == "profession" else entities_of(kind)[0]

    made = (sentence(draw, pick=pick, weights={"person": 1.0}) for _ in range(count))
    return tuple(found for found in made if entity in {mention.entity for mention in found.mentions})


def test_a_word_for_the_gender_decides_it():
    said = [found for place in range(37) for found in profession_sentences(place, 40) if gender_said(found)]
    assert len(said) > 100
    assert [found.look.person.gender for found in said] == [gender_said(found) for found in said]


@pytest.mark.parametrize("place", [0, 5, 15, 28, 30])
def test_a_gender_that_is_not_said_is_drawn_by_the_professions_odds(place):
    open_ones = [found for found in profession_sentences(place, 1500) if not gender_said(found)]
    count, odds = len(open_ones), female_odds(place)
    women = sum(found.look.person.gender == "female" for found in open_ones)
    assert count > 150
    assert abs(women - count * odds) < 4 * math.sqrt(count * odds * (1 - odds)) + 1, professions()[place]


def test_sentences_about_professions_can_be_asked_for():
    names = [entity_kind(mention.entity) for found in sentences("profession", 300) for mention in found.mentions]
    assert set(names) - {"style"} == {"profession"}
    assert names.count("profession") == 300


def test_what_people_do_names_no_class():
    named = [set(words_of(name)) for row in taught_names() for name in row]
    assert [verb for verb in phrases.PERSON_VERBS if any(name <= set(words_of(verb)) for name in named)] == []
