"""The record of a training, training.json in its folder: how each stage was trained."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from iceb.base.files import write_atomic
from iceb.models.sources import find
from iceb.runs.provenance import Origin
from tools.mini.denoiser_phases import TEXT_PHASES
from tools.mini.options import Options
from tools.mini.training import LOG

NAME = "training.json"
LEGS: Mapping[str, tuple[str, ...]] = {  # the checkpoints of each stage, in their order
    "text": ("text",),
    "autoencoder": ("autoencoder",),
    "denoiser": ("oracle", *(phase.name for phase in TEXT_PHASES)),
    "judge": ("judge",),
    "clip": ("clip",),
}
PACKAGES = ("torch", "diffusers", "transformers", "open_clip_torch")


def record_stage(out: Path, stage: str, options: Options, weights: Path | None = None) -> None:
    """Write a stage into the folder's record; one whose steps stand there already stays as it is.

    Args:
        out: the training's folder.
        stage: its name.
        options: of the training; they hold for all stages.
        weights: where the stage wrote the model, if it did.
    """
    path = out / NAME
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"stages": {}}
    legs = {leg: leg_of(out / f"{leg}.pt") for leg in LEGS.get(stage, ())}
    model = {} if weights is None else {"model": find(str(weights / "pipeline")).ref.revision}
    before = kept["stages"].get(stage)
    if before is None or any(before.get(name) != now for name, now in {"legs": legs, **model}.items()):
        kept["stages"][stage] = {"legs": legs, **model, **circumstances()}
    said = {"seed": options.seed, "without": sorted(options.without), "share": options.share}
    write_atomic(path, (json.dumps({"options": said, **kept}, indent=1) + "\n").encode())


def leg_of(keep: Path) -> dict[str, Any]:
    """Steps, seconds and losses of a checkpoint; one of older code has steps alone."""
    kept = torch.load(keep, weights_only=True)
    log = kept.get(LOG)
    if log is None:
        return {"steps": int(kept["step"])}
    losses = [[step, round(loss, 5)] for step, loss in log["losses"]]
    return {"steps": int(kept["step"]), "seconds": round(log["seconds"], 1), "losses": losses}


def circumstances() -> dict[str, Any]:
    """The code, versions and machine of now."""
    origin = Origin.now(torch.device("cpu")).to_provenance()
    return {
        "commit": origin.commit,
        "dirty": origin.dirty,
        "machine": origin.device,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "finished": origin.finished,
    }
