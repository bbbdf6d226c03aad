"""The simulations' tables in the docs, from the results kept beside this file.

python -m tools.simulations.page            # print them
python -m tools.simulations.page --write    # write them into the pages
python -m tools.simulations.page --check    # fail where a page has others
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from iceb.leaderboard.markdown import markdown_table
from tools.simulations.cells import read_cells
from tools.simulations.populations import SIZES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = tuple(DOCS / name for name in ("statistics.md", "claims.md", "capacity.md"))
BLOCK = re.compile(r"(<!-- simulation (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
CANDIDATES = {
    "t": "Student's t",
    "skew": "t, corrected for skewness",
    "logit": "t of the logit",
    "wilson": "Wilson",
    "percentile": "percentile",
    "bca": "BCa",
    "bootstrap_t": "bootstrap t",
}


def percent(number: float | None) -> str:
    """A share in percent."""
    return "–" if number is None else f"{100 * number:.1f}"


def intervals_table() -> str:
    """Coverage by candidate, population and number of concepts."""
    cells = read_cells("intervals")
    names = dict.fromkeys(label.rpartition(", ")[0] for label in cells)
    lines = [
        [name, words, *(percent(cells.get(f"{name}, {size}", {}).get(key)) for size in SIZES)]
        for name in names
        for key, words in CANDIDATES.items()
    ]
    return markdown_table(["concepts", "interval", *map(str, SIZES)], lines, numbers_from=2)


def summary_table() -> str:
    """Mean and least coverage over the populations, and the mean length against Student's."""
    cells = read_cells("intervals")
    lines = []
    for key, words in CANDIDATES.items():
        line = [words]
        for size in SIZES:
            here = [found for label, found in cells.items() if label.endswith(f", {size}")]
            covered = [found[key] for found in here]
            length = sum(found[f"{key} length"] / found["t length"] for found in here) / len(here)
            line.append(f"{percent(sum(covered) / len(covered))} ({percent(min(covered))}; {length:.2f})")
        lines.append(line)
    return markdown_table(["interval", *map(str, SIZES)], lines, numbers_from=1)


def plain_table(name: str, first: str, shares: Sequence[str]) -> str:
    """A simulation's cells, a line each; `shares` are the columns in percent."""
    cells = read_cells(name)
    columns = list(dict.fromkeys(key for found in cells.values() for key in found))
    lines = [
        [label, *(percent(found.get(key)) if key in shares else _number(found.get(key)) for key in columns)]
        for label, found in cells.items()
    ]
    heading = [f"{key} (%)" if key in shares else key for key in columns]
    return markdown_table([first, *heading], lines, numbers_from=1)


def _number(number: float | None) -> str:
    return "–" if number is None else f"{number:g}"


ERRORS = ("t", "t by request", "sign flip")
HELD = ("capacity", "too high", "too low", "area", "half-life")
COVERED = ("false difference", "all ranks covered", "a rank covered", "old rule splits two equals")
PASSED = ("above", "below", "above, t alone", "below, t alone")
BY_BOUNDS = ("above", "below", *(f"true by 0.3: {side}" for side in ("above", "below")))
OF_PAIRS = tuple(f"{test}: {side}" for test in ("t", "range") for side in ("above", "below", "true by 0.3"))
OF_FILES = ("any false claim", *(f"true: {kind}" for kind in ("order", "margin", "parity", "threshold", "capacity")))
TABLES: Mapping[str, Callable[[], str]] = {
    "summary": summary_table,
    "intervals": intervals_table,
    "shared_destinations": lambda: plain_table("shared_destinations", "requests", ("by request", "by destination")),
    "tests": lambda: plain_table("tests", "design", ERRORS),
    "ranks": lambda: plain_table("ranks", "design", COVERED),
    "capacity": lambda: plain_table("capacity", "method", HELD),
    "power": lambda: plain_table("power", "plan", ("planned", "power")),
    "claims": lambda: plain_table("claims", "concepts", PASSED),
    "small_claims": lambda: plain_table("small_claims", "concepts", BY_BOUNDS),
    "paired_claims": lambda: plain_table("paired_claims", "concepts", OF_PAIRS),
    "claim_files": lambda: plain_table("claim_files", "file", OF_FILES),
}


def page_text(text: str) -> str:
    """A page with its tables made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found['name']]()}\n\n{found[3]}", text)


def main(arguments: list[str] | None = None) -> int:
    """Print, write or check the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write the pages")
    action.add_argument("--check", action="store_true", help="fail where a page has other tables")
    chosen = parser.parse_args(arguments)
    standing = {path: path.read_text(encoding="utf-8") for path in PAGES}
    texts = {path: page_text(text) for path, text in standing.items()}
    if chosen.write:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
    elif not chosen.check:
        print("\n\n".join(f"{name}\n{make()}" for name, make in TABLES.items()))
    return int(chosen.check and texts != standing)


if __name__ == "__main__":
    raise SystemExit(main())
