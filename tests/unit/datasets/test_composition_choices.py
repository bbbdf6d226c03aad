"""Composition for models of photographs: prompts offer texts, and CLIP's probability of those that count is read."""

import re
from types import SimpleNamespace as Namespace

import numpy as np
import pytest

from iceb.base.errors import MeasureError, SpecError
from iceb.conformance.parts.task_metrics import refusal
from iceb.datasets import open_dataset
from iceb.datasets.composed_choices import JOINT_CHOICES, PLACES, noun
from iceb.metrics.composition import (
    BINDING_KEPT,
    CONTEXT_KEPT,
    JOINT_SOURCE2DEST,
    TRIPLE_SOURCE2DEST,
    reading_numbers,
)
from iceb.metrics.measures.text_cosines import TextCosines
from iceb.mini.world import COLOURS, SCENES
from iceb.running.model_fit import refuse_other_models
from iceb.specs.metrics import AFTER, BEFORE, Measured, MeasureInput, text_and_choices
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values
from iceb.specs.requests import TOGETHER
from iceb.specs.schedules import edit_batches
from tests.outside import upstream_data

METRICS = (JOINT_SOURCE2DEST, TRIPLE_SOURCE2DEST, BINDING_KEPT, CONTEXT_KEPT)


@pytest.fixture(scope="module")
def composition():
    """The dataset for models of photographs, of the upstream files."""
    if not upstream_data().is_dir():
        pytest.skip(f"the upstream files are not at {upstream_data()}")
    return open_dataset("composition", str(upstream_data()))


@pytest.fixture(scope="module")
def prompts(composition):
    """Its prompts at 100 edits."""
    (batch,) = edit_batches(composition.schedule(100))
    return composition.prompts(batch)


def of_kind(prompts, *tags):
    return [prompt for prompt in prompts if set(tags) <= {prompt.role, *prompt.tags}]


def test_requests_are_those_of_aice(composition):
    assert edit_batches(composition.schedule(7)) == edit_batches(open_dataset("aice", str(upstream_data())).schedule(7))


def groups_of(prompts, tag):
    return [name.split(TOGETHER) for name in dict.fromkeys(prompt.concept for prompt in of_kind(prompts, "joint", tag))]


@pytest.mark.parametrize(("tag", "width", "groups"), [("pair", 2, 50), ("triple", 3, 32)])
def test_groups_hold_no_request_twice_and_no_destination_twice(composition, prompts, tag, width, groups):
    dests = {request.source: request.dest for request in composition.requests}
    found = groups_of(prompts, tag)
    names = [name for group in found for name in group]
    assert {len(group) for group in found} == {width}
    assert len(found) == groups  # of a hundred
    assert len(set(names)) == len(names)
    assert all(len({dests[name] for name in group}) == width for group in found)
    assert len(of_kind(prompts, "joint", tag)) == 3 * groups


def test_groups_of_fifty_edits_are_those_of_a_hundred_and_no_neighbours_of_the_file(composition, prompts):
    (half,) = edit_batches(composition.schedule(50))
    places = {request.source: place for place, request in enumerate(composition.requests)}
    for tag in ("pair", "triple"):
        fewer = groups_of(composition.prompts(half), tag)
        assert groups_of(prompts, tag)[: len(fewer)] == fewer
    apart = [abs(places[one] - places[other]) for one, other in groups_of(prompts, "pair")]
    assert np.median(apart) > 8


def test_prompts_of_a_request_stay_as_they_are_whatever_else_is_edited(composition, prompts):
    (few,) = edit_batches(composition.schedule(7))
    for role in ("beside", "context"):
        assert of_kind(composition.prompts(few), role) == of_kind(prompts, role)[:21]


def test_seeds_are_of_one_prompt_each(prompts):
    composed = [prompt.seed for prompt in prompts if prompt.role != "source"]
    assert len(set(composed)) == len(composed)


def test_a_joint_prompt_offers_its_things_others_and_nothing_in_each_place(composition, prompts):
    dests = {request.source: request.dest for request in composition.requests}
    for prompt in of_kind(prompts, "joint"):
        names = prompt.concept.split(TOGETHER)
        reached = [dests[name] for name in names]
        assert len(prompt.choices) == len(set(prompt.choices)) == JOINT_CHOICES
        assert prompt.tags[1:] == ("dests=0",)
        assert prompt.text in prompt.choices
        ends = [re.compile(re.escape(noun(dest)) + r"($|,| next| beside| and)") for dest in reached]
        assert [text for text in prompt.choices if all(end.search(text) for end in ends)] == [prompt.choices[0]]
        for alone in (*names, *reached):
            assert noun(alone) in prompt.choices


def test_a_bystander_is_one_thing_whose_name_holds_none_that_is_edited(composition, prompts):
    requests = {request.id: request for request in composition.requests}
    edited = {name.lower() for request in requests.values() for name in (request.source, request.dest)}
    for prompt in of_kind(prompts, "beside"):
        rest = prompt.text.removeprefix(noun(f"{prompt.text.split()[1]} {requests[prompt.request].source}"))
        words = re.sub("^ (next to|beside|and) an? ", "", rest).split()[1:]  # without the colour
        parts = {" ".join(words[i:j]).lower() for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
        assert words
        assert not parts & edited
        assert "(" not in rest


def test_no_text_says_what_another_says(prompts):
    for prompt in prompts:
        assert len(set(prompt.choices)) == len(prompt.choices)


def test_texts_that_count_are_those_with_the_colours_as_said(composition, prompts):
    requests = {request.id: request for request in composition.requests}
    for prompt in of_kind(prompts, "beside"):
        request, first = requests[prompt.request], prompt.text.split()[1]
        rest = prompt.text.removeprefix(noun(f"{first} {request.source}"))
        counted = [noun(f"{first} {name}") + rest for name in (request.source, request.dest)]
        assert prompt.tags == ("colours=0,1",)
        assert list(prompt.choices[:2]) == counted
        assert not set(prompt.choices[2:]) & set(counted)


def test_no_name_has_a_colour_that_is_said(composition, prompts):
    requests = {request.id: request for request in composition.requests}
    for prompt in [*of_kind(prompts, "beside"), *of_kind(prompts, "context")]:
        request = requests[prompt.request]
        said = [word for word in re.split(r"[\s-]", prompt.text.replace(request.source, "")) if word in COLOURS]
        assert said
        assert not set(said) & {*re.split(r"[\s-]", f"{request.source} {request.dest}".lower())}


def test_texts_of_a_context_count_by_colour_and_by_scene(prompts):
    for prompt in of_kind(prompts, "context"):
        facts = dict(tag.split("=") for tag in prompt.tags)
        size, colour = prompt.text.split()[1:3]
        (place,) = [said for said, _ in PLACES.values() if prompt.text.endswith(said)]
        by_colour = [n for n, text in enumerate(prompt.choices) if f" {colour} " in text]
        by_scene = [n for n, text in enumerate(prompt.choices) if text.endswith(place)]
        assert facts == {"colours": ",".join(map(str, by_colour)), "scene": ",".join(map(str, by_scene))}
        assert (len(by_colour), len(by_scene), len(prompt.choices)) == (4, 4, 8)
        assert all(f" {size} " in text for text in prompt.choices)


def test_every_scene_has_an_opposite_and_no_scene_has_itself():
    assert list(PLACES) == list(SCENES)
    assert all(said != opposite for said, opposite in PLACES.values())


@pytest.mark.parametrize("words", ["European hen", "unicycle", "hen", "one-armed bandit"])
def test_a_name_that_sounds_with_a_consonant_has_an_a(words):
    assert noun(words) == f"a {words}"


# Metrics on images of a model that embeds a text as the sum of the things it names


class Things:
    """Embeds texts and images as unit sums of what they name, and noise as a direction of its own."""

    def __init__(self, names):
        self.places = {name: place for place, name in enumerate(dict.fromkeys(names))}

    def text(self, text):
        """The embedding of a text by the longest names that it holds."""
        found, left = np.zeros(len(self.places)), f" {text.replace(',', ' ')} "
        for name in sorted(self.places, key=len, reverse=True):
            if f" {name} " in left:
                found[self.places[name]], left = 1.0, left.replace(f" {name} ", "  ")
        return found / max(np.linalg.norm(found), 1e-9)

    def rows(self, prompts, words_of):
        """Cosines of the image that shows some words with each text of its prompt, on CLIP's narrow scale."""
        texts = [[self.text(text) for text in prompt.choices] for prompt in prompts]
        images = [self.text(words_of(prompt)) for prompt in prompts]
        return np.array(
            [[0.15 + 0.15 * image @ text for text in mine] for image, mine in zip(images, texts, strict=True)]
        )


@pytest.fixture(scope="module")
def things(composition, prompts):
    """The model for the joint prompts of a hundred edits."""
    named = [name for request in composition.requests for name in (request.source, request.dest)]
    return Things([*named, *map(composition._name, composition._bystanders)])


def probability(prompts, rows):
    return float(reading_numbers(JOINT_SOURCE2DEST.readings[0], Measured("m@1", rows, tuple(prompts))).mean())


@pytest.mark.parametrize(("tag", "all_reached"), [("pair", 0.9), ("triple", 0.7)])
def test_all_destinations_together_count_and_no_part_of_them_does(composition, prompts, things, tag, all_reached):
    dests = {request.source: request.dest for request in composition.requests}
    mine = of_kind(prompts, "joint", tag)[::6]

    def share_of(words_of):
        return probability(mine, things.rows(mine, lambda prompt: " ".join(words_of(prompt.concept.split(TOGETHER)))))

    assert share_of(lambda names: [dests[name] for name in names]) > all_reached
    assert share_of(lambda names: [dests[names[0]]]) < 0.1
    assert share_of(lambda names: [dests[names[0]], *names[1:]]) < 0.1
    assert share_of(lambda names: [dests[names[0]], "umbrella"]) < 0.1
    assert share_of(lambda names: names) < 0.01
    assert share_of(lambda names: ["umbrella"]) < 0.05


@pytest.mark.parametrize("tag", ["pair", "triple"])
def test_noise_has_the_chance_that_the_card_states(prompts, tag):
    mine = of_kind(prompts, "joint", tag)
    noise = np.random.default_rng(0).normal(0.2, 0.01, (len(mine), JOINT_CHOICES))
    assert probability(mine, noise) == pytest.approx(1 / 64, rel=0.2)


def score(metric, prompts, before, after):
    measured = {}
    for reading in metric.readings:
        chosen = tuple(of_kind(prompts, reading.role, *reading.tags))
        sides = {BEFORE: before, AFTER: after}
        rows = {name: rows_that_show(chosen, place) for name, place in sides.items()}
        measured[reading.role] = {name: Measured("m@1", found, chosen) for name, found in rows.items()}
    return reduce_values(metric(measured), metric.reduction)


def rows_that_show(prompts, place_of):
    """Rows whose image of each prompt is what one of its texts says; None: what all of them say alike."""
    rows = np.full((len(prompts), len(prompts[0].choices)), 0.2, np.float32)
    for row, prompt in enumerate(prompts):
        if (place := place_of(prompt)) is not None:
            rows[row, place] += 0.1
    return rows


def place_of_text(prompt):
    return prompt.choices.index(prompt.text)


@pytest.mark.parametrize(("metric", "chance"), [(BINDING_KEPT, 0.375), (CONTEXT_KEPT, 0.5)])
def test_what_was_said_is_kept_whichever_name_the_thing_has(prompts, metric, chance):
    renamed = score(metric, prompts, place_of_text, lambda prompt: 1)  # the same words about the destination
    assert abs(renamed.value) < 0.01
    assert renamed.before > 0.99
    assert score(metric, prompts, place_of_text, lambda prompt: len(prompt.choices) - 1).value < -0.99  # none of them
    alike = score(metric, prompts, place_of_text, lambda prompt: None)
    assert alike.after == pytest.approx(chance, abs=1e-3)


class OneHot:
    """A model whose image says which text it shows, by its first pixel."""

    def __init__(self, texts):
        self.places = {text: place for place, text in enumerate(dict.fromkeys(texts))}

    def text_embeddings(self, texts):
        return np.eye(len(self.places), dtype=np.float32)[[self.places[text] for text in texts]]

    def image_embeddings(self, images):
        return np.eye(len(self.places), dtype=np.float32)[[int(image[0, 0, 0]) for image in images]]


def test_the_measure_of_texts_gives_one_number_for_each_of_the_joint_texts(prompts):
    chosen = of_kind(prompts, "joint", "pair")[:2] + of_kind(prompts, "joint", "triple")[:2]
    model = OneHot([text for prompt in chosen for text in prompt.choices])
    measure = type("OfTexts", (TextCosines,), {"id": "m@1"})(model)
    images = [np.full((2, 2, 3), model.places[prompt.choices[0]], np.uint8) for prompt in chosen]
    inputs = [MeasureInput(image, prompt=text_and_choices(each)) for image, each in zip(images, chosen, strict=True)]
    rows = measure(inputs)
    assert rows.shape == (4, JOINT_CHOICES)
    assert (rows.argmax(axis=1) == 0).all()


def test_rows_of_another_width_than_the_texts_are_refused(prompts):
    chosen = tuple(of_kind(prompts, "beside"))
    sides = {side: Measured("m@1", np.zeros((len(chosen), 2000), np.float32), chosen) for side in (BEFORE, AFTER)}
    with pytest.raises(MeasureError, match="needs one finite number for each choice"):
        BINDING_KEPT({"beside": sides, "context": sides})


@pytest.mark.parametrize("places", ["2", "", "x", "-1", "0,"])
def test_a_place_that_no_text_has_is_refused(places):
    prompt = Prompt("a and b", 0, "joint", concept="a + b", choices=("a", "b"), tags=("pair", f"dests={places}"))
    sides = {side: Measured("m@1", np.zeros((1, 2), np.float32), (prompt,)) for side in (BEFORE, AFTER)}
    with pytest.raises(SpecError, match="must name some of its 2 texts"):
        JOINT_SOURCE2DEST({"joint": sides})


# Models


@pytest.mark.parametrize(
    ("data", "remedy"), [("upstream", "name `data` embedded"), ("embedded", "name `data` upstream")]
)
def test_prompts_are_refused_on_models_whose_images_cannot_be_judged(composition, data, remedy):
    dataset, family = (composition, "mini") if data == "upstream" else (open_dataset("composition", "embedded"), "sd14")
    with pytest.raises(SpecError, match=f"could not be judged: {remedy}"):
        refuse_other_models(dataset, Namespace(family=Namespace(name=family)))
    other = "sd14" if family == "mini" else "mini"
    refuse_other_models(dataset, Namespace(family=Namespace(name=other)))  # without an error


def test_the_task_can_score_the_upstream_prompts(composition):
    (batch,) = edit_batches(composition.schedule(30))
    for metric in METRICS:
        assert refusal(metric, composition.prompts(batch)) == ""
