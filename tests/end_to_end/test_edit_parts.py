"""Parts of an edit that belong to single concepts are shared among workers, and the edit is the same, bit for bit."""

import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy

from iceb.methods.emcid import EMCID
from iceb.methods.emcid.value_vectors import CONCEPTS_AT_ONCE
from iceb.registry import Registered
from iceb.running import edit_parts
from iceb.running.edit_parts import EditParts, note_of, parts_alone
from iceb.running.edit_turns import edit_turn
from iceb.running.evaluate import evaluate
from iceb.running.planned import Plan
from iceb.running.sweeps.locks import cell_lock
from iceb.running.workers.ray_jobs import _edit_jobs
from iceb.running.workers.run_stages import EditRun
from iceb.specs.execution import Execution
from iceb.specs.requests import EditRequest
from iceb.specs.shards import Shard
from iceb.stores.edits import EditStore, MadeEdit


def plan_of(model: Path, cache: Path, method: Any, name: str, dataset: Any = None) -> Plan:
    """A toy run's plan of two concepts, one in each batch."""
    plan = toy.make_plan(model, cache, method, dataset=dataset)
    chosen = replace(plan.parts.method, entry=Registered("methods", name, "iceb", "0", "toy:Shake"))
    return replace(plan, parts=replace(plan.parts, method=chosen, execution=Execution("cpu", concepts_at_once=1)))


@pytest.fixture
def emcid(tmp_path) -> EMCID:
    """The smallest that trains: two steps, and no denoiser."""
    captions = tmp_path / "captions.txt"
    captions.write_text("".join(f"a {name} on a table\n" for name in (*toy.NAMES, "cup", "tree")))
    return EMCID(layers=(1, 2), steps=2, noise_loss="none", captions=str(captions))


def parts_of(plan: Plan) -> EditParts:
    return EditParts(plan.parts, plan.parts.bundle, plan.batches[0].requests)


def edit_of(one: EditParts) -> MadeEdit:
    parts = one.parts
    return parts.method.get_or_make_edit(one.bundle, one.requests, parts.edits, parts.cache, parts.execution)


def test_value_vectors_that_were_made_in_parts_give_the_same_edit(tiny_sd_folder, tmp_path, emcid):
    whole = edit_of(parts_of(plan_of(tiny_sd_folder, tmp_path / "whole", emcid, "emcid")))
    shared = parts_of(plan_of(tiny_sd_folder, tmp_path / "shared", emcid, "emcid"))
    assert [len(batch) for batch in shared.batches] == [1, 1]
    shared.make()
    found = edit_of(shared)
    assert (whole.edit.log["values_made"], found.edit.log["values_made"]) == (2, 0)
    assert all(torch.equal(tensor, found.edit.weights[name]) for name, tensor in whole.edit.weights.items())


@pytest.mark.usefixtures("drawn_cache")
def test_edits_that_are_made_alone_find_value_vectors_that_were_trained_together(tiny_sd_folder, tmp_path, emcid):
    plan = plan_of(tiny_sd_folder, tmp_path / "cache", emcid, "emcid", toy.OneByOne())
    result = evaluate(plan)
    assert result.log["values_made"] == 0
    alone = [edit_of(replace(parts_of(plan), requests=batch.requests)) for batch in plan.batches]
    assert [each.found for each in alone] == [True, True]
    ready = [parts_alone(plan).seconds_of(batch.requests) for batch in plan.batches]
    assert all(0 < before < each.seconds for before, each in zip(ready, alone, strict=True))
    assert result.cost.edit_seconds == sum(each.seconds for each in alone)
    assert parts_alone(plan).missing == []
    store = plan.parts.edits
    store.path(plan.parts.method.key(plan.parts.bundle, plan.batches[1].requests)).unlink()
    assert parts_alone(plan).missing == [plan.batches[1].requests]
    apart = plan_of(tiny_sd_folder, tmp_path / "apart", emcid, "emcid", toy.OneByOne())
    for one, batch in zip(alone, apart.batches, strict=True):
        own = edit_of(replace(parts_of(apart), requests=batch.requests))
        assert own.edit.log["values_made"] == 1
        assert all(torch.allclose(own.edit.weights[name], tensor) for name, tensor in one.edit.weights.items())


def test_repeated_runs_and_a_single_edit_have_no_parts_ahead(shared_plan):
    assert parts_alone(shared_plan).batches == []
    single = replace(shared_plan, schedule=toy.OneByOne().schedule(2))
    assert len(parts_alone(single).batches) == 2
    wide = replace(single, parts=replace(single.parts, execution=Execution("cpu", concepts_at_once=16)))
    assert [len(batch) for batch in parts_alone(wide).batches] == [2]
    assert parts_alone(replace(single, spec=single.spec.model_copy(update={"draws": 2}))).batches == []


def test_jobs_help_with_the_parts_of_edits_that_are_made_alone(shared_plan, batches_made):
    single = replace(shared_plan, schedule=toy.OneByOne().schedule(2))
    assert _edit_jobs(single) == 2
    assert EditRun(single, Shard(1, 2)).make() == 0
    assert batches_made == [["dog"], ["cat"]]


@pytest.fixture
def shared_plan(tiny_sd_folder, tmp_path, monkeypatch) -> Plan:
    """A plan whose method counts as one of single concepts."""
    monkeypatch.setattr(edit_parts, "BY_CONCEPT", ("iceb/shake",))
    monkeypatch.setattr(edit_parts, "WAIT", 0.01)
    return plan_of(tiny_sd_folder, tmp_path / "cache", None, "shake")


@pytest.fixture
def batches_made(monkeypatch) -> list[list[str]]:
    """The batches that are made, by the concepts in them."""
    found: list[list[str]] = []

    def make(self: EditParts, batch: Sequence[EditRequest]) -> None:
        found.append([request.source for request in batch])
        self.scratch.put(note_of(batch), np.ones(1))

    monkeypatch.setattr(EditParts, "_make", make)
    return found


def lock_of(one: EditParts, place: int) -> str:
    return f"part/{one.scratch.path(note_of(one.batches[place])).stem}"


def test_a_batch_that_another_process_makes_is_waited_for_and_not_made_twice(shared_plan, batches_made):
    one = parts_of(shared_plan)
    first, second = map(note_of, one.batches)
    with cell_lock(one.parts.cache, lock_of(one, 0)) as held:
        assert held
        worker = threading.Thread(target=one.make)
        worker.start()
        deadline = time.monotonic() + 20
        while one.scratch.get(second) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert worker.is_alive()
        one.scratch.put(first, np.zeros(1))
    worker.join(20)
    assert batches_made == [["dog"]]
    replace(one, first=0.5).make()
    assert batches_made == [["dog"]]


def test_batches_are_made_where_others_were_cut_or_the_scratch_was_removed(shared_plan, batches_made, monkeypatch):
    one = parts_of(shared_plan)
    one.make()
    monkeypatch.setattr(EditParts, "batches", [one.requests])
    one.make()
    one.make()
    shutil.rmtree(one.parts.cache / "scratch")
    one.make()
    both = [request.source for request in one.requests]
    assert batches_made == [*([each] for each in both), both, both]


def test_a_job_that_helps_with_an_edit_leaves_what_others_make_and_ends(shared_plan, batches_made):
    one = parts_of(shared_plan)
    with cell_lock(one.parts.cache, lock_of(one, 0)):
        assert EditRun(shared_plan, Shard(1, 2)).make() == 0
    assert batches_made == [["dog"]]
    assert not one.parts.edits.has(one.parts.method.key(one.bundle, one.requests))


def test_the_process_that_waits_for_an_edit_finds_it(tmp_path):
    cache, key, entered = tmp_path, "ab" * 32, []
    edits = EditStore(cache)

    def wait() -> None:
        with edit_turn(cache, key, edits):
            entered.append(edits.has(key))

    with edit_turn(cache, key, edits):
        worker = threading.Thread(target=wait)
        worker.start()
        worker.join(0.1)
        assert worker.is_alive()
        edits.path(key).parent.mkdir(parents=True)
        edits.path(key).touch()
    worker.join(20)
    assert entered == [True]


def test_a_batch_of_the_core_is_the_methods_own():
    assert edit_parts.CONCEPTS_AT_ONCE == CONCEPTS_AT_ONCE
