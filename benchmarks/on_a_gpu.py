"""Measure drawing and EMCID's stage I on a GPU, and run the tests for one, in under eight minutes.

    python benchmarks/on_a_gpu.py [--seconds 420] [--tiny]

The model has SD-1.4's shapes and random weights, so nothing is fetched; what is timed does not depend on weights. Every
way of drawing is timed in turn, several times, in one process. On a GPU, and only there, what was measured is written
to results/on_a_gpu.json after each part. `--tiny` runs the same code on tiny shapes on a processor: it tries the script
and measures no GPU.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from emcid_stage1 import concepts, run
from random_model import SD14, TINY, Shape, random_pipeline
from ways_of_drawing import ONE, OURS, PASSES, SEVERAL, Ways

from iceb.base.messages import reason
from iceb.base.out_of_memory import out_of_memory
from iceb.methods.common.denoiser import Denoiser
from iceb.methods.common.text_encoder import TextTower
from iceb.methods.common.training import training_passes
from iceb.methods.emcid.settings import Stage1
from iceb.models.opening import choose_kernels
from iceb.runs.provenance import Origin
from iceb.specs.runs import Precision

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "on_a_gpu.json"
PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bfloat16")
Record = dict[str, Any]


def main() -> None:
    """Measure each part, and print and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=420, help="after which no further part is begun")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes on a processor: no measurement of a GPU")
    asked = parser.parse_args()
    if not asked.tiny and not torch.cuda.is_available():
        raise SystemExit("torch finds no GPU here: run it on one, or try the script with --tiny")
    if asked.tiny:
        print("No GPU is measured: tiny shapes on a processor, which try the script and nothing else.")
    device = torch.device("cpu" if asked.tiny else "cuda")
    choose_kernels(device)
    measure(TINY if asked.tiny else SD14, device, time.perf_counter() + asked.seconds)


def measure(shape: Shape, device: torch.device, until: float) -> Record:
    """Measure part after part as long as there is time.

    Args:
        until: the time, by `time.perf_counter`, after which no part is begun.
    """
    origin = Origin.now(device).to_provenance()
    found: Record = {"machine": origin.device, "model": shape.name, "commit": origin.commit, "dirty": origin.dirty}
    found |= {"torch": torch.__version__, "dtype": shape.dtype, "pixels": shape.sampling.height}
    parts: dict[str, Callable[[], Any]] = {
        "peak_tflops": lambda: matmul_peak(device, shape.matmul),
        "drawing": lambda: drawing(shape, device, found.get("peak_tflops"), until),
        "stage1": lambda: stage1(shape, device),
        "deterministic": lambda: deterministic_cost(shape, device, until),
        "gpu_tests": lambda: gpu_tests(device, until),
    }
    for name, part in parts.items():
        found[name] = _outcome(part) if time.perf_counter() < until else "no time was left"
        print(f"{name}: {json.dumps(found[name], indent=1)}", flush=True)
        if device.type == "cuda":
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def _outcome(part: Callable[[], Any]) -> Any:
    """Run a part; return what it found, or its error: the parts after it are measured all the same."""
    try:
        return part()
    except RuntimeError as error:
        return {"failed": reason(error, 300)}


def seconds(device: torch.device, work: Callable[[], object]) -> float:
    """Wall-clock seconds of `work`, the GPU's part included."""
    synchronize(device)
    began = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - began


def synchronize(device: torch.device) -> None:
    """Wait for a GPU; nothing on a processor."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matmul_peak(device: torch.device, side: int, times: int = 20) -> float:
    """TFLOP/s of products of two square bfloat16 matrices, the best of five rounds."""
    one, other = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))

    def products() -> None:
        for _ in range(times):
            one @ other

    products()
    return 2 * side**3 * times / min(seconds(device, products) for _ in range(5)) / 1e12


def drawing(shape: Shape, device: torch.device, peak: Any, until: float) -> Record:
    """Images a second of each way of drawing, files written; TFLOP/s and share of the peak.

    Args:
        peak: TFLOP/s; anything else where it was not measured.
        until: the time after which no further round is begun, but the first.
    """
    ways = Ways(shape, device)
    for way in ways.all.values():
        way()  # warm up: kernels are chosen, passes fitted to the card
    peak = peak if isinstance(peak, float) else None
    counts, rounds = {ONE: 1, SEVERAL: shape.together, OURS: PASSES * ways.size}, list[dict[str, float]]()
    while len(rounds) < shape.rounds and (not rounds or time.perf_counter() < until):
        rounds.append({name: counts[name] / seconds(device, way) for name, way in ways.all.items()})
    operations = {name: ways.operations(name) for name in ways.all}
    found: Record = {"rounds": len(rounds), "images_per_pass": ways.size, "ways": {}}
    for name, each in operations.items():
        speed = median(one[name] for one in rounds)
        rate = each * speed / 1e12
        found["ways"][name] = {
            "images_a_second": speed,
            "tflop_an_image": each / 1e12,
            "tflops": rate,
            "share_of_peak": rate / peak if peak else None,
            "iceb_is_times_as_fast": median(one[OURS] / one[name] for one in rounds),
        }
    ways.folder.cleanup()
    return found


def stage1(shape: Shape, device: torch.device) -> list[Record]:
    """Seconds a concept, and peak memory, of EMCID's stage I by precision and number of concepts at once."""
    pipeline = random_pipeline(shape, device, torch.float32)
    tower = TextTower(pipeline.text_encoder, pipeline.tokenizer)
    found: list[Record] = []
    for count in shape.concepts:
        for precision in PRECISIONS if device.type == "cuda" else PRECISIONS[:1]:
            denoiser = Denoiser(pipeline.unet, pipeline.vae, pipeline.scheduler, precision)
            about: Record = {"concepts_at_once": count, "precision": precision, "steps": shape.steps}
            found.append(about | _stage1_at(tower, denoiser, count, shape.steps))
    return found


def _stage1_at(tower: TextTower, denoiser: Denoiser, count: int, steps: int) -> Record:
    """One measurement; "out of memory" where it does not fit."""
    device, work = denoiser.device, concepts(count)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    try:
        with training_passes(denoiser.precision):
            run(tower, denoiser, work, Stage1(steps=1), count)  # warm up
            taken = run(tower, denoiser, work, Stage1(steps=steps), count)[1]
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        return {"failed": "out of memory"}
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
    full = Stage1().steps
    each = taken / count
    return {"seconds_a_concept": each, f"in_proportion_at_{full}_steps": each * full / steps, "peak_gib": peak}


def deterministic_cost(shape: Shape, device: torch.device, until: float) -> Record:
    """Cost of deterministic kernels, the default: drawing and stage I with and without, in turn.

    Args:
        until: the time after which no further round is begun, but the first.
    """
    ways, pipeline = Ways(shape, device), random_pipeline(shape, device, torch.float32)
    tower = TextTower(pipeline.text_encoder, pipeline.tokenizer)
    denoiser = Denoiser(pipeline.unet, pipeline.vae, pipeline.scheduler)
    work, settings = concepts(shape.concepts[0]), Stage1(steps=shape.steps)
    both = {"drawing": ways.by_iceb, "stage1": lambda: run(tower, denoiser, work, settings, len(work))}
    found: Record = {}
    for name, each in both.items():
        for deterministic in (True, False):
            _seconds_with(deterministic, device, each)  # warm up: kernels are chosen
        rounds = list[tuple[float, float]]()
        while len(rounds) < shape.rounds and (not rounds or time.perf_counter() < until):
            rounds.append((_seconds_with(True, device, each), _seconds_with(False, device, each)))
        found[name] = {"rounds": len(rounds), "times_as_long": median(slow / fast for slow, fast in rounds)}
    ways.folder.cleanup()
    return found


def _seconds_with(deterministic: bool, device: torch.device, work: Callable[[], object]) -> float:
    """Seconds of `work` with cuDNN's deterministic kernels, or with whichever it chooses."""
    cudnn = torch.backends.cudnn
    before, cudnn.deterministic = cudnn.deterministic, deterministic
    try:
        return seconds(device, work)
    finally:
        cudnn.deterministic = before


def gpu_tests(device: torch.device, until: float) -> str:
    """The last line of pytest on the tests for GPUs."""
    if device.type != "cuda":
        return "not run: they need a CUDA device"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/gpu"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=until - time.perf_counter())
    except subprocess.TimeoutExpired:
        return "not finished when time was over"
    return (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]


if __name__ == "__main__":
    main()
