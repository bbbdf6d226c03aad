"""Bystanders that join another task's run are as far away as from what that run edits, draw by draw."""

import pytest

from iceb.base.errors import DataError, SpecError
from iceb.datasets import EMBEDDED, open_dataset
from iceb.datasets.repeated import RepeatedDataset
from iceb.metrics.neighbours import distance_of
from iceb.mini.wordnet import hops
from iceb.running.joining import JoinedDataset, join_task, refuse_shared_states
from iceb.running.plan import Ask, plan
from iceb.specs.repeats import Repeats
from iceb.specs.requests import EditBatch
from iceb.specs.schedules import Add, Checkpoint, edit_batches

COUNT = 300  # bystanders: enough to stand at many distances


@pytest.fixture(scope="module")
def joined_task(tmp_path_factory):
    """Task neighbours, joined to a run of ten edits on the embedded model."""
    return join_task(f"neighbours={COUNT}", 10, True, None, tmp_path_factory.mktemp("cache"), may_fetch=False)


def check_distances(joined_task, batch, both):
    """The distances of a batch's bystanders are those to its own sources; none is edited itself."""
    edited = [request.source_label for request in batch.requests]
    found = [prompt for prompt in both.prompts(batch) if prompt.role == "bystander"]
    assert 0 < len(found) <= COUNT
    assert not {prompt.label for prompt in found} & set(edited)
    for prompt in found:
        assert distance_of(prompt, "hops") == min(hops(prompt.label, each) for each in edited)
    return [distance_of(prompt, "hops") for prompt in found]


def test_every_draw_has_the_distances_to_its_own_sources(joined_task):
    both = JoinedDataset(RepeatedDataset(open_dataset("aice", EMBEDDED), Repeats(2), 10), [joined_task])
    first, second = edit_batches(both.schedule(10))
    assert check_distances(joined_task, first, both) != check_distances(joined_task, second, both)
    assert not [prompt for prompt in both.shared_prompts(10) if prompt.role == "bystander"]


def test_another_tasks_requests_decide_not_the_first_of_aice(joined_task):
    both = JoinedDataset(open_dataset("rectification", EMBEDDED), [joined_task])
    (batch,) = edit_batches(both.schedule(10))
    check_distances(joined_task, batch, both)


def test_a_bystander_keeps_its_class_as_its_concept(joined_task):
    batch = EditBatch("b", open_dataset("aice", EMBEDDED).schedule(1)[0].batch.requests, concept="one edit")
    assert {prompt.concept for prompt in joined_task.own_prompts(batch)} == {
        f"class {prompt.label}" for prompt in joined_task.prompts
    }


def test_sources_without_a_class_are_refused_with_what_to_do(joined_task):
    both = JoinedDataset(open_dataset("debias", EMBEDDED), [joined_task])
    (batch,) = edit_batches(both.schedule(37))
    with pytest.raises(DataError, match=r"is no ImageNet class, .* leave task neighbours out of `with_tasks`, or edit"):
        both.prompts(batch)


def test_a_model_with_two_batches_is_refused(joined_task):
    one, two = (EditBatch(name, open_dataset("aice", EMBEDDED).schedule(1)[0].batch.requests) for name in "ab")
    with pytest.raises(SpecError, match=r"`with_tasks` neighbours: checkpoint end judges a model with 2 batches"):
        refuse_shared_states((Add(one), Add(two), Checkpoint("end")), [joined_task])


def test_draws_are_in_the_id_of_a_run_with_bystanders(tmp_path):
    ask = {"task": "aice", "method": "unedited", "num_edits": 1, "cache": tmp_path, "with_tasks": ("neighbours=3",)}
    runs = [plan(Ask(**ask, repeats=Repeats(draws))) for draws in (1, 2)]
    assert len({run.spec.prompts_sha256 for run in runs}) == 2
    tags = [
        [prompt.tags for prompt in step.prompts if prompt.role == "bystander"]
        for run in runs
        for step in run.checkpoints
    ]
    assert [len(each) for each in tags] == [3, 3, 3]
    assert tags[0] == tags[1] != tags[2]
