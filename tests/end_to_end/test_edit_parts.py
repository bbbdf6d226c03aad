"""Parts of an edit that belong to single concepts are shared among workers, and the edit is the same, bit for bit."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import toy

from iceb.methods.emcid import EMCID
from iceb.methods.emcid.value_vectors import CONCEPTS_AT_ONCE
from iceb.registry import Registered
from iceb.running import edit_parts
from iceb.running.edit_parts import EditParts, note_path
from iceb.running.edit_turns import edit_turn
from iceb.running.sweeps.locks import cell_lock
from iceb.specs.execution import Execution
from iceb.stores.edits import EditStore, MadeEdit


def parts_of(model: Path, cache: Path, method: Any, name: str) -> EditParts:
    """The parts of a toy run's edit of two concepts, one in each batch."""
    plan = toy.make_plan(model, cache, method)
    chosen = replace(plan.parts.method, entry=Registered("methods", name, "iceb", "0", "toy:Shake"))
    parts = replace(plan.parts, method=chosen, execution=Execution("cpu", concepts_at_once=1))
    return EditParts(parts, parts.bundle, plan.batches[0].requests)


def edit_of(one: EditParts) -> MadeEdit:
    parts = one.parts
    return parts.method.get_or_make_edit(one.bundle, one.requests, parts.edits, parts.cache, parts.execution)


def test_value_vectors_that_were_made_in_parts_give_the_same_edit(tiny_sd_folder, tmp_path):
    captions = tmp_path / "captions.txt"
    captions.write_text("".join(f"a {name} on a table\n" for name in (*toy.NAMES, "cup", "tree")))
    method = EMCID(layers=(1, 2), steps=2, noise_loss="none", captions=str(captions))
    whole = edit_of(parts_of(tiny_sd_folder, tmp_path / "whole", method, "emcid"))
    shared = parts_of(tiny_sd_folder, tmp_path / "shared", method, "emcid")
    assert [len(batch) for batch in shared.batches] == [1, 1]
    shared.make()
    found = edit_of(shared)
    assert (whole.edit.log["values_made"], found.edit.log["values_made"]) == (2, 0)
    assert all(torch.equal(tensor, found.edit.weights[name]) for name, tensor in whole.edit.weights.items())


def test_a_batch_that_another_process_makes_is_waited_for_and_not_made_twice(tiny_sd_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(edit_parts, "BY_CONCEPT", ("iceb/shake",))
    monkeypatch.setattr(edit_parts, "WAIT", 0.01)
    one = parts_of(tiny_sd_folder, tmp_path / "cache", None, "shake")
    made: list[list[str]] = []
    monkeypatch.setattr(EditParts, "_make", lambda self, batch: made.append([request.source for request in batch]))
    key = one.parts.method.key(one.bundle, one.requests)
    first, second = (f"part/{key}/{place}" for place in range(2))
    with cell_lock(one.parts.cache, first) as held:
        assert held
        worker = threading.Thread(target=one.make)
        worker.start()
        deadline = time.monotonic() + 20
        while not note_path(one.parts.cache, second).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert worker.is_alive()
        note_path(one.parts.cache, first).touch()
    worker.join(20)
    assert made == [["dog"]]
    replace(one, first=0.5).make()
    assert made == [["dog"]]


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
