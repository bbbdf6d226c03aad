"""The controls: the floor changes nothing, the ceiling writes the destination, the trick names the sources."""

import pytest

from iceb.base.rewriting import Rewriter
from iceb.baselines.controls import NegativePrompt, PromptSwap, Unedited
from iceb.specs.methods import Edit, MethodContext
from iceb.specs.requests import EditRequest


def request(number, source, dest, *aliases):
    return EditRequest(f"small/{number}", source, (dest,), ("A photo of {}",), seed=1, aliases=aliases)


REQUESTS = [
    request(0, "lion", "zebra", " king of beasts", " Panthera leo"),
    request(1, "mouse", "sea lion"),
    request(2, "broccoli", "guacamole"),
]


def edit(method, requests=REQUESTS):
    return method.edit(None, requests, context=MethodContext(None))


@pytest.mark.parametrize("method", [Unedited(), PromptSwap(), NegativePrompt()])
def test_no_requests_make_an_empty_edit(method):
    assert edit(method, []) == Edit()


@pytest.mark.parametrize("method", [Unedited(), PromptSwap(), NegativePrompt()])
def test_controls_change_no_weight(method):
    assert not edit(method).weights
    assert method.card.touches == ()


def test_the_unedited_control_returns_an_empty_edit():
    assert edit(Unedited()) == Edit()


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("A lion in the grass", "A zebra in the grass"),
        ("A  king of beasts at rest", "A  zebra at rest"),
        ("Lions and panthera leo", "zebras and zebra"),
        ("Broccoli florets in a pan", "guacamole florets in a pan"),
        ("A sea lion in the waves", "A sea lion in the waves"),
        ("A sealion, dandelions", "A sealion, dandelions"),
    ],
)
def test_prompt_swap_writes_the_destination_and_leaves_destinations_whole(prompt, expected):
    assert Rewriter(edit(PromptSwap()).rewrites)(prompt) == expected


def test_without_aliases_prompt_swap_rewrites_the_name_only():
    assert Rewriter(edit(PromptSwap(aliases=False)).rewrites)("A king of beasts") == "A king of beasts"


def test_negative_prompt_names_the_sources_in_order_and_rewrites_nothing():
    found = edit(NegativePrompt())
    assert found.negative_prompt == "lion, mouse, broccoli"
    assert not found.rewrites


def test_a_source_without_a_destination_is_left_out_of_the_prompt():
    erased = EditRequest("small/9", "golf ball", (), ("A photo of {}",), seed=1)
    rewriter = Rewriter(edit(PromptSwap(), [erased]).rewrites)
    assert rewriter("a photo of one golf ball") == "a photo of one "
    assert rewriter("two golf balls, a golfer") == "two , a golfer"
