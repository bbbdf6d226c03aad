"""Composition for models of photographs: prompts offer texts, and CLIP's probability of those that count is read."""

from types import SimpleNamespace as Namespace

import numpy as np
import pytest

from iceb.base.errors import MeasureError, SpecError
from iceb.conformance.parts.task_metrics import refusal
from iceb.datasets import open_dataset
from iceb.datasets.composed_choices import JOINT_CHOICES, PLACES, noun
from iceb.metrics.composition import BINDING_KEPT, CONTEXT_KEPT, JOINT_SOURCE2DEST, TRIPLE_SOURCE2DEST
from iceb.metrics.measures.text_cosines import TextCosines
from iceb.mini.world import COLOURS, SCENES
from iceb.running.model_fit import refuse_other_models
from iceb.specs.metrics import AFTER, BEFORE, Measured, MeasureInput, text_and_choices
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values
from iceb.specs.schedules import edit_batches
from tests.outside import upstream_data

METRICS = (JOINT_SOURCE2DEST, TRIPLE_SOURCE2DEST, BINDING_KEPT, CONTEXT_KEPT)
SURE = 0.1  # by which the cosine of the text that an image shows is above that of the others


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


def test_pairs_and_triples_cover_the_requests_in_order_and_none_twice(composition, prompts):
    sources = [request.source for request in composition.requests[:100]]
    for tag, width in (("pair", 2), ("triple", 3)):
        groups = list(dict.fromkeys(prompt.concept for prompt in of_kind(prompts, "joint", tag)))
        assert [name for group in groups for name in group.split(" + ")] == sources[: 100 // width * width]
        assert len(of_kind(prompts, "joint", tag)) == 3 * (100 // width)


def test_prompts_of_a_request_stay_as_they_are_whatever_else_is_edited(composition, prompts):
    (few,) = edit_batches(composition.schedule(7))
    for role in ("beside", "context"):
        assert of_kind(composition.prompts(few), role) == of_kind(prompts, role)[:21]


def test_seeds_are_of_one_prompt_each(prompts):
    composed = [prompt.seed for prompt in prompts if prompt.role != "source"]
    assert len(set(composed)) == len(composed)


def test_every_joint_prompt_offers_its_mixtures_and_names_that_nobody_asked_for(composition, prompts):
    dests = {request.source: request.dest for request in composition.requests}
    named = {name.lower() for pair in dests.items() for name in pair}
    for prompt in of_kind(prompts, "joint"):
        names = prompt.concept.split(" + ")
        assert len(prompt.choices) == len(set(prompt.choices)) == JOINT_CHOICES
        assert prompt.tags[1:] == ("dests=0",)
        assert prompt.choices[2 ** len(names) - 1] == prompt.text  # all sources are the last mixture
        assert all(dests[name] in prompt.choices[0] for name in names)
        for text in prompt.choices[2 ** len(names) :]:
            assert not {words.removeprefix("a ").removeprefix("an ") for words in text.split(" next to ")} & named


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
        said = [word for word in prompt.text.replace(request.source, "").split() if word in COLOURS]
        assert said
        assert not set(said) & {*request.source.lower().split(), *request.dest.lower().split()}


def test_texts_of_a_context_count_by_colour_and_by_scene_and_size(prompts):
    for prompt in of_kind(prompts, "context"):
        facts = dict(tag.split("=") for tag in prompt.tags)
        size, colour = prompt.text.split()[1:3]
        (place,) = [place for place in PLACES.values() if prompt.text.endswith(place)]
        by_colour = [n for n, text in enumerate(prompt.choices) if f" {colour} " in text]
        by_scene = [n for n, text in enumerate(prompt.choices) if text.endswith(place) and f" {size} " in text]
        assert facts == {"colours": ",".join(map(str, by_colour)), "scene_and_size": ",".join(map(str, by_scene))}
        assert (len(by_colour), len(by_scene), len(prompt.choices)) == (8, 4, 16)


def test_every_scene_has_its_place():
    assert set(PLACES) == set(SCENES)


@pytest.mark.parametrize("words", ["European hen", "unicycle", "hen", "one-armed bandit"])
def test_a_name_that_sounds_with_a_consonant_has_an_a(words):
    assert noun(words) == f"a {words}"


# Metrics on planted cosines


def rows_that_show(prompts, place_of):
    """Rows whose image of each prompt is surely what one of its texts says."""
    rows = np.full((len(prompts), len(prompts[0].choices)), 0.2, np.float32)
    for row, prompt in enumerate(prompts):
        rows[row, place_of(prompt)] += SURE
    return rows


def score(metric, prompts, before, after):
    measured = {}
    for reading in metric.readings:
        chosen = tuple(of_kind(prompts, reading.role, *reading.tags))
        sides = {BEFORE: before, AFTER: after}
        measured[reading.role] = {
            name: Measured("m@1", rows_that_show(chosen, place), chosen) for name, place in sides.items()
        }
    return reduce_values(metric(measured), metric.reduction)


def place_of_text(prompt):
    return prompt.choices.index(prompt.text)


@pytest.mark.parametrize("metric", [JOINT_SOURCE2DEST, TRIPLE_SOURCE2DEST])
def test_an_edit_that_reaches_all_destinations_has_one_and_any_mixture_has_none(prompts, metric):
    assert score(metric, prompts, place_of_text, lambda prompt: 0).value > 0.99
    assert abs(score(metric, prompts, place_of_text, lambda prompt: 1).value) < 0.01
    assert score(metric, prompts, place_of_text, place_of_text).value == 0


@pytest.mark.parametrize(("metric", "least"), [(BINDING_KEPT, 0.25), (CONTEXT_KEPT, 0.25)])
def test_what_was_said_is_kept_whichever_name_the_thing_has(prompts, metric, least):
    renamed = score(metric, prompts, place_of_text, lambda prompt: 1)  # the same words about the destination
    assert abs(renamed.value) < 0.01
    assert renamed.before > 0.99
    assert score(metric, prompts, place_of_text, lambda prompt: len(prompt.choices) - 1).value < -0.99  # none of them


def test_noise_does_not_reach_destinations_and_keeps_no_more_than_chance(prompts):
    for metric in METRICS:
        measured = {}
        for reading in metric.readings:
            chosen = tuple(of_kind(prompts, reading.role, *reading.tags))
            even = np.full((len(chosen), len(chosen[0].choices)), 0.2, np.float32)
            sides = {BEFORE: rows_that_show(chosen, place_of_text), AFTER: even}
            measured[reading.role] = {name: Measured("m@1", rows, chosen) for name, rows in sides.items()}
        found = reduce_values(metric(measured), metric.reduction)
        assert (0 < found.value < 0.04) if "2dest" in metric.name else (found.value < -0.5)


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
    measure = type("Told", (TextCosines,), {"id": "m@1"})(model)
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


def test_a_place_that_no_text_has_is_refused():
    prompt = Prompt("a and b", 0, "joint", concept="a + b", choices=("a", "b"), tags=("pair", "dests=2"))
    sides = {side: Measured("m@1", np.zeros((1, 2), np.float32), (prompt,)) for side in (BEFORE, AFTER)}
    with pytest.raises(SpecError, match="names text 2, of 2 it offers"):
        JOINT_SOURCE2DEST({"joint": sides})


# Models


@pytest.mark.parametrize(
    ("data", "remedy"), [("upstream", "name `data` embedded"), ("embedded", "name `data` upstream")]
)
def test_prompts_are_refused_on_models_whose_images_cannot_be_judged(composition, data, remedy):
    dataset, family = (composition, "mini") if data == "upstream" else (open_dataset("composition", "embedded"), "sd14")
    with pytest.raises(SpecError, match=f"cannot be judged there: {remedy}"):
        refuse_other_models(dataset, Namespace(family=Namespace(name=family)))
    other = "sd14" if family == "mini" else "mini"
    refuse_other_models(dataset, Namespace(family=Namespace(name=other)))  # without an error


def test_the_task_can_score_the_upstream_prompts(composition):
    (batch,) = edit_batches(composition.schedule(30))
    for metric in METRICS:
        assert refusal(metric, composition.prompts(batch)) == ""
