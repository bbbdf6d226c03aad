"""Measure what captions decide for EMCID at 300 edits: such that name all, or no, holdout classes.

    python tools/other_corpora.py --cache build/corpora    # both runs, one after another; docs/other_corpora.json
    python tools/other_corpora.py --write                  # write the sentence of docs/mini.md; --check compares it

The corpora are those of `python -m tools.captions`; the natural one is the row of the leaderboard. A run stands in the
record with its command, captions, model and commit. Both share images and value vectors; what the folder holds of a run
is not made again.
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.base.digest import digest_file
from iceb.base.errors import IcebError
from iceb.specs.results import Result
from tools.captions import captions
from tools.comparison.both_sides import Measured
from tools.fidelity import committed_sides
from tools.recorded_runs import make_run, read_record, refuse_uncommitted_code, run_facts, write_entry

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


def make_one(names: str, folder: Path) -> Result:
    """Write the captions of a kind and make the run.

    Raises:
        SystemExit: it failed.
    """
    file = folder / f"{names}.txt"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{text}\n" for text in captions(names)), encoding="utf-8")
    return make_run(run_arguments(file), folder, names)


def entry_of(names: str, result: Result, sha256: str) -> dict[str, Any]:
    """Make the record's entry of a run."""
    return {
        "captions": {"command": f"python -m tools.captions --names {names} --out {names}.txt", "sha256": sha256},
        **run_facts(run_arguments(Path(f"{names}.txt")), result, METRICS),
    }


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


def measure(folder: Path, kinds: Sequence[str]) -> None:
    """Make the runs and record each at once."""
    for names in kinds:
        result = make_one(names, folder)
        write_entry(RECORD, names, entry_of(names, result, digest_file(folder / f"{names}.txt")))


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
        refuse_uncommitted_code(parser, "a run")
        measure(args.cache, args.names)
    try:
        said = sentence(read_record(RECORD), natural_scores(committed_sides().measured))
    except IcebError as error:
        parser.error(str(error))
    text = PAGE.read_text(encoding="utf-8")
    if args.check:
        return 0 if with_sentence(text, said) == text else DIFFERS
    PAGE.write_text(with_sentence(text, said), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
