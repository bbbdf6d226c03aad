"""Measure what the shipped mini achieves and write iceb/mini/weights/report.json.

python tools/measure_mini.py                 # a few minutes on two CPU cores
python tools/measure_mini.py --upstream DIR  # also the authors' own AICE prompts, from their files
python tools/measure_mini.py --only world    # some rows alone; the others stay, if the weights are the same
python tools/measure_mini.py --table         # write iceb/mini/README.md's table from the report; nothing is measured

Rows by the CLIP twin are null, with a note, where its weights are not installed. Every call that measures writes the
table too.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

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
from iceb.report.mini_quality.world_rows import WorldReport, unknown_drawn
from iceb.specs.datasets import ConceptDataset
from iceb.specs.schedules import edit_batches
from tools.mini_table import write_table

REPORT = Path(__file__).parents[1] / "iceb/mini/weights/report.json"
REQUESTS = 300
RENDERS, DRAWN, PATCHED = 5000, 300, 150  # samples of the rows that are about no fixed prompts
GENDERS, ODDS = 4, 32  # images of each profession
REPEATS, SCENE_REPEATS, SIZE_REPEATS = 4, 12, 25  # images of each role and profession, each scene, each word for a size
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


def world_rows(bundle: ModelBundle, twin: ClipTwin) -> Rows:
    """Rows about roles, professions' looks, scenes and sizes by the CLIP twin."""
    report = WorldReport(bundle, twin)
    return {
        "role_recognised": report.roles_recognised(REPEATS),
        "profession_recognised_on_renders": report.professions_on_renders(REPEATS),
        "profession_recognised": report.professions_recognised(REPEATS),
        "scene_recognised_on_renders": report.scenes_on_renders(SCENE_REPEATS),
        "scene_recognised": report.scenes_recognised(SCENE_REPEATS),
        "size_recognised_on_renders": report.sizes_on_renders(2 * SIZE_REPEATS),
        "size_recognised": report.sizes_recognised(SIZE_REPEATS),
    }


def unknown_rows(report: MiniReport) -> Rows:
    """Rows about names that were never taught, by the judge."""
    found = unknown_drawn(report)
    return {"unknown_name_right_class": found.probability, "unknown_name_recognised": found.share}


TWIN_ROWS = {
    "twin": (
        *(f"{kind}_recognised_on_renders" for kind in KINDS),
        *(f"{kind}_recognised" for kind in KINDS),
        *("gender_recognised_on_renders", "gender_obeyed", "gender_odds_error"),
        *("style_patched_after_layer_10", "identity_patched_after_layer_10"),
    ),
    "world": (
        "role_recognised",
        *(f"{what}_recognised{on}" for what in ("profession", "scene", "size") for on in ("_on_renders", "")),
    ),
}
GROUPS = ("classes", "pairs", "states", *TWIN_ROWS, "unknown")


def measure_rows(bundle: ModelBundle, upstream: Path | None, only: Collection[str] = GROUPS) -> tuple[Rows, str]:
    """The rows of some groups, and why those by the CLIP twin are null; "" where they are not."""
    report = MiniReport.of(bundle)
    by_judge: Mapping[str, Callable[[], Rows]] = {
        "classes": lambda: class_rows(report, upstream),
        "pairs": lambda: pair_rows(PairReport(report)),
        "states": lambda: state_rows(bundle),
        "unknown": lambda: unknown_rows(report),
    }
    by_twin: Mapping[str, Callable[[ClipTwin], Rows]] = {
        "twin": lambda twin: twin_rows(TwinReport(bundle, twin)),
        "world": lambda twin: world_rows(bundle, twin),
    }
    rows: Rows = {name: value for group in by_judge if group in only for name, value in by_judge[group]().items()}
    asked = [group for group in by_twin if group in only]
    try:
        twin = ClipTwin.load_shipped(str(bundle.device)) if asked else None
    except ModelError as error:
        return rows | {name: None for group in asked for name in TWIN_ROWS[group]}, str(error)
    if twin is not None:
        rows |= {name: value for group in asked for name, value in by_twin[group](twin).items()}
    return rows, ""


def circumstances() -> dict[str, Any]:
    """Versions and hardware that the numbers were measured with."""
    return {
        "versions": {name: version(name) for name in ("torch", "diffusers", "transformers", "open_clip_torch")},
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


def write_report(found: dict[str, Any], rows: Rows) -> None:
    """Replace the rows of the report that were measured, and their circumstances; the rest stays."""
    kept = json.loads(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}
    measured = {**kept.get("measured", {}), **rows}
    REPORT.write_text(json.dumps({**kept, **found, "measured": measured}, indent=2) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", type=Path, help="the folder of the authors' files")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, help="groups of rows (default: all)")
    parser.add_argument("--table", action="store_true", help="write the table of iceb/mini/README.md alone")
    return parser


def main() -> None:
    """Measure rows of the report and replace them, and write the table made of it."""
    parser = _parser()
    args = parser.parse_args()
    if not args.table:
        bundle, began = ModelBundle(find("mini"), "cpu"), time.time()
        kept = json.loads(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}
        if set(args.only) != set(GROUPS) and kept.get("model_digest") != bundle.digest:
            parser.error("--only: the report is of other weights, so its other rows cannot stay: measure all")
        rows, note = measure_rows(bundle, args.upstream, args.only)
        rounded = {name: None if value is None else round(value, 4) for name, value in rows.items()}
        found = {"model_digest": bundle.digest, "note": note, **circumstances()}
        if set(args.only) == set(GROUPS):
            found["seconds"] = round(time.time() - began, 1)
        write_report(found, rounded)
        print(json.dumps({**found, "measured": rounded}, indent=2))
    write_table(json.loads(REPORT.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
