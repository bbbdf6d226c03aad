"""Neighbours: bystanders know their distances, and planted damage of known radius is recovered within one hop."""

from dataclasses import replace

import numpy as np
import pytest

from iceb.datasets import open_dataset
from iceb.metrics.neighbours import (
    DAMAGE_RADIUS,
    DAMAGE_RADIUS_LOOK,
    DAMAGE_RADIUS_TEXT,
    NEIGHBOURS_FAR,
    NEIGHBOURS_MIDDLE,
    NEIGHBOURS_NEAR,
    SUBCLASS2DEST,
    damage_radius,
    distance_of,
)
from iceb.mini.class_tree import class_paths, look_distance, superclass
from iceb.mini.clip_twin import ClipTwin
from iceb.mini.wordnet import hops
from iceb.mini.world import class_names
from iceb.specs.metrics import AFTER, BEFORE, Measured
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import RESAMPLE
from iceb.specs.schedules import edit_batches
from tests.outside import upstream_data


@pytest.fixture(scope="module")
def neighbours():
    """The embedded dataset."""
    return open_dataset("neighbours", "embedded")


def test_every_class_is_in_one_group():
    assert len(class_paths()) == 1000
    assert superclass(207) == "gun dog"
    assert {path[0] for path in class_paths()} == {"animal", "artifact", "natural thing"}


def test_bystanders_have_the_distance_to_the_nearest_edited_concept(neighbours):
    edited = [request.source_label for request in neighbours.requests[:10]]
    found = neighbours.shared_prompts(10)
    assert len(found) == 3 * 366
    for prompt in found:
        assert distance_of(prompt, "hops") == min(hops(prompt.label, each) for each in edited)
        assert distance_of(prompt, "look") == min(look_distance(prompt.label, each) for each in edited)
        assert 0 <= distance_of(prompt, "text") <= 20
    names = ClipTwin.load_shipped().text_embeddings([f"a photo of a {name}" for name in class_names()])
    for prompt in found[::3]:  # each class once
        assert distance_of(prompt, "text") == min(int(10 * (1 - names[prompt.label] @ names[each])) for each in edited)
    more = neighbours.shared_prompts(50)
    assert all(distance_of(b, "hops") <= distance_of(a, "hops") for a, b in zip(found, more, strict=True))


def test_wider_and_narrower_names_stand_in_prompts_of_their_own(neighbours):
    (batch,) = edit_batches(neighbours.schedule(3))
    found = neighbours.prompts(batch)
    wider = [prompt for prompt in found if prompt.role == "superclass"]
    narrower = [prompt for prompt in found if prompt.role == "subclass"]
    assert (len(wider), len(narrower)) == (6, 9)
    assert wider[0].text == f"a photo of a {superclass(batch.requests[0].source_label)}"
    assert {prompt.target for prompt in narrower[:3]} == {batch.requests[0].dest_label}
    assert all(batch.requests[0].source in prompt.text for prompt in narrower[:3])


@pytest.mark.skipif(not (upstream_data() / "iceb_data").is_dir(), reason="the upstream files are not at hand")
def test_upstream_bystanders_have_hops_alone():
    found = open_dataset("neighbours", str(upstream_data())).shared_prompts(10)
    assert len(found) == 1098
    assert {prompt.tags[0] for prompt in found} == {"by_hops"}
    assert {len(prompt.tags) for prompt in found} == {2}


# Metrics on planted damage


def plant_damage(prompts, name, radius, draw, depth=0.3, beyond=-1):
    """Rows of bystanders that all lose `depth` beyond a distance up to a radius, with noise of every image."""
    before = draw.normal(0.6, 0.03, len(prompts))  # far from 0 and 1, where noise would be cut off
    lost = np.array([depth if beyond < distance_of(prompt, name) <= radius else 0.0 for prompt in prompts])
    after = np.clip(before - lost + draw.normal(0, 0.06, len(prompts)), 0, 1)
    sides = {}
    for side, numbers in ((BEFORE, before), (AFTER, after)):
        rows = np.zeros((len(prompts), 1000), np.float32)
        rows[np.arange(len(prompts)), [prompt.label for prompt in prompts]] = numbers
        sides[side] = Measured("m@1", rows, tuple(prompts))
    return {"bystander": sides}


@pytest.mark.parametrize("edits", [1, 10])
@pytest.mark.parametrize("radius", [4, 5, 6, 7, 8, 9, 10, 12, 14])
def test_a_planted_radius_is_recovered_within_one_hop(neighbours, edits, radius):
    prompts = neighbours.shared_prompts(edits)
    rings = sorted({distance_of(prompt, "hops") for prompt in prompts})
    inside = [ring for ring in rings if ring <= radius]
    if not inside or inside[-1] == rings[-1]:
        pytest.skip("no bystander is as near, or none beyond")
    for seed in range(5):
        measured = plant_damage(prompts, "hops", radius, np.random.default_rng(seed))
        score = reduce_values(DAMAGE_RADIUS(measured), DAMAGE_RADIUS.reduction)
        assert abs(score.value - inside[-1]) <= 1


@pytest.mark.parametrize(
    ("metric", "radius"), [(DAMAGE_RADIUS_LOOK, 1), (DAMAGE_RADIUS_LOOK, 2), (DAMAGE_RADIUS_TEXT, 3)]
)
def test_radii_by_look_and_by_text_are_recovered_likewise(neighbours, metric, radius):
    prompts = neighbours.shared_prompts(1)
    measured = plant_damage(prompts, metric.distance, radius, np.random.default_rng(1))
    rings = {distance_of(prompt, metric.distance) for prompt in prompts}
    score = reduce_values(metric(measured), metric.reduction)
    assert abs(score.value - max((ring for ring in rings if ring <= radius), default=0)) <= 1


def test_without_damage_the_radius_is_0_and_with_damage_everywhere_the_largest(neighbours):
    prompts = neighbours.shared_prompts(10)
    found = []
    for seed in range(20):
        measured = plant_damage(prompts, "hops", 0, np.random.default_rng(seed))
        found.append(DAMAGE_RADIUS(measured)[0].after)
    assert found.count(0.0) >= 18
    everywhere = plant_damage(prompts, "hops", 99, np.random.default_rng(3))
    assert DAMAGE_RADIUS(everywhere)[0].after == max(distance_of(prompt, "hops") for prompt in prompts)


@pytest.mark.parametrize(("edits", "beyond", "radius"), [(1, 6, 8), (10, 4, 8), (10, 5, 6)])
def test_damage_of_a_ring_in_the_middle_alone_ends_there(neighbours, edits, beyond, radius):
    prompts = neighbours.shared_prompts(edits)
    for seed in range(5):
        measured = plant_damage(prompts, "hops", radius, np.random.default_rng(seed), beyond=beyond)
        assert DAMAGE_RADIUS(measured)[0].after == radius


def ring_damages(mean, noise, count):
    """Damages of a ring's classes with just this mean, and noise of just this size about it."""
    return mean + noise * np.resize([1.0, -1.0], count)


def test_a_damage_too_weak_for_a_step_reaches_no_farther_than_a_ring_that_is_sure():
    """By hand: the whole mean is far from chance, the outermost ring's is just 0; version 1 said 8."""
    at = np.repeat([2, 6, 8], [20, 100, 40])
    damages = np.concatenate([ring_damages(0.0, 0.1, 20), ring_damages(0.045, 0.1, 100), ring_damages(0.0, 0.1, 40)])
    assert damages.mean() ** 2 > 10.83 * damages.var(ddof=1) / 160
    assert damage_radius(at, damages) == 6.0
    alike = np.concatenate([ring_damages(0.06, 0.1, count) for count in (20, 100, 40)])
    assert damage_radius(at, alike) == 8.0
    assert damage_radius(at, ring_damages(0.0, 0.1, 160)) == 0.0


def test_damage_beyond_a_step_still_counts():
    at = np.repeat([2, 3, 6, 8], [20, 30, 100, 40])
    levels = np.concatenate([ring_damages(0.95, 0.05, 50), ring_damages(0.8, 0.05, 140)])
    assert damage_radius(at, levels) == 8.0
    assert damage_radius(at, np.where(at > 6, ring_damages(0.0, 0.05, 190), levels)) == 6.0


def test_no_single_class_makes_a_radius():
    at = np.repeat([2, 6, 8], [100, 200, 4])
    damages = ring_damages(0.0, 0.01, 304)
    for outlier in (300, 0):  # of the outermost ring, of the innermost
        alone = damages.copy()
        alone[outlier] = 0.9
        assert damage_radius(at, alone) == 0.0
    damages[300:302] = 0.9
    assert damage_radius(at, damages) == 8.0


def test_a_radius_that_halves_of_the_bystanders_deny_has_no_error_and_no_interval(neighbours):
    prompts = neighbours.shared_prompts(10)
    values = DAMAGE_RADIUS(plant_damage(prompts, "hops", 6, np.random.default_rng(3)))
    held = reduce_values(values, DAMAGE_RADIUS.reduction)
    assert (held.value, held.low, held.high, held.note) == (6.0, None, None, "no interval: it takes few values")
    assert held.stderr is not None
    zeros = [replace(each, after=0.0) if each.part == RESAMPLE and each.replicate else each for each in values]
    denied = reduce_values(zeros, DAMAGE_RADIUS.reduction)
    assert (denied.value, denied.stderr, denied.low, denied.high) == (6.0, None, None, None)
    assert denied.note == "no error: halves of its concepts have the median 0, not its value"


def test_the_step_is_the_one_with_the_least_squares():
    at = np.repeat([2, 4, 6, 8], 5)
    damages = np.concatenate([np.full(5, level) for level in (0.5, 0.45, 0.03, 0.0)])
    by_hand = {
        ring: damages[at <= ring].var() * (at <= ring).sum() + damages[at > ring].var() * (at > ring).sum()
        for ring in (2, 4, 6)
    }
    assert damage_radius(at, damages) == min(by_hand, key=by_hand.get) == 4


def test_damage_of_a_ring_is_the_mean_fall_there(neighbours):
    prompts = neighbours.shared_prompts(10)
    measured = plant_damage(prompts, "hops", 5, np.random.default_rng(4))
    sides = measured["bystander"]
    fall = (sides[BEFORE].values - sides[AFTER].values).sum(axis=1)
    at = np.array([distance_of(prompt, "hops") for prompt in prompts])
    for metric, ring in (
        (NEIGHBOURS_NEAR, at <= 4),
        (NEIGHBOURS_MIDDLE, (at >= 5) & (at <= 8)),
        (NEIGHBOURS_FAR, at >= 9),
    ):
        score = reduce_values(metric(measured), metric.reduction)
        assert score.value == pytest.approx(fall[ring].mean(), abs=1e-6)


def test_bystanders_without_such_a_distance_have_no_value_and_a_note(neighbours):
    assert SUBCLASS2DEST.role == "subclass"
    assert (
        DAMAGE_RADIUS_TEXT({"bystander": {side: Measured("m@1", np.zeros((0, 0)), ()) for side in (BEFORE, AFTER)}})
        == ()
    )
    score = reduce_values((), NEIGHBOURS_NEAR.reduction)
    assert score.note == "no bystander at hops 0 to 4 prompts were drawn"
