"""What messages below the command line may say: fields of the Python API, never the command line's options.

`iceb.cli.option_names` writes the option where a message has a field in backticks (see `iceb.base.errors`).
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from iceb.cli.option_names import FIELD, OPTIONS

ROOT = Path(__file__).parents[1]
TOP = ("iceb", "methods", "metrics", "baselines")
COMMANDS = (
    "apply",
    "cache",
    "check",
    "data",
    "docs",
    "edit",
    "evaluate",
    "explain",
    "grid",
    "leaderboard",
    "list",
    "runs",
    "score",
    "status",
    "try",
    "tune",
    "work",
)
SPOKEN = re.compile(rf"--[a-z]|\biceb (?:{'|'.join(COMMANDS)}|show)\b")

# Texts that stay, with the reason. A new one is refused; so is an entry whose text is gone.
STAY = {
    "iceb/base/files.py: iceb cache --prune": "the command is the remedy",
    "iceb/datasets/__init__.py: iceb list datasets": "the command is the remedy",
    "iceb/datasets/aice_rows.py: iceb data fetch aice": "the command is the remedy",
    "iceb/datasets/artists.py: iceb data fetch artists": "the command is the remedy",
    "iceb/datasets/mace_lists.py: iceb data fetch": "the command is the remedy",
    "iceb/datasets/locate.py: iceb data fetch": "the command is the remedy",
    "iceb/datasets/rectification.py: iceb data fetch rectification": "the command is the remedy",
    "iceb/datasets/single_edits.py: iceb data fetch": "the command is the remedy",
    "iceb/conformance/parts/datasets.py: iceb data fetch": "the command is the remedy",
    "iceb/registry.py: iceb list": "the command shows all names, of other packages too",
    "iceb/running/handed_images.py: iceb show prompts": "the command shows how files are named",
    "iceb/running/measure_choice.py: iceb list measures": "the command shows all names",
    "iceb/running/method_context.py: iceb list measures": "the command shows all names",
    "iceb/running/setting_types.py: iceb show method": "the command shows all settings",
    "iceb/specs/records.py: --precision": "a row's label: no method's setting can have this name",
    "iceb/runs/provenance.py: --out": "takes options out of a recorded command",
    "iceb/runs/provenance.py: --cache": "takes options out of a recorded command",
    "iceb/runs/provenance.py: --ray": "takes options out of a recorded command",
    "iceb/runs/provenance.py: --porcelain": "an option of git",
    "iceb/runs/provenance.py: --error-unmatch": "an option of git",
    "iceb/runs/provenance.py: --untracked-files": "an option of git",
    "iceb/runs/provenance.py: --is-inside-work-tree": "an option of git",
    "iceb/running/workers/cluster_file.py: --gres": "an option of SLURM",
    "iceb/running/workers/launching.py: --job-name": "options of SLURM",
    "iceb/running/workers/launching.py: --array": "an option of SLURM",
    "iceb/running/workers/launching.py: --dependency": "an option of SLURM",
    "iceb/running/workers/launching.py: --parsable": "an option of SLURM",
    "iceb/running/workers/launching.py: --shard": "starts a worker",
    "iceb/running/workers/launching.py: --result": "starts the job that writes the result",
    "iceb/running/workers/local.py: --shard": "starts a worker",
    "iceb/leaderboard/render.py: iceb leaderboard": "the command that writes the page",
    "iceb/tuning/adoption.py: iceb tune": "a recipe names the command that chose it",
    "iceb/report/method_pages.py: iceb docs": "the command that writes the page",
    "iceb/report/metric_pages.py: iceb docs": "the command that writes the page",
    "iceb/report/task_pages.py: iceb docs": "the command that writes the page",
    "iceb/report/task_pages.py: iceb evaluate": "the page shows the command that runs the task",
    "iceb/report/task_pages.py: --metric": "the page shows the option that adds a metric",
}


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """(file, text) of every string below the command line, without docstrings."""
    return tuple(_texts())


def _texts() -> Iterator[tuple[str, str]]:
    for path in sorted(path for top in TOP for path in (ROOT / top).rglob("*.py")):
        if path.is_relative_to(ROOT / "iceb" / "cli"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                yield path.relative_to(ROOT).as_posix(), node.value


def stays(file: str, text: str) -> set[str]:
    return {entry for entry in STAY if entry.startswith(f"{file}: ") and entry.removeprefix(f"{file}: ") in text}


def test_no_message_below_the_command_line_names_an_option_or_a_command():
    wrong = [f"{file}: {text!r}" for file, text in texts() if SPOKEN.search(text) and not stays(file, text)]
    assert not wrong, "\n".join(wrong)


def test_every_exception_is_still_there():
    assert set(STAY) == set().union(*(stays(file, text) for file, text in texts()))


def named_fields() -> Iterator[tuple[str, str]]:
    """(file, field) of every field in backticks, without values to give."""
    for file, text in texts():
        yield from ((file, found[1]) for found in FIELD.finditer(text) if found[2] is None)


def test_every_field_that_a_message_of_the_core_names_has_an_option():
    core = {(file, field) for file, field in named_fields() if file.startswith("iceb/")}
    foreign = {("iceb/delivery/apply.py", "torch_dtype")}  # an argument of diffusers
    assert {(file, field) for file, field in core if field not in OPTIONS} == foreign


def test_no_text_of_a_method_has_a_setting_in_backticks_that_is_an_option_too():
    assert not {(file, field) for file, field in named_fields() if file.startswith("methods/") and field in OPTIONS}
