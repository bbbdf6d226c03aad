"""EMCID's search for the shares of a balancing request: the authors' loop, and the way from images to shares."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from iceb.base.errors import MethodError
from iceb.methods.emcid import EMCID
from iceb.methods.emcid.balance import counted_parts, search_shares
from iceb.methods.emcid.settings import ShareSearch
from iceb.running.method_context import draw_images
from iceb.specs.execution import Execution
from iceb.specs.methods import MethodContext
from iceb.specs.prompts import NoiseDraw
from iceb.specs.requests import EditRequest
from tests.memory import Memory

REQUEST = EditRequest("t/0", "a doctor", ("a female doctor", "a male doctor"), ("a photo of {}", "{}"), 3)


def authors(ratios, max_iter, max_diff=0.02, step_length=0.4):
    """The authors' loop, with the ratios of each round given; returns factors and rounds used."""
    factors, used = [0.5, 0.5], 0
    for i in range(max_iter):
        step_length = step_length - step_length / max_iter * i
        current = ratios(factors)
        used += 1
        diffs = [ratio - 0.5 for ratio in current]
        if max(abs(diff) for diff in diffs) <= max_diff:
            break
        factors = [max(factor - step_length * diff, 0) for factor, diff in zip(factors, diffs, strict=True)]
        factors = [factor / sum(factors) for factor in factors]
    return factors, used


class Counted:
    """Ratios of 25 images that follow the shares by a curve; counts how often it was asked."""

    def __init__(self, slope: float, offset: float) -> None:
        self.slope, self.offset, self.asked = slope, offset, 0

    def __call__(self, shares):
        self.asked += 1
        hits = min(max(round(25 * (self.offset + self.slope * (shares[0] - 0.5))), 0), 25)
        return [hits / 25, (25 - hits) / 25]


@pytest.mark.parametrize("curve", [(1.0, 0.2), (3.0, 0.9), (0.2, 0.1), (8.0, 0.3), (0.0, 0.0), (1.0, 0.52)])
@pytest.mark.parametrize("rounds", [1, 4, 10])
def test_the_search_with_published_stop_is_the_authors_loop(curve, rounds):
    expected, used = authors(Counted(*curve), rounds)
    measure = Counted(*curve)
    assert search_shares(2, measure, ShareSearch(rounds=rounds, published_stop=True)) == expected
    assert measure.asked == used == rounds  # of 25 images none is ever as near as 0.02 in floats


def test_thirteen_of_25_images_stop_the_search_unless_it_compares_as_published():
    balanced, published = Counted(0.0, 13 / 25), Counted(0.0, 13 / 25)
    assert search_shares(2, balanced, ShareSearch(rounds=10)) == [0.5, 0.5]
    moved = search_shares(2, published, ShareSearch(rounds=10, published_stop=True))
    assert (balanced.asked, published.asked) == (1, 10)
    assert moved[0] < 0.5


def test_the_steps_shrink_as_the_specification_lists_them():
    asked = []

    def measure(shares):
        asked.append(shares[0])
        return [0.6, 0.4]

    last = search_shares(2, measure, ShareSearch(rounds=10))
    steps = -np.diff([*asked, last[0]]) / 0.1
    listed = [0.4, 0.36, 0.288, 0.2016, 0.121, 0.0605, 0.0242, 0.0073, 0.0015, 0.00015]
    assert steps == pytest.approx(listed, abs=6e-5)


def test_parts_of_images_are_counted_for_every_choice():
    assert counted_parts([2, 0, 0, 2], 3) == [0.5, 0.0, 0.5]


class Judge:
    """Sees the first destination in images whose mean is above the median of all it saw first."""

    id, revision, inputs = "judge@1", "r", "image+text"

    def __init__(self) -> None:
        self.seen = []

    def __call__(self, inputs):
        self.seen.append([each.image for each in inputs])
        assert {each.prompt.choices for each in inputs} == {REQUEST.dests}
        return np.array([[1.0, 0.0] if place % 5 else [0.0, 1.0] for place in range(len(inputs))])


@pytest.fixture
def method(tmp_path):
    captions = tmp_path / "captions.txt"
    captions.write_text("a bee on a table\na doctor on a table", encoding="utf-8")
    settings = {"layers": (1, 2), "steps": 2, "captions": str(captions), "noise_loss": "none"}
    return EMCID(**settings, search_rounds=2, search_images=10, judge="judge")


@pytest.fixture(autouse=True)
def short_drawing(tiny_sd, monkeypatch):
    sampling = replace(tiny_sd.family.sampling, scheduler="ddim", steps=2)
    monkeypatch.setattr(tiny_sd, "family", replace(tiny_sd.family, sampling=sampling))


def context(judge, scratch=None):
    return MethodContext(scratch or Memory(), Execution(), draw_images, lambda name: judge)


def test_found_shares_weigh_the_value_vectors(tiny_sd, method):
    judge = Judge()
    searched = method.edit(tiny_sd, [REQUEST], context=context(judge))
    given = replace(
        method, search_rounds=0, judge="", shares=(searched.log["share.t/0"], 1 - searched.log["share.t/0"])
    )
    plain = given.edit(tiny_sd, [REQUEST], context=context(judge))
    assert len(judge.seen) == 2
    assert searched.log["share.t/0"] < 0.5  # 8 of 10 images showed the first destination
    for name, tensor in searched.weights.items():
        assert torch.allclose(tensor, plain.weights[name], atol=1e-6)


def test_rounds_draw_the_same_noise_with_other_edits_one_after_the_other(tiny_sd, method):
    judge = Judge()
    method.edit(tiny_sd, [REQUEST], context=context(judge))
    first, second = judge.seen
    assert not all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert len({image.tobytes() for image in first}) == 10
    noise = [NoiseDraw(REQUEST.seed), NoiseDraw(REQUEST.seed, (1, 1))]
    assert len({image.tobytes() for image in draw_images(tiny_sd, ["a doctor"] * 2, noise)}) == 2


def test_shares_once_found_are_kept(tiny_sd, method):
    scratch, judge = Memory(), Judge()
    once = method.edit(tiny_sd, [REQUEST], context=context(judge, scratch))
    again = method.edit(tiny_sd, [REQUEST], context=context(judge, scratch))
    assert len(judge.seen) == 2
    assert once.log["share.t/0"] == again.log["share.t/0"]


def test_requests_with_one_destination_are_not_searched(tiny_sd, method):
    judge = Judge()
    edit = method.edit(tiny_sd, [replace(REQUEST, dests=("a male doctor",))], context=context(judge))
    assert not judge.seen
    assert edit.weights


def test_a_search_without_a_judge_or_with_one_of_another_width_is_refused(tiny_sd, method):
    with pytest.raises(MethodError, match="search_rounds=2 without a judge"):
        replace(method, judge="")
    with pytest.raises(MethodError, match="must be 0"):
        replace(method, search_rounds=-1)
    judge = Judge()
    judge.__class__ = type("Wide", (Judge,), {"__call__": lambda self, inputs: np.zeros((len(inputs), 3))})
    with pytest.raises(MethodError, match="one number for each choice"):
        method.edit(tiny_sd, [REQUEST], context=context(judge))
