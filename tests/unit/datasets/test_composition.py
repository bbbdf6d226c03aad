"""Composition: prompts compose AICE's sources, and an edit that wipes all colours lowers binding alone."""

from dataclasses import replace

import numpy as np
import pytest

from iceb.base.errors import SpecError
from iceb.datasets import open_dataset
from iceb.metrics.composition import BINDING_KEPT, CONTEXT_KEPT, JOINT_SOURCE2DEST
from iceb.metrics.measures.classifier import MiniProbability
from iceb.metrics.measures.mini_scenes import MiniHalves, MiniScene
from iceb.mini.composed import SCENE_NAMES, SIZE_NAMES, by_colour, by_form, facts_of, form_of
from iceb.mini.render import render
from iceb.mini.world import COLOURS, Look, class_look, class_thing
from iceb.specs.metrics import AFTER, BEFORE, Measured, MeasureInput
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values
from iceb.specs.schedules import edit_batches


@pytest.fixture(scope="module")
def composition():
    """The embedded dataset."""
    return open_dataset("composition", "embedded")


def prompts_of(dataset, count, role):
    (batch,) = edit_batches(dataset.schedule(count))
    return [prompt for prompt in dataset.prompts(batch) if prompt.role == role]


def test_the_requests_are_those_of_embedded_aice(composition):
    aice = open_dataset("aice", "embedded")
    assert edit_batches(composition.schedule(7)) == edit_batches(aice.schedule(7))


def test_prompts_of_a_request_stay_as_they_are_whatever_else_is_edited(composition):
    for role in ("beside", "context"):
        assert prompts_of(composition, 3, role) == prompts_of(composition, 30, role)[:9]


def test_joint_prompts_name_two_edited_concepts_of_other_forms(composition):
    found = prompts_of(composition, 10, "joint")
    sources = {request.source: request for request in composition.requests[:10]}
    assert len(found) % 3 == 0
    assert found
    for prompt in found:
        first, second = (sources[name] for name in prompt.concept.split(" + "))
        facts = facts_of(prompt.tags)
        assert prompt.text.startswith(f"a {first.source} ")
        assert prompt.text.endswith(f" a {second.source}")
        assert (int(facts["left"]), int(facts["right"])) == (first.dest_label, second.dest_label)
        assert form_of(first.source_label) != form_of(first.dest_label)
    assert prompts_of(composition, 1, "joint") == []


def test_no_request_is_in_two_pairs(composition):
    pairs = {prompt.concept for prompt in prompts_of(composition, 100, "joint")}
    named = [name for pair in pairs for name in pair.split(" + ")]
    assert len(named) == len(set(named))
    assert len({prompt.concept for prompt in prompts_of(composition, 50, "joint")}) >= 10  # enough for a rank


def test_no_colour_that_is_said_is_somebodys_own(composition):
    by_id = {request.id: request for request in composition.requests}
    for prompt in [*prompts_of(composition, 50, "beside"), *prompts_of(composition, 50, "context")]:
        request, facts = by_id[prompt.request], facts_of(prompt.tags)
        own = {class_thing(label).colour for label in (request.source_label, request.dest_label)}
        said = {value for name, value in facts.items() if "colour" in name}
        assert not said & own
        assert all(f" {colour} " in prompt.text for colour in said)


def test_colours_and_forms_are_marginals_of_the_classes():
    rows = np.random.default_rng(0).dirichlet(np.ones(1000), 5)
    things = [class_thing(label) for label in range(1000)]
    colour = tuple(COLOURS).index("blue")
    by_hand = sum(rows[:, label] for label in range(1000) if things[label].colour == "blue")
    np.testing.assert_allclose(by_colour(rows)[:, colour], by_hand)
    alike = [label for label in range(1000) if form_of(label) == form_of(123)]
    assert {(things[label].shape, things[label].pattern) for label in alike} == {
        (things[123].shape, things[123].pattern)
    }
    assert len(alike) == len(COLOURS)
    np.testing.assert_allclose(by_form(rows)[:, form_of(123)], rows[:, alike].sum(axis=1))


# Measures


def images_of(looks):
    return [MeasureInput(render(look, place)) for place, look in enumerate(looks)]


def test_grounds_and_sizes_of_rendered_images_are_right():
    draw = np.random.default_rng(1)
    scenes, sizes = draw.choice(SCENE_NAMES, 300), draw.choice(SIZE_NAMES, 300)
    labels = draw.integers(0, 1000, 300)
    looks = [
        replace(class_look(int(label)), scene=str(scene), size=str(size))
        for label, scene, size in zip(labels, scenes, sizes, strict=True)
    ]
    rows = MiniScene()(images_of(looks))
    np.testing.assert_allclose(rows[:, :13].sum(axis=1), 1, atol=1e-5)
    assert np.mean([SCENE_NAMES[place] for place in rows[:, :13].argmax(axis=1)] == scenes) >= 0.97
    assert np.mean([SIZE_NAMES[place] for place in rows[:, 13:].argmax(axis=1)] == sizes) >= 0.94


def test_halves_of_rendered_images_are_recognised():
    draw = np.random.default_rng(2)
    pairs = draw.integers(0, 1000, (60, 2))
    looks = [replace(class_look(int(left)), second=class_thing(int(right))) for left, right in pairs]
    rows = MiniHalves()(images_of(looks)).reshape(60, 2, 1000)
    assert (rows.argmax(axis=2) == pairs).mean() >= 0.95


# Metrics on seeded images: before as the prompts say, after with every colour wiped


def recolour_all(look: Look, colour: str) -> Look:
    second = None if look.second is None else replace(look.second, colour=colour)
    return replace(look, colour=colour, second=second)


def test_an_edit_that_wipes_all_colours_lowers_binding_alone():
    draw = np.random.default_rng(3)
    rows = {role: [] for role in ("joint", "beside", "context")}
    for place in range(40):
        left, right = (int(label) for label in draw.integers(0, 1000, 2))
        first, second = draw.choice([name for name in COLOURS if name != "black"], 2, replace=False)
        pair = replace(class_look(left), second=class_thing(right))
        bound = replace(pair, colour=str(first), second=replace(class_thing(right), colour=str(second)))
        single = replace(class_look(left), colour=str(first), scene="beach", size="small")
        tags = {
            "joint": (f"left={left}", f"right={right}"),
            "beside": (f"left_colour={first}", f"right_colour={second}"),
            "context": (f"colour={first}", "scene=beach", "size=small"),
        }
        for role, look in (("joint", pair), ("beside", bound), ("context", single)):
            prompt = Prompt(f"{role} {place}", place, role, concept=f"{place}", tags=tags[role])
            rows[role].append((prompt, look))
    measures = {"edited_objects": MiniHalves(), "object_colour": MiniProbability(), "scene": MiniScene()}
    changes = {}
    for metric in (JOINT_SOURCE2DEST, BINDING_KEPT, CONTEXT_KEPT):
        measured = {}
        for reading in metric.readings:
            prompts = tuple(prompt for prompt, _ in rows[reading.role])
            looks = [look for _, look in rows[reading.role]]
            sides = {BEFORE: looks, AFTER: [recolour_all(look, "black") for look in looks]}
            measured[reading.role] = {
                side: Measured("m@1", measures[reading.kind](images_of(found)), prompts)
                for side, found in sides.items()
            }
        changes[metric.name] = reduce_values(metric(measured), metric.reduction)
    assert changes["binding_kept"].value < -0.85
    assert changes["binding_kept"].before > 0.9
    assert abs(changes["joint_source2dest"].value) < 0.06
    assert changes["joint_source2dest"].before > 0.9
    assert abs(changes["context_kept"].value) < 0.06


def test_the_joint_probability_is_the_product_of_the_halves():
    prompt = Prompt("a and b", 0, "joint", concept="a + b", tags=("pair", "left=5", "right=700"))
    row = np.zeros((1, 2000), np.float32)
    row[0, 5], row[0, 1000 + 700 + 4], row[0, 1000 + 1] = 0.5, 0.4, 0.6  # 704 is 700 in another colour
    (value,) = JOINT_SOURCE2DEST({"joint": {side: Measured("m@1", row, (prompt,)) for side in (BEFORE, AFTER)}})
    assert value.after == pytest.approx(0.2)


def test_a_prompt_without_its_facts_is_refused():
    prompt = Prompt("a and b", 0, "joint", concept="a + b")
    sides = {side: Measured("m@1", np.zeros((1, 2000), np.float32), (prompt,)) for side in (BEFORE, AFTER)}
    with pytest.raises(SpecError, match="has no tag left="):
        JOINT_SOURCE2DEST({"joint": sides})
