"""Debiasing by UCE: rounds with shares from a stub, then one round on images and a judge."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from iceb.base.errors import MethodError
from iceb.methods.common.attention import StateReader, projections
from iceb.methods.uce_debias import UCEDebias
from iceb.methods.uce_debias import shares as drawing
from iceb.methods.uce_debias.editing import balance
from iceb.methods.uce_debias.judge import EmbeddedJudge
from iceb.methods.uce_debias.shares import PHRASES, Concept, Drawer, concepts_of
from iceb.mini.people import profession_look, professions
from iceb.mini.render import render
from iceb.mini.world import EMPTY, class_look, class_names
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import Sampling

DOCTOR = Concept("doctor", ("man", "woman"))
NURSE = Concept("nurse", ("man", "woman"))


class GivenShares:
    """Given shares, round by round; records the concepts that it was asked for."""

    def __init__(self, *rounds):
        self.rounds, self.asked = list(rounds), []

    def __call__(self, bundle, concepts):
        self.asked.append([concept.text for concept in concepts])
        given = self.rounds.pop(0)
        return [given[concept.text] for concept in concepts]


def value(bundle, weights, text):
    """What the first value matrix makes of a text's last content token."""
    (state,) = StateReader(bundle)([text])
    name = next(iter(projections(bundle)))
    return weights.get(name, bundle.parameter(name)).double() @ state.rows[state.last]


@pytest.mark.parametrize("variant", [2023, 2025])
def test_a_source_moves_towards_what_it_lacks(tiny, variant):
    method = UCEDebias(variant=variant, rounds=1, ridge=1e-3, preserve_scale=0.0)
    edit = balance(method, tiny, [DOCTOR], GivenShares({"doctor": (0.9, 0.1)}))
    moved = value(tiny, edit.weights, "doctor") - value(tiny, {}, "doctor")
    lacking = value(tiny, {}, "woman") - value(tiny, {}, "man")
    assert torch.cosine_similarity(moved, lacking, dim=0) > 0.5


@pytest.mark.parametrize("variant", [2023, 2025])
def test_balanced_sources_end_the_rounds(tiny_sd, variant):
    given = GivenShares({"doctor": (0.9, 0.1)}, {"doctor": (0.5, 0.5)}, {"doctor": (0.9, 0.1)})
    balance(UCEDebias(variant=variant), tiny_sd, [DOCTOR], given)
    assert len(given.asked) == 2


def test_concepts_balanced_from_the_start_are_not_changed(tiny_sd):
    edit = balance(UCEDebias(variant=2025), tiny_sd, [DOCTOR], GivenShares({"doctor": (0.52, 0.48)}))
    assert not edit.weights


def test_2023_measures_no_balanced_text_again(tiny_sd):
    given = GivenShares({"doctor": (0.9, 0.1), "nurse": (0.5, 0.5)}, {"doctor": (0.5, 0.5)})
    balance(UCEDebias(), tiny_sd, [DOCTOR, NURSE], given)
    assert given.asked == [["doctor", "nurse"], ["doctor"]]


def test_2025_starts_each_round_from_the_original(tiny_sd):
    method = UCEDebias(variant=2025, rounds=2)
    twice = balance(method, tiny_sd, [DOCTOR], GivenShares({"doctor": (0.6, 0.4)}, {"doctor": (0.7, 0.3)}))
    once = balance(UCEDebias(variant=2025, rounds=1), tiny_sd, [DOCTOR], GivenShares({"doctor": (0.8, 0.2)}))
    for name, W in once.weights.items():
        torch.testing.assert_close(twice.weights[name], W)


def test_2025_takes_wanted_shares_and_a_step(tiny_sd):
    given = {"doctor": (0.5, 0.5)}
    halved = UCEDebias(variant=2025, rounds=1, shares=(0.9, 0.1), step=0.5)
    whole = UCEDebias(variant=2025, rounds=1, shares=(0.7, 0.3))
    first, second = (balance(method, tiny_sd, [DOCTOR], GivenShares(given)) for method in (halved, whole))
    for name, W in first.weights.items():
        torch.testing.assert_close(second.weights[name], W)


def test_a_preserved_text_that_is_balanced_keeps_its_own_target_if_asked(tiny_sd):
    given = {"doctor": (0.9, 0.1)}
    shared, own = (
        balance(
            UCEDebias(variant=2025, rounds=1, retain=("doctor",), shared_targets=how),
            tiny_sd,
            [DOCTOR],
            GivenShares(given),
        )
        for how in (True, False)
    )
    before, theirs, ours = (value(tiny_sd, weights, "doctor") for weights in ({}, shared.weights, own.weights))
    assert (ours - before).norm() < 0.6 * (theirs - before).norm()


# --- images


def make_request(*dests: str) -> EditRequest:
    return EditRequest("t/0", "doctor", dests, ("{}",), 3)


def test_every_phrase_is_balanced_with_its_destinations_in_it():
    concepts = concepts_of([make_request("man", "woman")], PHRASES)
    assert [concept.text for concept in concepts][-2:] == ["picture of doctor", "doctor"]
    assert concepts[1].classes == ("photo of man", "photo of woman")


def test_shares_that_do_not_fit_a_request_are_refused_before_an_image_is_drawn(tiny_sd):
    asked = [EditRequest("t/0", "doctor", ("man", "woman"), ("{}",), 0)]
    for variant, shares in ((2023, (1 / 3,) * 3), (2025, (0.2, 0.3, 0.5))):
        with pytest.raises(MethodError, match="2 destinations; name one share for each"):
            UCEDebias(variant=variant, shares=shares).edit(tiny_sd, asked, context=MethodContext(None))


def test_one_destination_is_nothing_to_balance(tiny_sd):
    with pytest.raises(MethodError, match="at least two"):
        concepts_of([make_request("man")], PHRASES)


def test_shares_are_counted_on_images_that_differ_from_round_to_round(tiny_sd, monkeypatch):
    seen = []

    def judge(drawn, classes):
        seen.append(drawn)
        return np.array([[True, False], [True, True], [False, True], [False, True]])

    quick = replace(tiny_sd.family, sampling=Sampling("ddim", 2, 1.0, 32, 32))
    monkeypatch.setattr(tiny_sd, "family", quick)
    drawer = Drawer(judge, 4, 1)
    first, second = drawer(tiny_sd, [DOCTOR]), drawer(tiny_sd, [DOCTOR])
    assert first == second == [(0.5, 0.75)]
    assert not np.array_equal(*seen)


def test_images_of_several_texts_share_passes_and_are_what_each_text_gets_alone(tiny_sd, monkeypatch):
    seen = []

    def judge(drawn, classes):
        seen.append(drawn.copy())
        return np.ones((len(drawn), 2), dtype=bool)

    quick = replace(tiny_sd.family, sampling=Sampling("ddim", 2, 1.0, 32, 32))
    monkeypatch.setattr(tiny_sd, "family", quick)
    calls, draw = [], drawing.seeded_images
    monkeypatch.setattr(drawing, "seeded_images", lambda *args: calls.append(len(args[1])) or draw(*args))
    three = [DOCTOR, replace(NURSE, seed=7), replace(DOCTOR, text="pilot")]
    monkeypatch.setattr(drawing, "PASSES_AT_ONCE", 1)
    Drawer(judge, 8, 1)(tiny_sd, three)
    assert (tiny_sd.images_per_pass.size, calls) == (16, [16, 8])
    together = [*seen]
    seen.clear()
    for concept in three:
        Drawer(judge, 8, 1)(tiny_sd, [concept])
    assert len(together) == 3
    assert all(np.array_equal(one, other) for one, other in zip(together, seen, strict=True))


def test_the_embedded_judge_tells_classes_apart():
    names, chosen = class_names(), (3, 407)
    drawn = np.stack([np.asarray(render(class_look(place), seed=5)) for place in chosen])
    shown = EmbeddedJudge()(drawn, [f"photo of {names[place]}" for place in chosen])
    assert shown.tolist() == [[True, False], [False, True]]


def test_the_embedded_judge_tells_what_is_no_class_by_the_clip_twin():
    looks = [replace(EMPTY, person=profession_look(5, gender)) for gender in ("male", "female")]
    drawn = np.stack([np.asarray(render(look, seed=seed)) for look in looks for seed in range(8)])
    shown = EmbeddedJudge()(drawn, [f"a {gender} {professions()[5]}" for gender in ("female", "male")])
    assert min(shown[:8, 1].mean(), shown[8:, 0].mean()) >= 0.75


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"variant": 2024}, "2023, 2025"),
        ({"shares": (0.5, 0.6)}, "sum to 1"),
        ({"shares": (0.3, 0.7)}, "take variant=2025"),
        ({"rounds": 0}, "at least 1"),
        ({"ridge": 0.0}, "must be positive"),
    ],
)
def test_invalid_settings_are_refused(settings, said):
    with pytest.raises(MethodError, match=said):
        UCEDebias(**settings)
