"""Compute every metric's score of its frozen inputs, and find scores that changed under one version.

    python tools/golden_scores.py            # list what differs from tests/golden/metric_scores.json
    python tools/golden_scores.py --write    # record versions that have no score yet; no recorded score is changed
    python tools/golden_scores.py --again    # record every score again: the reduction changed, which has no version

The exit code is 1 where something differs.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb import registry
from iceb.specs.metrics import Metric, Need
from iceb.specs.reduce import reduce_values
from tools.golden_inputs import Block, block_name, made_block, measured_side

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
INPUTS, SCORES = GOLDEN / "metric_inputs.json", GOLDEN / "metric_scores.json"
FIELDS = ("value", "stderr", "low", "high", "before", "after", "n", "concepts", "note")
CLOSE = 1e-9  # relative and absolute; sums in another order differ by less
RECORD = "python tools/golden_scores.py --write"
Blocks: TypeAlias = dict[str, Block]
Numbers: TypeAlias = Mapping[str, Any]  # of a score, by field
Records: TypeAlias = dict[str, dict[str, Numbers]]  # metric → version → score


def our_metrics() -> dict[str, Metric]:
    """Every registered metric of ours."""
    return {entry.name: entry.load() for entry in registry.entries_of("metrics") if entry.package == registry.OWN}


def read(path: Path) -> dict[str, Any]:
    """A golden file; empty where there is none."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def golden_score(metric: Metric, blocks: Blocks) -> Numbers:
    """A metric's score of the frozen inputs.

    Raises:
        IcebError: whatever the metric or the reduction finds wrong with them.
    """
    measured = {
        need.key: {side: measured_side(blocks[block_name(need)], need, side) for side in need.sides}
        for need in metric.needs
    }
    score = reduce_values(metric(measured), metric.reduction)
    return {field: getattr(score, field) for field in FIELDS}


def problems(metrics: Mapping[str, Metric], blocks: Blocks, records: Records) -> list[str]:
    """The differences from the recorded scores, a line each; none where every score is as it was."""
    found = [
        line for name, metric in metrics.items() if (line := _problem(name, metric, blocks, records.get(name, {})))
    ]
    return found + [
        f"{name} has recorded scores and is no metric: remove them" for name in records if name not in metrics
    ]


def _problem(name: str, metric: Metric, blocks: Blocks, records: Mapping[str, Numbers]) -> str:
    if lacking := [block_name(need) for need in metric.needs if block_name(need) not in blocks]:
        return f"{name} reads {', '.join(dict.fromkeys(lacking))}, of which there are no frozen inputs: {RECORD}"
    known = records.get(str(metric.version))
    if known is None:
        return f"version {metric.version} of {name} has no recorded score: record it with {RECORD}"
    made = golden_score(metric, blocks)
    if changed := [field for field in FIELDS if not _agree(known[field], made[field])]:
        field = changed[0]
        what = "score" if field == "value" else field
        return (
            f"the {what} of {name} changed from {known[field]!r} to {made[field]!r} while its version stayed "
            f"{metric.version}: raise `version` of {name} and record it with {RECORD}, or restore what was changed"
        )
    return ""


def _agree(said: Any, made: Any) -> bool:
    if isinstance(said, float) and isinstance(made, float):
        return math.isclose(said, made, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(said == made)


def complete_inputs(metrics: Mapping[str, Metric], blocks: Blocks) -> Blocks:
    """The frozen inputs, and those that metrics read and that are not there yet."""
    needs: dict[str, list[Need]] = {}
    for metric in metrics.values():
        for need in metric.needs:
            needs.setdefault(block_name(need), []).append(need)
    return {name: blocks.get(name) or made_block(found) for name, found in sorted(needs.items())}


def record_scores(metrics: Mapping[str, Metric], blocks: Blocks, records: Records, *, again: bool = False) -> Records:
    """The records with the versions that have none; `again` makes those of the present versions anew."""
    found: Records = {}
    for name, metric in sorted(metrics.items()):
        known, version = records.get(name, {}), str(metric.version)
        fresh = {version: golden_score(metric, blocks)} if again or version not in known else {}
        found[name] = {**known, **fresh}
    return found


def write(blocks: Blocks, records: Records) -> None:
    """Write both files, a line for each block and version."""
    lines = [f" {json.dumps(name)}: {json.dumps(block, separators=(',', ':'))}" for name, block in blocks.items()]
    INPUTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    lines = [f" {json.dumps(name)}: {_versions(found)}" for name, found in records.items()]
    SCORES.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _versions(records: Mapping[str, Numbers]) -> str:
    lines = [f"  {json.dumps(version)}: {json.dumps(score, ensure_ascii=False)}" for version, score in records.items()]
    return "{\n" + ",\n".join(lines) + "\n }"


def main(arguments: list[str] | None = None) -> int:
    """List what differs, or record; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="record versions that have no score yet")
    action.add_argument("--again", action="store_true", help="record every score again")
    chosen = parser.parse_args(arguments)
    metrics, blocks, records = our_metrics(), read(INPUTS), read(SCORES)
    if chosen.write or chosen.again:
        blocks = complete_inputs(metrics, blocks)
        records = record_scores(metrics, blocks, records, again=chosen.again)
        write(blocks, records)
    found = problems(metrics, blocks, records)
    print("\n".join([*found, f"{len(metrics) - len(found)} of {len(metrics)} scores are as recorded"]))
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
