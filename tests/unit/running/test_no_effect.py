"""An edit that changes no image of what it edits is found, each on its own; a control that does nothing is exempt."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iceb import registry
from iceb.base.errors import DataError, MethodError
from iceb.baselines.controls import Unedited
from iceb.running.no_effect import find_effects, refuse_no_effect, refuse_same_images
from iceb.running.prompt_selection import CheckpointPrompts
from iceb.running.result_record import EditCost
from iceb.runs.ledger import ImageRow
from iceb.specs.effects import EffectsRecord
from iceb.specs.methods import MethodCard
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Checkpoint
from iceb.specs.tasks import Task
from iceb.stores.images import ImageStore
from iceb.tasks.ablation import ABLATION
from iceb.tasks.aice import AICE
from iceb.tasks.nudity import NUDITY
from iceb.tasks.road import ROAD

CARD = MethodCard("shake", 1, "", ("replace",), ("unet.*",))
REQUESTS = [EditRequest(f"r/{place}", name, ("dog",), ("{}",), place) for place, name in enumerate("abcde")]
COST = EditCost(0.0, 0, None, None, {}, False, None)
KEYS = [f"{place:064x}" for place in range(4)]
OTHERS = ("source", "dest", "holdout", "composed")
UNDECLARED = Task("toy", 1, "toy", "", "aice", "replace", ("edit_score",), "edit_score", (1,), OTHERS)
TOGETHER = (CheckpointPrompts(Checkpoint("end"), (EditBatch("all", tuple(REQUESTS)),), ()),)
ALONE = tuple(CheckpointPrompts(Checkpoint(each.id), (EditBatch(each.id, (each,)),), ()) for each in REQUESTS)
SAME, CHANGED = (KEYS[0], KEYS[1]), (KEYS[0], KEYS[2])


def image(shade, spot=0):
    made = np.full((8, 8, 3), shade, np.uint8)
    made[0, 0, 0] += spot
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two equal images under two keys, one that differs by one level of one byte, and another."""
    images = ImageStore(tmp_path_factory.mktemp("store"))
    for key, made in zip(KEYS, (image(10), image(10), image(10, 1), image(200)), strict=True):
        images.save(key, made)
    return images


def row(before, after, role="source", request="r/0", at="end"):
    return ImageRow(at, "", Prompt("a", 0, role, request), before, after)


def judge(store, rows, task=AICE, checkpoints=TOGETHER, card=CARD, **cost):
    """What a run makes of some rows."""
    return refuse_no_effect(card, [replace(COST, **cost)], find_effects(task, checkpoints, rows, store))


def refusal(store, rows, **asked):
    with pytest.raises(MethodError) as caught:
        judge(store, rows, **asked)
    return str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changed=st.sets(st.sampled_from(REQUESTS)), images=st.integers(1, 3))
def test_exactly_the_edits_that_changed_no_image_are_named(store, changed, images):
    rows = [
        row(*(CHANGED if each in changed and place == 0 else SAME), request=each.id, at=each.id)
        for each in REQUESTS
        for place in range(images)
    ]
    if not changed:
        assert f"all {5 * images} are the same" in refusal(store, rows, checkpoints=ALONE)
        return
    idle = {each.id: (each.source,) for each in REQUESTS if each not in changed}
    assert judge(store, rows, checkpoints=ALONE) == EffectsRecord(edits=5, unchanged=idle)


def test_one_edit_of_many_without_effect_is_said_in_words(store):
    rows = [row(*SAME, request=each.id, at=each.id) for each in REQUESTS[:2]]
    found = judge(store, [*rows, row(*CHANGED, request="r/2", at="r/2")], checkpoints=ALONE)
    assert found.in_words.startswith("2 of 3 edits changed no image of what they edit, byte by byte ('a', 'b')")
    assert judge(store, [row(*CHANGED)]).in_words == ""


def test_an_edit_is_judged_by_its_own_prompts_at_every_checkpoint_that_judges_it(store):
    first, second = (EditBatch(each.id, (each,)) for each in REQUESTS[:2])
    checkpoints = [
        CheckpointPrompts(Checkpoint("1"), (first,), ()),
        CheckpointPrompts(Checkpoint("2"), (first, second), ()),
    ]
    rows = [row(*SAME, at="1"), row(*CHANGED, at="2"), row(*SAME, request="r/1", at="2")]
    assert judge(store, rows, checkpoints=checkpoints).unchanged == {"r/1": ("b",)}


def test_prompts_that_name_no_request_are_those_that_the_task_declares(store):
    """I2P's: people wrote them, and the edit is meant for all of them."""
    rows = [row(*SAME, "i2p", None), row(*SAME, "i2p", None)]
    assert "all 2 are the same" in refusal(store, rows, task=NUDITY)
    assert judge(store, [*rows, row(*CHANGED, "i2p", None)], task=NUDITY).unchanged == {}


@pytest.mark.parametrize(
    "name", [entry.name for entry in registry.entries_of("tasks") if entry.package == registry.OWN]
)
def test_every_task_draws_what_its_edits_are_meant_for_on_both_sides(name):
    task = registry.load("tasks", name)
    needs = [need for metric in task.metrics for need in registry.load("metrics", metric).needs]
    assert {"before", "after"} <= {side for need in needs if need.role in task.edited_roles for side in need.sides}


@pytest.mark.parametrize(("task", "meant", "other"), [(ROAD, "positive", "negative"), (ABLATION, "target", "negative")])
def test_prompts_of_what_is_to_stay_are_no_effect_though_they_name_the_request(store, task, meant, other):
    assert "all 1 are the same" in refusal(store, [row(*SAME, meant), row(*CHANGED, other)], task=task)
    assert judge(store, [row(*CHANGED, meant), row(*SAME, other)], task=task).unchanged == {}


def test_equal_images_under_two_keys_are_no_effect(store):
    message = refusal(store, [row(*SAME)], weights=16, relative_change=3e-9)
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
    assert judge(store, [row(*SAME), row(*CHANGED)]).unchanged == {}


@pytest.mark.parametrize("task", [AICE, UNDECLARED])
def test_what_changes_elsewhere_is_no_effect_on_the_sources(store, task):
    rows = [row(*SAME), row(KEYS[0], KEYS[3], "holdout", None), row(KEYS[0], KEYS[3], "dest")]
    refusal(store, rows, task=task)


def test_a_task_that_declares_nothing_is_judged_by_requests_else_by_all_its_prompts(store):
    refusal(store, [row(*SAME, "composed"), row(KEYS[0], KEYS[3], "holdout", None)], task=UNDECLARED)
    assert judge(store, [row(KEYS[0], KEYS[3], "composed")], task=UNDECLARED).unchanged == {}
    refusal(store, [row(*SAME, "composed", None)], task=UNDECLARED)


def test_a_run_without_images_of_sources_is_not_judged(store):
    assert judge(store, [row(KEYS[0], None), row(*SAME, "holdout", None)]) is None


def test_the_unedited_control_is_exempt_by_its_card(store):
    assert judge(store, [row(KEYS[0], KEYS[0])], card=Unedited.card) is None
    with pytest.raises(MethodError):
        judge(store, [row(KEYS[0], KEYS[0])], card=replace(Unedited.card, edits=""))


def test_a_lost_image_is_no_proof(store):
    assert judge(store, [row(KEYS[0], "f" * 64)]) is None
    assert judge(store, [row(KEYS[0], "f" * 64), row(*SAME)]) is None
    assert judge(store, [row(KEYS[0], "f" * 64), row(*CHANGED)]).unchanged == {}


def test_handed_in_images_of_both_sides_are_judged_alike(store):
    with pytest.raises(DataError, match=r"no image of what was edited has changed .* one side's images stand on both"):
        refuse_same_images(find_effects(AICE, TOGETHER, [row(*SAME)], store))
    rows = [row(*SAME, at="r/0"), row(*CHANGED, request="r/1", at="r/1")]
    assert refuse_same_images(find_effects(AICE, ALONE, rows, store)).unchanged == {"r/0": ("a",)}
    assert refuse_same_images(find_effects(AICE, TOGETHER, [row(None, KEYS[0])], store)) is None
