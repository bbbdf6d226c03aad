"""Settings of speed and memory reach a run, stand in its result, and change neither its id nor what it reuses."""

from dataclasses import dataclass
from typing import Any

import torch
import toy

from iceb.models import drawing
from iceb.running.evaluate import evaluate
from iceb.specs.execution import Execution
from iceb.specs.methods import Edit


@dataclass(frozen=True)
class Counts(toy.Shake):
    """Notes the threads and the settings it computes with."""

    def edit(self, bundle: Any, requests: Any, *, context: Any) -> Edit:
        edit = super().edit(bundle, requests, context=context)
        wanted = context.execution.concepts_at_once or 0
        return Edit(edit.weights, log={"threads": torch.get_num_threads(), "together": wanted})


def test_a_run_follows_its_execution_settings_and_records_them(tiny_sd_folder, tmp_path):
    before, plan = torch.get_num_threads(), toy.make_plan(tiny_sd_folder, tmp_path, Counts())
    plan.parts.execution = Execution("cpu", concepts_at_once=5, precision="tf32", workers=before + 1)
    result = evaluate(plan)
    assert result.log == {"threads": before + 1, "together": 5}
    assert torch.get_num_threads() == before
    size = plan.parts.bundle.images_per_pass.size
    said = {"concepts_at_once": 5, "precision": "tf32", "workers": before + 1, "images_per_pass": size}
    assert result.execution == {"device": "cpu", **said}


def test_a_run_whose_passes_do_not_fit_goes_on_in_smaller_ones(tiny_sd_folder, tmp_path, monkeypatch):
    plain, whole = evaluate(toy.make_plan(tiny_sd_folder, tmp_path / "plain")), drawing.draw_pass
    asked: list[int] = []

    def with_room_for_two(bundle, away, toward, noise, sampling):
        asked.append(len(noise))
        if len(noise) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return whole(bundle, away, toward, noise, sampling)

    monkeypatch.setattr(drawing, "draw_pass", with_room_for_two)
    short = evaluate(toy.make_plan(tiny_sd_folder, tmp_path / "short"))
    assert short.id == plain.id
    assert short.execution["images_per_pass"] == 2
    assert max(asked[8:]) == 2
    assert short.cost.images_drawn == plain.cost.images_drawn
    again = toy.make_plan(tiny_sd_folder, tmp_path / "plain")
    again.parts.execution = Execution(images_per_pass=2)
    assert evaluate(again).cost.images_drawn == 0
