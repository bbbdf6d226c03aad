"""Measure what the shipped mini achieves and write iceb/mini/weights/report.json.

python tools/measure_mini.py                 # a few minutes on two CPU cores
python tools/measure_mini.py --upstream DIR  # also the authors' own AICE prompts, from their files
"""

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from iceb.datasets import open_dataset
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.report.mini_quality import MiniReport
from iceb.specs.datasets import ConceptDataset
from iceb.specs.schedules import edit_batches

REPORT = Path(__file__).parents[1] / "iceb/mini/weights/report.json"
REQUESTS = 300
RENDERS, COLOURED = 5000, 300  # samples of two rows


def right_class(report: MiniReport, data: ConceptDataset, role: str) -> float:
    """Mean probability of the right class over all prompts of a role, for all 300 requests."""
    (batch,) = edit_batches(data.schedule(REQUESTS))
    prompts = [p for p in (*data.prompts(batch), *data.shared_prompts(REQUESTS)) if p.role == role]
    return round(report.right_class(prompts), 4)


def measure_rows(report: MiniReport, upstream: Path | None) -> dict[str, float]:
    """All rows of the report; the authors' prompts are used if the folder of their files is given."""
    embedded = open_dataset("aice", "embedded")
    rows = {
        "right_class_edit_prompts": right_class(report, embedded, "source"),
        "right_class_holdout": right_class(report, embedded, "holdout"),
        "right_class_aliases": right_class(report, embedded, "alias"),
    }
    if upstream:
        theirs = open_dataset("aice", str(upstream))
        rows["right_class_upstream_prompts"] = right_class(report, theirs, "source")
        rows["right_class_upstream_holdout"] = right_class(report, theirs, "holdout")
    rows["judge_accuracy_on_renders"] = round(report.judge_accuracy(RENDERS), 4)
    rows["colour_obeyed"] = round(report.colour_obeyed(COLOURED), 4)
    rows["patched_after_layer_10"] = round(
        report.patch_success(edit_batches(embedded.schedule(REQUESTS))[0].requests), 4
    )
    return rows


def circumstances() -> dict[str, Any]:
    """Versions and hardware that the numbers were measured with."""
    return {
        "versions": {name: version(name) for name in ("torch", "diffusers", "transformers")},
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


def main() -> None:
    """Measure and replace the rows of the report; its other entries stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", type=Path, help="the folder of the authors' files")
    args = parser.parse_args()
    bundle, began = ModelBundle(find("mini"), "cpu"), time.time()
    rows = measure_rows(MiniReport.of(bundle), args.upstream)
    found = {"model_digest": bundle.digest, "measured": rows, "seconds": round(time.time() - began, 1)}
    found |= circumstances()
    kept = json.loads(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}
    REPORT.write_text(json.dumps({**kept, **found}, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
