"""Measure what captions decide for EMCID at 300 edits: such that name all, or no, holdout classes.

    python tools/other_corpora.py --cache build/corpora    # both runs, one after another; docs/other_corpora.json
    python tools/other_corpora.py --write                  # write the sentence of docs/mini.md; --check compares it

The corpora are those of `python -m tools.captions`; the natural one is the row of the leaderboard. A run stands in the
record with its command, captions, model and commit. Both share images and value vectors; what the folder holds of a run
is not made again.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.base.digest import digest_file
from iceb.base.errors import IcebError
from iceb.runs.folder import RESULT, folders_with, read_result
from iceb.runs.provenance import Origin
from iceb.specs.results import Result
from tools.captions import captions
from tools.comparison.both_sides import Measured
from tools.fidelity import committed_sides

DOCS = Path(__file__).parents[1] / "docs"
RECORD, PAGE = DOCS / "other_corpora.json", DOCS / "mini.md"
NAMES = ("all", "none")  # kinds of captions beside the natural ones
METHOD, NUM_EDITS, ROW = "emcid", 300, "emcid, tuned for mini with MEMIT's residual"
METRICS = ("holdout_delta", "holdout_seen", "holdout_unseen", "source2dest")
BEGIN, END = "<!-- python tools/other_corpora.py --write -->", "<!-- end -->"
DIFFERS = 1  # an exit code
Scores = Mapping[str, float | None]


def run_arguments(file: Path) -> list[str]:
    """The arguments of `iceb` that make the run with a file of captions, without folders."""
    return [
        *("evaluate", "--method", METHOD, "--task", "aice", "--num-edits", str(NUM_EDITS), "--recipe", "tuned"),
        *("--set", f"captions={file}"),
    ]


def make_run(names: str, cache: Path) -> Result:
    """Write the captions of a kind and make the run.

    Raises:
        SystemExit: it failed.
    """
    file, out = cache / f"{names}.txt", cache / "runs" / names
    cache.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{text}\n" for text in captions(names)), encoding="utf-8")
    command = [sys.executable, "-m", "iceb", *run_arguments(file), "--cache", str(cache / "cache"), "--out", str(out)]
    done = subprocess.run(command, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode != 0:
        raise SystemExit(f"the run with captions that name {names} failed: see what it printed")
    return max((read_result(found / RESULT) for found in folders_with([out], RESULT)), key=_finish_time)


def _finish_time(result: Result) -> str:
    return result.provenance.finished


def entry_of(names: str, result: Result, sha256: str) -> dict[str, Any]:
    """Make the record's entry of a run."""
    scores = {name: score_of(result, name) for name in METRICS}
    return {
        "captions": {"command": f"python -m tools.captions --names {names} --out {names}.txt", "sha256": sha256},
        "command": f"iceb {' '.join(run_arguments(Path(f'{names}.txt')))}",
        "id": result.id,
        "model": result.model.digest,
        "commit": result.provenance.commit,
        "finished": result.provenance.finished,
        "scores": scores,
    }


def score_of(result: Result, name: str) -> dict[str, float | None]:
    """The value and standard error of a metric."""
    score = result.score(name)
    return {"value": score.value if score else None, "stderr": score.stderr if score else None}


def read_record(path: Path = RECORD) -> dict[str, Any]:
    """The recorded runs by the kind of their captions; none where nothing was recorded."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def natural_scores(measured: Measured) -> dict[str, dict[str, float | None]]:
    """The scores of the leaderboard's row, whose captions are the natural ones."""
    fields = ("value", "stderr")
    return {name: {each: measured.mean(ROW, NUM_EDITS, name, each) for each in fields} for name in METRICS}


def sentence(record: Mapping[str, Any], natural: Mapping[str, Scores]) -> str:
    """The sentence of docs/mini.md about the three corpora.

    Raises:
        IcebError: the record lacks a run.
    """
    missing = [names for names in NAMES if names not in record]
    if missing:
        raise IcebError(
            f"{RECORD.name} lacks the run with captions that name {' and '.join(missing)}: make it with "
            "`python tools/other_corpora.py --cache FOLDER`"
        )
    first, last = (record[names]["scores"] for names in NAMES)
    runs = (first, natural, last)
    lost, unseen = ([_loss_text(scores[name]) for scores in runs] for name in ("holdout_delta", "holdout_unseen"))
    edited = [_score_text(scores["source2dest"]) for scores in runs]
    return (
        f"EMCID tuned for mini loses, at 300 edits, {lost[0]} of the holdout with captions that name every class, "
        f"{lost[1]} with the natural ones and {lost[2]} with captions that name no holdout class (of the unseen third "
        f"{unseen[0]}, {unseen[1]} and {unseen[2]}); source2dest is {edited[0]}, {edited[1]} and {edited[2]} "
        "([the runs](other_corpora.json))."
    )


def _loss_text(delta: Mapping[str, float | None]) -> str:
    """The loss of a score of changes, whose sign is the other one: a gain reads as a negative loss."""
    value = delta["value"]
    return _score_text({**delta, "value": None if value is None else -value})


def _score_text(score: Mapping[str, float | None]) -> str:
    value, error = score["value"], score["stderr"]
    if value is None:
        return "–"
    return f"{value:.3f}" + ("" if error is None else f" ± {error:.3f}")


def with_sentence(text: str, said: str) -> str:
    """A page's text with the sentence in its place.

    Raises:
        ValueError: the page has no such place.
    """
    place = re.compile(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if len(place.findall(text)) != 1:
        raise ValueError(f"the page needs {BEGIN} and {END} once, around the sentence")
    filled = textwrap.fill(said, 150, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return place.sub(lambda _: f"{BEGIN}\n{filled}\n  {END}", text)


def measure(cache: Path, kinds: Sequence[str]) -> None:
    """Make the runs and record each at once."""
    for names in kinds:
        result = make_run(names, cache)
        entry = entry_of(names, result, digest_file(cache / f"{names}.txt"))
        RECORD.write_text(json.dumps({**read_record(), names: entry}, indent=1) + "\n", encoding="utf-8")
        print(f"{names}: {entry['scores']}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="for captions, images, edits and run folders")
    parser.add_argument("--names", nargs="+", choices=NAMES, default=NAMES, help="kinds of captions (default: both)")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write the sentence of docs/mini.md, measure nothing")
    action.add_argument("--check", action="store_true", help="fail when docs/mini.md says another")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Make the runs, or write or check the sentence; returns the exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if not (args.write or args.check):
        if args.cache is None:
            parser.error("--cache is required to make the runs")
        if Origin.now(torch.device("cpu")).to_provenance().dirty:
            parser.error("the checkout has uncommitted code, so the record could not say what made a run: commit it")
        measure(args.cache, args.names)
    try:
        said = sentence(read_record(), natural_scores(committed_sides().measured))
    except IcebError as error:
        parser.error(str(error))
    text = PAGE.read_text(encoding="utf-8")
    if args.check:
        return 0 if with_sentence(text, said) == text else DIFFERS
    PAGE.write_text(with_sentence(text, said), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
