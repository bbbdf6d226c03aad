"""A batch of concepts follows the free memory of a GPU, and nothing changes elsewhere."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from iceb.methods.emcid import EMCID
from iceb.methods.uce import UCE
from iceb.methods.uce_debias import UCEDebias
from iceb.methods.uce_debias.shares import PHRASES
from iceb.models.families import FAMILIES
from iceb.models.passes import pass_cost
from iceb.registry import OWN, entries_of
from iceb.running import memory_fit
from iceb.running.memory_fit import MOST_TOGETHER, concepts_in, fit_execution
from iceb.running.memory_need import memory_need
from iceb.running.method_work import WORK, Scale, work_of
from iceb.specs.execution import DEFAULT
from iceb.specs.requests import EditRequest

TEMPLATES = ("An image of {}", "A photo of {}", "{}")
REQUESTS = [EditRequest(f"t/{index}", f"source {index}", ("dest",), TEMPLATES, index) for index in range(20)]


def bundle(device="cuda", family="sd14"):
    return SimpleNamespace(device=torch.device(device), family=FAMILIES[family], pipeline=None)


def test_emcid_on_aice_needs_over_24_gb_at_its_default_and_fits_with_fewer_concepts():
    need = memory_need(EMCID(), FAMILIES["sd14"], REQUESTS)
    row = pass_cost("sd14", "unet_to_text", 512).row_bytes
    weights = 4 * (859_520_964 + 83_653_863 + 123_060_480)
    assert need.peak(8) == pytest.approx(weights + 24 * row, rel=0.01)
    assert need.peak(8) > 24e9 > need.peak(need.fits(24 * 10**9))
    assert need.fits(24 * 10**9) == 4
    assert need.fits(24 * 10**9, checkpointed=True) > 4


@pytest.mark.parametrize(("free", "together"), [(10**9, 1), (20 * 10**9, 3), (10**13, MOST_TOGETHER)])
def test_the_batch_follows_the_free_memory(monkeypatch, free, together):
    monkeypatch.setattr(memory_fit, "free_bytes", lambda device: free)
    fitted = fit_execution(DEFAULT, EMCID(), bundle(), REQUESTS)
    assert fitted == replace(DEFAULT, concepts_at_once=together)
    need = memory_need(EMCID(), FAMILIES["sd14"], REQUESTS)
    assert concepts_in(need, free) == together


def test_what_was_asked_for_and_what_is_no_gpu_or_has_no_shapes_stays(monkeypatch):
    monkeypatch.setattr(memory_fit, "free_bytes", lambda device: 10**13)
    asked = replace(DEFAULT, concepts_at_once=5)
    assert fit_execution(asked, EMCID(), bundle(), REQUESTS) is asked
    assert fit_execution(DEFAULT, EMCID(), bundle("cpu"), REQUESTS) is DEFAULT
    assert fit_execution(DEFAULT, EMCID(), bundle(family="mini"), REQUESTS) is DEFAULT
    assert fit_execution(DEFAULT, UCE(), bundle(), REQUESTS) is DEFAULT


def test_the_passes_of_stage_one_are_those_of_its_settings():
    work = work_of(EMCID(steps=7, images=2, caption_count=11, layers=(9, 10)), Scale(5, 3.0, 4, FAMILIES["sd14"]))
    rows = 5 * 3 * 2
    assert work.passes == Counter(
        {"unet_to_text": 7 * rows, "unet": 7 * rows, "text_to_state": 7 * rows, "encode": rows, "text": 5 * 3 * 2 + 11}
    )
    assert work.drawn == Counter({"unet": rows * 50 * 2, "decode": rows, "text": rows})
    assert work.rows == 6


def test_the_rounds_of_uce_debias_are_counted_to_the_last():
    method = UCEDebias(variant=2023, rounds=3, images=4, sampling_steps=20)
    work = work_of(method, Scale(5, 1.0, 2, FAMILIES["sd14"]))
    count = 3 * 5 * len(PHRASES) * 4
    assert work.drawn == Counter({"unet": count * 20 * 2, "decode": count, "text": count})
    assert work.passes == Counter({"text": 5 * len(PHRASES) * 3})
    assert work_of(UCEDebias(variant=2025, rounds=1), Scale(5, 1.0, 2, FAMILIES["sd14"])).drawn["decode"] == 50


def test_every_method_of_a_task_has_its_work():
    methods = {entry.name for entry in entries_of("methods") if entry.package == OWN}
    assert methods == set(WORK)
