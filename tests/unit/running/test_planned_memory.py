"""A dry run names the memory of the passes that the run would take, and says what decided them."""

from types import SimpleNamespace

import pytest
import torch

from iceb.methods.emcid import EMCID
from iceb.methods.uce import UCE
from iceb.models.families import FAMILIES
from iceb.running import planned_memory as module
from iceb.running.memory_need import memory_need
from iceb.running.planned_memory import planned_memory
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import edit_batches, one_by_one

TEMPLATES = ("An image of {}", "A photo of {}", "{}")
REQUESTS = [EditRequest(f"t/{index}", f"source {index}", ("dest",), TEMPLATES, index) for index in range(40)]
FAMILY = FAMILIES["sd14"]


def plan(device, execution=DEFAULT, schedule=()):
    fits = device == "cuda" and execution.images_per_pass is None
    bundle = SimpleNamespace(device=torch.device(device), family=FAMILY, is_loaded=False, fits_the_card=fits)
    entry = SimpleNamespace(full_name="iceb/emcid")
    method = SimpleNamespace(method=EMCID(), entry=entry, key=lambda *asked: "")
    edits = SimpleNamespace(has=lambda key: False)
    parts = SimpleNamespace(method=method, bundle=bundle, execution=execution, edits=edits)
    spec = SimpleNamespace(draws=1, replicates=1, precision="float32")
    batches = edit_batches(schedule) or [SimpleNamespace(requests=REQUESTS)]
    return SimpleNamespace(parts=parts, batches=batches, schedule=schedule, spec=spec)


def gpu_of(monkeypatch, size):
    monkeypatch.setattr(module, "free_bytes", lambda device: size)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=size))


def test_a_large_gpu_is_planned_with_the_passes_that_it_fits(monkeypatch):
    gpu_of(monkeypatch, 140 * 10**9)
    need, found = memory_need(EMCID(), FAMILY, REQUESTS), planned_memory(plan("cuda"))
    assert (found.together, found.images) == (26, 32)
    assert found.peak == need.peak(26, images=32) > 2 * need.peak(8)
    assert "26 concepts trained at once (by the memory that is free now)" in found.line


def test_what_fits_24_gb_is_judged_by_the_pass_that_such_a_card_takes(monkeypatch):
    gpu_of(monkeypatch, 140 * 10**9)
    asked = plan("cuda")
    asked.parts.method.method = UCE()
    found = planned_memory(asked)
    assert found.peak > 24e9 > found.small
    assert found.line.endswith("; fits a card of 24 GB")


def test_a_card_of_24_gb_is_planned_with_fewer_concepts(monkeypatch):
    gpu_of(monkeypatch, 24 * 10**9)
    found = planned_memory(plan("cuda"))
    assert found.together == 3  # the weights take their part, and a tenth stays free
    assert found.peak < 24e9
    assert found.line.endswith("fits a card of 24 GB")


def test_edits_that_are_made_alone_are_planned_with_the_batches_trained_ahead():
    alone = one_by_one(EditBatch(each.id, (each,)) for each in REQUESTS)
    assert planned_memory(plan("cpu", schedule=alone)).together == 8
    asked = Execution(concepts_at_once=40)
    assert planned_memory(plan("cpu", asked, alone)).together == 40


@pytest.mark.parametrize(
    ("device", "execution", "together", "words"),
    [
        ("cpu", DEFAULT, 8, "8 concepts trained at once (the default; on a GPU a run takes 1 to 32 by its free"),
        ("cuda", Execution(concepts_at_once=5, images_per_pass=2), 5, "5 concepts trained at once (as asked for)"),
    ],
)
def test_what_was_asked_for_and_the_default_are_named_as_such(device, execution, together, words):
    found = planned_memory(plan(device, execution))
    need = memory_need(EMCID(), FAMILY, REQUESTS)
    assert (found.together, found.images) == (together, execution.images_per_pass or FAMILY.images_per_pass(device))
    assert found.peak == need.peak(together, images=found.images)
    assert words in found.line
    assert "a card of 24 GB holds 4 (`concepts_at_once=4`)" in found.line
