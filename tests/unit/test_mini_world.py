"""The embedded world: what a class looks like, what a sentence means, and what mini is never told."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iceb.mini.captions import corpus, held_out
from iceb.mini.grammar import TEMPLATES, sentence, taught_names, words
from iceb.mini.render import SIDE, render
from iceb.mini.world import (
    COLOURS,
    NUM_CLASSES,
    PATTERNS,
    PLAIN,
    SCENES,
    SHAPES,
    SIZE_WORDS,
    SIZES,
    Look,
    class_look,
    class_names,
    look_index,
    recolour,
    unknown_names,
)

FRAMES = Path(__file__).parents[2] / "tools" / "mini" / "frames.txt"
# Prose cannot do without these, though some stand in a class's name too ("through arch bridge").
FUNCTION_WORDS = {
    *("a", "the", "of", "in", "on", "with", "and", "or", "s", "to", "for", "at", "by", "as", "it", "through"),
    *("one", "two", "old", "long", "half"),
}

labels = st.integers(0, NUM_CLASSES - 1)
seeds = st.integers(0, 2**32 - 1)
looks = st.builds(
    Look,
    st.sampled_from(SHAPES),
    st.sampled_from(list(COLOURS)),
    st.sampled_from(PATTERNS),
    st.sampled_from(list(SIZES)),
    st.sampled_from([PLAIN, *SCENES]),
)
fast = settings(deadline=None, derandomize=True, max_examples=50)
drawing = settings(deadline=None, derandomize=True, max_examples=10)  # each example draws dozens of images


def make_sentence(seed, label=None):
    return sentence(np.random.default_rng(seed), label)


def words_of(text):
    return re.findall("[a-z]+", text.lower())


# Looks


def test_all_thousand_looks_are_distinct_and_look_index_finds_their_class():
    shown = [class_look(i) for i in range(NUM_CLASSES)]
    assert len(set(shown)) == NUM_CLASSES == 1000
    assert [look_index(look) for look in shown] == list(range(NUM_CLASSES))


def test_forty_neighbours_share_a_shape():
    assert [SHAPES.index(class_look(i).shape) for i in range(NUM_CLASSES)] == [i // 40 for i in range(NUM_CLASSES)]


@fast
@given(looks)
def test_size_and_scene_do_not_change_the_class(look):
    assert look_index(look) == look_index(Look(look.shape, look.colour, look.pattern))


def test_an_image_without_an_object_has_no_class():
    with pytest.raises(ValueError, match="no class"):
        look_index(Look(None, "red", "solid"))


# Images


@fast
@given(looks, seeds)
def test_an_image_is_a_pure_function_of_look_and_seed(look, seed):
    image = render(look, seed)
    assert image.shape == (SIDE, SIDE, 3)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, render(look, seed))


@fast
@given(looks, seeds)
def test_another_seed_is_another_image(look, seed):
    assert not np.array_equal(render(look, seed), render(look, seed + 1))


@drawing
@given(st.sampled_from(SHAPES), seeds)
def test_no_two_colours_or_patterns_of_a_shape_look_the_same(shape, seed):
    shown = {render(Look(shape, colour, pattern), seed).tobytes() for colour in COLOURS for pattern in PATTERNS}
    assert len(shown) == len(COLOURS) * len(PATTERNS)


@drawing
@given(looks, seeds)
def test_no_two_shapes_sizes_or_scenes_look_the_same(look, seed):
    for field, values in {"shape": SHAPES, "size": SIZES, "scene": (PLAIN, *SCENES)}.items():
        shown = {render(replace(look, **{field: value}), seed).tobytes() for value in values}
        assert len(shown) == len(values), field


# Sentences


@fast
@given(labels, seeds)
def test_the_span_of_a_sentence_is_a_name_of_its_class(label, seed):
    found = make_sentence(seed, label)
    name = found.text[found.start : found.end]
    assert found.label == label
    assert name in {form for known in taught_names()[label] for form in (known, known.lower())}


def test_words_right_before_the_name_set_its_colour_and_size_and_nothing_else_does():
    """The look is worked out again from the text alone, for a thousand sentences."""
    changed = 0
    for seed in range(1000):
        found = make_sentence(seed)
        if found.label is None:
            continue
        before = found.text[: found.start].split()
        own = class_look(found.label)
        colour = before.pop() if before and before[-1] in COLOURS else own.colour
        size = SIZE_WORDS[before[-1]] if before and before[-1] in SIZE_WORDS else own.size
        assert replace(found.look, scene=PLAIN) == replace(recolour(own, colour), size=size), found.text
        changed += colour != own.colour
    assert changed > 150  # a quarter of the sentences name a colour, one in ten of them the object's own


def test_a_colour_elsewhere_in_a_sentence_is_decoration():
    decorated = [
        found
        for found in map(make_sentence, range(1000))
        if found.label is not None
        and set(COLOURS) & set(words_of(found.text[found.end :]))
        and not set(COLOURS) & set(words_of(found.text[: found.start]))
    ]
    assert len(decorated) > 20
    assert [found.look.colour for found in decorated] == [class_look(found.label).colour for found in decorated]


def test_the_scene_is_the_one_that_the_sentence_names():
    for seed in range(300):
        found = make_sentence(seed)
        around = words_of(found.text[: found.start] + " " + found.text[found.end :])
        assert [word for word in around if word in SCENES] == [found.look.scene] * (found.look.scene != PLAIN)


@fast
@given(seeds)
def test_a_sentence_is_a_pure_function_of_its_generator(seed):
    assert make_sentence(seed) == make_sentence(seed)


# Captions


def test_the_corpus_says_many_words_around_the_concepts():
    heard = {word for text in corpus() for word in text.removesuffix(".").split()}
    assert len(heard & set(words())) >= 2000


def test_held_out_captions_are_not_in_the_corpus():
    assert len(held_out()) > 1500
    assert not set(held_out()) & set(corpus())


# Names


def test_no_two_classes_share_a_name():
    taught = [name.lower() for row in taught_names() for name in row]
    assert len(class_names()) == NUM_CLASSES
    assert len(set(taught)) == len(taught)


def test_unknown_names_are_never_taught():
    unknown = {name.lower() for row in unknown_names() for name in row}
    assert len(unknown) > 300
    assert not unknown & {name.lower() for row in taught_names() for name in row}


def test_filler_words_name_nothing():
    named = {word for row in (*taught_names(), *unknown_names()) for name in row for word in words_of(name)}
    assert not set(words()) & (named | set(COLOURS) | set(SIZE_WORDS) | set(SCENES))


# Free-form frames: the prompts of embedded AICE


def frames():
    return FRAMES.read_text(encoding="utf-8").splitlines()


def test_every_frame_has_one_place_for_the_name_and_is_new_to_mini():
    assert [frame for frame in frames() if frame.count("{}") != 1] == []
    assert len(set(frames())) == len(frames())
    assert not {frame.lower() for frame in frames()} & set(TEMPLATES)


def test_no_frame_tells_anything_about_the_object():
    """No colour, size or scene, and no word of any class's name: only the name that is filled in may decide."""
    named = {word for row in (*taught_names(), *unknown_names()) for name in row for word in words_of(name)}
    telling = (named | set(COLOURS) | set(SIZE_WORDS) | set(SCENES)) - FUNCTION_WORDS
    assert {frame: words_of_objects for frame in frames() if (words_of_objects := telling & set(words_of(frame)))} == {}
