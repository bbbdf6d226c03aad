"""The benchmark for GPUs runs, on tiny shapes and a processor, and leaves no result of one there."""

import sys
import time

import on_a_gpu
import pytest
import torch
from on_a_gpu import ONE, OURS, SEVERAL, main, measure
from random_model import SD14, TINY, random_pipeline

CPU = torch.device("cpu")


def test_every_part_is_measured_and_nothing_is_written_on_a_processor(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(on_a_gpu, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(sys, "argv", ["on_a_gpu.py", "--tiny"])
    found = []
    monkeypatch.setattr(on_a_gpu, "measure", lambda *given: found.append(measure(*given)))
    main()
    drawing, stage1 = found[0]["drawing"], found[0]["stage1"]
    assert capsys.readouterr().out.startswith("No GPU is measured")
    assert not list(tmp_path.iterdir())
    assert found[0]["peak_tflops"] > 0
    for way in (ONE, SEVERAL, OURS):
        one = drawing["ways"][way]
        assert one["tflops"] == pytest.approx(one["tflop_an_image"] * one["images_a_second"])
        assert one["share_of_peak"] == pytest.approx(one["tflops"] / found[0]["peak_tflops"])
    assert drawing["ways"][OURS]["iceb_is_times_as_fast"] == 1
    assert drawing["ways"][ONE]["tflop_an_image"] == drawing["ways"][SEVERAL]["tflop_an_image"]
    assert (
        0.5 < drawing["ways"][OURS]["tflop_an_image"] / drawing["ways"][ONE]["tflop_an_image"] < 1.1
    )  # texts in fours
    assert stage1[0]["in_proportion_at_200_steps"] == pytest.approx(200 * stage1[0]["seconds_a_concept"])
    assert all(found[0]["deterministic"][name]["times_as_long"] > 0 for name in ("drawing", "stage1"))
    assert not torch.backends.cudnn.deterministic
    assert "need a CUDA device" in found[0]["gpu_tests"]


def test_a_part_that_fails_or_has_no_time_left_holds_up_no_other(monkeypatch):
    monkeypatch.setattr(on_a_gpu, "matmul_peak", lambda *_: (_ for _ in ()).throw(RuntimeError("CUDA out of memory")))
    monkeypatch.setattr(on_a_gpu, "drawing", lambda *_: time.sleep(0.2))
    found = measure(TINY, CPU, time.perf_counter() + 0.1)
    assert found["peak_tflops"] == {"failed": "CUDA out of memory"}
    assert found["drawing"] is None
    assert found["stage1"] == found["gpu_tests"] == "no time was left"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_real_shapes_are_refused(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["on_a_gpu.py"])
    with pytest.raises(SystemExit, match="--tiny"):
        main()


def test_the_large_model_has_the_parameters_of_stable_diffusion():
    pipeline = random_pipeline(SD14, torch.device("meta"), torch.bfloat16)
    counts = {name: getattr(pipeline, name).num_parameters() for name in ("unet", "vae", "text_encoder")}
    assert counts == {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480}
