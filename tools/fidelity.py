"""Compare mini's results with the published curves of AICE, and print their fidelity last.

    python tools/fidelity.py                 # the committed results against baselines/published/emcid.toml
    python tools/fidelity.py --runs runs     # results of runs instead, partial ones too
    python tools/fidelity.py --write         # write docs/order_on_mini.md as well; --check compares it

Only rows of published settings count, and `prompt_swap` for the ceiling; of several runs of one (draws of concepts,
seeds) the mean. The exit code is 2 where a number is missing, and 1 where --check finds another page.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.base.errors import IcebError, ResultError
from iceb.leaderboard.published import read_published
from iceb.runs.folder import RESULT, folders_with, read_result
from iceb.specs.results import Result
from tools.committed import committed_results
from tools.comparison.both_sides import (
    ALTERNATIVES,
    APART,
    CHOSEN,
    HEADLINE,
    METHODS,
    PAPER,
    BothSides,
    Measured,
    fidelity,
)
from tools.comparison.orders import Orders, orders
from tools.comparison.page import fidelity_line, page_text

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "order_on_mini.md"
LACKING, DIFFERS = 2, 1  # exit codes


def committed_sides() -> BothSides:
    """Both sides from the committed results.

    Raises:
        ResultError: a result is not what it should be.
    """
    return both_sides(committed_results())


def both_sides(results: list[Result]) -> BothSides:
    """The published curves beside some results."""
    (paper,) = [each for each in read_published() if (each.paper, each.task) == (PAPER, "aice")]
    return BothSides(paper, Measured.of(results))


def of_runs(folder: Path) -> BothSides:
    """Both sides from the runs below a folder.

    Raises:
        ResultError: it is no folder, or a result is not what it should be.
    """
    if not folder.is_dir():
        raise ResultError(f"{folder} is not a folder: name the one that `iceb evaluate` wrote runs to")
    return both_sides([read_result(found / RESULT) for found in folders_with([folder], RESULT)])


def print_report(sides: BothSides) -> int:
    """Print both sides, their orders, and the fidelity last; returns the exit code."""
    pairs = sides.pairs()
    print(f"{'':<60}{'published':>10}{'mini':>10}{'difference':>12}")
    beside = [pair for each in ALTERNATIVES for pair in sides.pairs(each.rows)]
    for pair in [*pairs, *beside]:
        measured = f"{pair.measured:>10.3f}" if pair.measured is not None else f"{'–':>10}"
        difference = f"{pair.difference:>+12.3f}" if pair.difference is not None else f"{'–':>12}"
        print(f"{f'{pair.name} ({pair.row})':<60}{pair.published:>10.3f}{measured}{difference}")
    for order in orders(sides, HEADLINE):
        print(_order_text(order))
    for name in sides.missing:
        print(f"missing: {name}")
    groups = {"dials chosen on": CHOSEN, "apart": APART} | {name: (name,) for name in METHODS}
    for name, methods in groups.items():
        print(f"{name} ({', '.join(methods)}): {_text(fidelity(pairs, methods))}")
    for each in ALTERNATIVES:
        print(f"beside, not counted: {each.title}: {_text(fidelity(sides.pairs(each.rows)))}")
    print(fidelity_line(pairs))
    return 0 if fidelity(pairs) is not None else LACKING


def _order_text(order: Orders) -> str:
    """Describe both orders at one number of edits."""
    swaps = "" if order.swaps is None else f"; {order.swaps} swaps, {order.certain_swaps} beyond the reading's error"
    published, mini = ", ".join(order.published), ", ".join(order.measured or ("–",))
    return f"order by {HEADLINE} at {order.num_edits} edits: published {published}; mini {mini}{swaps}"


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _check(text: str) -> int:
    """Compare the committed page with what the results make; returns the exit code."""
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE}: is not what the committed results make: run `python tools/fidelity.py --write`", file=sys.stderr)
    return DIFFERS


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, print the report, and write or check the page; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help="results of runs instead of the committed ones")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write docs/order_on_mini.md")
    action.add_argument("--check", action="store_true", help="fail when docs/order_on_mini.md is another")
    args = parser.parse_args(arguments)
    if args.runs and (args.write or args.check):
        parser.error("--runs: the page is of the committed results alone")
    try:
        sides = of_runs(args.runs) if args.runs else committed_sides()
    except IcebError as error:
        parser.error(str(error))
    if args.write:
        PAGE.write_text(page_text(sides), encoding="utf-8")
    differs = _check(page_text(sides)) if args.check else 0
    return print_report(sides) or differs


if __name__ == "__main__":
    sys.exit(main())
