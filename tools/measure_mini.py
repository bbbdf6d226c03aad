"""Measure what the shipped mini achieves and write iceb/mini/weights/report.json.

python tools/measure_mini.py                 # a few minutes on two CPU cores
python tools/measure_mini.py --upstream DIR  # also the authors' own AICE prompts, from their files

Rows by the CLIP twin are null, with a note, where its weights are not installed.
"""

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from iceb.base.errors import ModelError
from iceb.datasets import open_dataset
from iceb.mini.clip_twin import ClipTwin
from iceb.mini.world import class_names
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.report.mini_quality.classes import MiniReport
from iceb.report.mini_quality.pairs import PairReport
from iceb.report.mini_quality.patching import class_ratios
from iceb.report.mini_quality.recognition import Kind, TwinReport
from iceb.specs.datasets import ConceptDataset
from iceb.specs.schedules import edit_batches

REPORT = Path(__file__).parents[1] / "iceb/mini/weights/report.json"
REQUESTS = 300
RENDERS, DRAWN, PATCHED = 5000, 300, 150  # samples of the rows that are about no fixed prompts
GENDERS, ODDS = 4, 32  # images of each profession
KINDS: tuple[Kind, ...] = ("class", "style", "identity")
Rows = dict[str, float | None]


def right_class(report: MiniReport, data: ConceptDataset, role: str) -> float:
    """Mean probability of the right class over all prompts of a role, for all 300 requests."""
    (batch,) = edit_batches(data.schedule(REQUESTS))
    prompts = [p for p in (*data.prompts(batch), *data.shared_prompts(REQUESTS)) if p.role == role]
    return report.right_class(prompts)


def class_rows(report: MiniReport, upstream: Path | None) -> Rows:
    """Rows about classes; the authors' prompts are used if the folder of their files is given."""
    embedded = open_dataset("aice", "embedded")
    rows: Rows = {
        "right_class_edit_prompts": right_class(report, embedded, "source"),
        "right_class_holdout": right_class(report, embedded, "holdout"),
        "right_class_aliases": right_class(report, embedded, "alias"),
    }
    if upstream:
        theirs = open_dataset("aice", str(upstream))
        rows["right_class_upstream_prompts"] = right_class(report, theirs, "source")
        rows["right_class_upstream_holdout"] = right_class(report, theirs, "holdout")
    rows["judge_accuracy_on_renders"] = report.judge_accuracy(RENDERS)
    rows["judge_accuracy_on_styled_renders"] = report.judge_accuracy(RENDERS, "styled")
    rows["judge_accuracy_on_decoded_renders"] = report.judge_accuracy(RENDERS, "decoded")
    rows["colour_obeyed"] = report.colour_obeyed(DRAWN)
    rows["patched_after_layer_10"] = report.patch_success(edit_batches(embedded.schedule(REQUESTS))[0].requests)
    return rows


def pair_rows(report: PairReport) -> Rows:
    """Rows about two objects in an image."""
    colours = report.colours_bound(DRAWN)
    return {
        "judge_accuracy_on_halves_of_renders": report.judge_accuracy(RENDERS // 2),
        "two_objects_right": report.objects_right(DRAWN),
        "two_colours_bound": colours.bound,
        "two_colours_swapped": colours.swapped,
    }


def state_rows(bundle: ModelBundle) -> Rows:
    """Participation ratios at the last subject token in layer 10."""
    found = class_ratios(bundle, class_names())
    return {"ratio_of_class_states": found.states, "ratio_of_class_keys": found.keys}


def twin_rows(report: TwinReport) -> Rows:
    """Rows by the CLIP twin."""
    rows: Rows = {f"{kind}_recognised_on_renders": report.render_accuracy(kind, RENDERS // 5) for kind in KINDS}
    rows |= {f"{kind}_recognised": report.accuracy(kind, DRAWN) for kind in KINDS}
    rows["gender_recognised_on_renders"] = report.gender_of_renders(GENDERS)
    rows["gender_obeyed"] = report.gender_obeyed(GENDERS)
    rows["gender_odds_error"] = report.odds_error(ODDS)
    rows |= {f"{kind}_patched_after_layer_10": report.patch_success(kind, PATCHED) for kind in ("style", "identity")}
    return rows


TWIN_ROWS = (
    *(f"{kind}_recognised_on_renders" for kind in KINDS),
    *(f"{kind}_recognised" for kind in KINDS),
    *("gender_recognised_on_renders", "gender_obeyed", "gender_odds_error"),
    *("style_patched_after_layer_10", "identity_patched_after_layer_10"),
)


def measure_rows(bundle: ModelBundle, upstream: Path | None) -> tuple[Rows, str]:
    """All rows of the report, and why those by the CLIP twin are null; "" where they are not."""
    report = MiniReport.of(bundle)
    rows, note = class_rows(report, upstream) | pair_rows(PairReport(report)) | state_rows(bundle), ""
    try:
        twin = ClipTwin.load_shipped(str(bundle.device))
    except ModelError as error:
        return rows | dict.fromkeys(TWIN_ROWS), str(error)
    return rows | twin_rows(TwinReport(bundle, twin)), note


def circumstances() -> dict[str, Any]:
    """Versions and hardware that the numbers were measured with."""
    return {
        "versions": {name: version(name) for name in ("torch", "diffusers", "transformers", "open_clip_torch")},
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


def main() -> None:
    """Measure and replace the rows of the report; its other entries stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", type=Path, help="the folder of the authors' files")
    args = parser.parse_args()
    bundle, began = ModelBundle(find("mini"), "cpu"), time.time()
    rows, note = measure_rows(bundle, args.upstream)
    rounded = {name: None if value is None else round(value, 4) for name, value in rows.items()}
    found = {"model_digest": bundle.digest, "measured": rounded, "note": note, "seconds": round(time.time() - began, 1)}
    found |= circumstances()
    kept = json.loads(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}
    REPORT.write_text(json.dumps({**kept, **found}, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
