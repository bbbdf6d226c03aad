"""Tune a method for mini by the protocol, or explore settings, on AICE's validation concepts.

    python tools/tune_mini.py --cache build/tune --method emcid                      # the protocol's trials
    python tools/tune_mini.py --cache build/tune --method emcid --adopt              # the same, and the best as recipe
    python tools/tune_mini.py --cache build/tune --method uce as-shipped published,ridge=5 erase_scale=2 --num-edits 10

The 334 classes that embedded AICE leaves out are split into 150 sources and 184 others, which serve as destinations (by
AICE's rule) and as the validation holdout. **Protocol**: every method has eight trials (iceb/tuning/protocol.py): its
published settings, what shipped when its search space was written, and points of the grid that space.toml declares,
chosen by a fixed seed. A trial's score is the mean over 10, 50 and 150 concepts of edit_score, of an eraser of
erase_score, with 150 prompts for the concepts and one for each holdout class; `iceb tune` tunes methods of other
packages alike. Each trial is written to
baselines/tuning/<method>.json as it is done and is not run again on the same weights; a call that was stopped goes on.

**Exploring** prints the changes at one number of edits, and writes nothing: settings stand on the shipped recipe for
mini, or after the word `published` on the published ones.
"""

import argparse
import json
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.base.errors import IcebError
from iceb.baselines.recipes import shipped_recipe
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.registry import load
from iceb.running.method_runner import choose
from iceb.specs.recipes import Which
from iceb.tuning.adoption import adopted_recipe
from iceb.tuning.judging import Judge, tried_edit
from iceb.tuning.protocol import FAMILY, TASK
from iceb.tuning.search import Search
from iceb.tuning.space import FOLDER
from iceb.tuning.validation import SOURCES, Validation, validation

RECIPES = Path(__file__).parents[1] / "baselines" / "recipes"
WORDS: dict[str, Which] = {"as-shipped": "tuned", "published": "published"}


class Explored(NamedTuple):
    """Settings to explore, over a recipe's."""

    which: Which
    settings: dict[str, Any]
    text: str


def parse_explored(text: str) -> Explored:
    """Parse "name=value,name=value", values in JSON, after "published" or "as-shipped" or neither.

    Raises:
        argparse.ArgumentTypeError: a part is no pair, or a value is no JSON.
    """
    word, _, rest = text.partition(",")
    which, pairs = (WORDS[word], rest) if word in WORDS else ("tuned", text)
    parts = [part.partition("=") for part in re.split(r",(?=[a-z]\w*=)", pairs)]  # lists hold commas too
    try:
        return Explored(
            which,
            {name: json.loads(value) for name, _, value in parts if name},
            text.replace("as-shipped", "as shipped"),
        )
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: write name=value[,name=value…] with JSON values") from error


def explore(bundle: ModelBundle, tried: Validation, method: str, explored: list[Explored], cache: Path) -> None:
    """Print the score changes of every setting, and half the sum of what is edited and what is kept."""
    recipe, judge = shipped_recipe(method, TASK), Judge(bundle, cache)
    source, holdout = judge.before_means(tried)
    print(f"before: source {source:.3f}, holdout {holdout:.3f}", flush=True)
    for each in explored:
        given = recipe.settings(FAMILY, each.which) if recipe else {}
        chosen = choose(method, {**given, **each.settings})
        edit, seconds = tried_edit(chosen, bundle, tried, cache)
        found = judge.changes(edit, tried)
        print(
            f"{each.text}: source2dest {found.source2dest:+.3f} source_forget {found.source_forget:+.3f} "
            f"holdout {found.holdout_delta:+.3f} score {found.score(reaches_dest=chosen.card.reaches_dest):.3f} "
            f"({seconds:.0f}s)",
            flush=True,
        )


def tune(search: Search, *, adopt: bool) -> None:
    """Make the trials, print the best, and write it into the recipe if asked.

    Raises:
        SpecError: the recipe is to be written and the trials are not complete.
    """
    tuning = search.run(lambda line: print(line, flush=True))
    if tuning.best is not None:
        print(f"best: trial {tuning.best[0]}, {tuning.score} {tuning.best[2]:.3f}; {search.path}")
    if not tuning.is_complete:
        print("not complete: run the same command again to go on")
    if adopt:
        path = RECIPES / search.method / f"{TASK}.toml"
        path.write_text(adopted_recipe(path.read_text(encoding="utf-8"), tuning), encoding="utf-8")
        print(f"wrote {path}: run `iceb docs` and commit both")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("explored", nargs="*", type=parse_explored, metavar="SETTINGS", help="none: the protocol")
    parser.add_argument("--method", default="emcid", help="a registered method (default %(default)s)")
    parser.add_argument("--cache", type=Path, required=True, help="for images before the edit and methods' scratch")
    parser.add_argument("--num-edits", type=int, default=SOURCES, help="of exploring: 1 to %(default)s requests")
    parser.add_argument("--limit-seconds", type=float, help="of the protocol: begin no edit after so long")
    parser.add_argument("--adopt", action="store_true", help="of the protocol: write the best trial into the recipe")
    parser.add_argument("--out", type=Path, default=FOLDER, help="of the protocol: the records' folder")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, and carry out the protocol or try the given settings."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if not 1 <= args.num_edits <= SOURCES:
        parser.error(f"--num-edits {args.num_edits}: choose 1 to {SOURCES}")
    try:
        known = [field.name for field in fields(load("methods", args.method))]
        if unknown := {name for each in args.explored for name in each.settings} - set(known):
            parser.error(f"{args.method} has no {', '.join(sorted(unknown))}; it has {', '.join(known)}")
        bundle = ModelBundle(find(FAMILY), "cpu")
        if args.explored:
            explore(bundle, validation(args.num_edits), args.method, args.explored, args.cache)
        else:
            search = Search(bundle, args.method, args.cache, args.out, limit_seconds=args.limit_seconds, any_code=True)
            tune(search, adopt=args.adopt)
    except IcebError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
