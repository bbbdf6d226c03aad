"""An edit that changes no image of its sources is refused by what did not match; a control that does nothing is not."""

from dataclasses import replace

import numpy as np
import pytest

from iceb.base.errors import MethodError
from iceb.baselines.controls import Unedited
from iceb.running.no_effect import refuse_no_effect
from iceb.running.result_record import EditCost
from iceb.runs.ledger import ImageRow
from iceb.specs.methods import MethodCard
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest
from iceb.stores.images import ImageStore

CARD = MethodCard("shake", 1, "", ("replace",), ("unet.*",))
REQUESTS = [EditRequest(f"r/{place}", name, ("dog",), ("{}",), place) for place, name in enumerate("abcde")]
COST = EditCost(0.0, 0, None, None, {}, False, None)
KEYS = [f"{place:064x}" for place in range(4)]


def image(shade, spot=0):
    made = np.full((8, 8, 3), shade, np.uint8)
    made[0, 0, 0] += spot
    return made


@pytest.fixture
def store(tmp_path):
    """Two equal images under two keys, one that differs by one level of one byte, and another."""
    images = ImageStore(tmp_path)
    for key, made in zip(KEYS, (image(10), image(10), image(10, 1), image(200)), strict=True):
        images.save(key, made)
    return images


def row(before, after, role="source", request="r/0"):
    return ImageRow("end", "", Prompt("a", 0, role, request), before, after)


def refusal(store, rows, **cost):
    with pytest.raises(MethodError) as caught:
        refuse_no_effect(CARD, [replace(COST, **cost)], REQUESTS, rows, store)
    return str(caught.value)


def test_equal_images_under_two_keys_are_no_effect(store):
    message = refusal(store, [row(KEYS[0], KEYS[1])], weights=16, relative_change=3e-9)
    assert "method shake changed no image of its sources ('a', 'b', 'c' and 2 more): all 1 are the same" in message
    assert "changed 16 parameters by ‖ΔW‖/‖W‖ = 3e-09, too little to change an 8-bit image" in message


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ({}, "it changed no parameter, rewrote no text and set no negative prompt"),
        ({"rewrites": 2}, "and of its 2 rewrites none changes these prompts"),
        ({"negative": True}, "its negative prompt is not read"),
        ({"weights": 1, "relative_change": 0.0}, "its edit holds 1 parameter bit-equal"),
    ],
)
def test_the_message_says_what_did_not_match(store, cost, said):
    assert said in refusal(store, [row(KEYS[0], KEYS[0])], **cost)


def test_one_level_of_one_byte_is_an_effect(store):
    refuse_no_effect(CARD, [COST], REQUESTS, [row(KEYS[0], KEYS[1]), row(KEYS[0], KEYS[2])], store)


def test_what_changes_elsewhere_is_no_effect_on_the_sources(store):
    refusal(store, [row(KEYS[0], KEYS[1]), row(KEYS[0], KEYS[3], "holdout", None), row(KEYS[0], KEYS[3], "dest")])


def test_without_source_prompts_all_that_name_a_request_are_compared(store):
    refusal(store, [row(KEYS[0], KEYS[1], "composed"), row(KEYS[0], KEYS[3], "holdout", None)])
    refuse_no_effect(CARD, [COST], REQUESTS, [row(KEYS[0], KEYS[3], "composed")], store)


def test_a_run_without_images_of_sources_is_not_judged(store):
    refuse_no_effect(CARD, [COST], REQUESTS, [row(KEYS[0], None), row(KEYS[0], KEYS[1], "holdout", None)], store)


def test_the_unedited_control_is_exempt_by_its_card(store):
    refuse_no_effect(Unedited.card, [COST], REQUESTS, [row(KEYS[0], KEYS[0])], store)
    with pytest.raises(MethodError):
        refuse_no_effect(replace(Unedited.card, edits=""), [COST], REQUESTS, [row(KEYS[0], KEYS[0])], store)


def test_a_lost_image_is_no_proof(store):
    refuse_no_effect(CARD, [COST], REQUESTS, [row(KEYS[0], "f" * 64)], store)
