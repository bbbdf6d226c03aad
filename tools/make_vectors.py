"""Write tests/vectors: inputs and outputs of the closed forms, from their formulas alone.

    python -m tools.make_vectors [--check]

Nothing of iceb is imported. Every formula is written out as its paper or its authors' code states it, matrix by matrix
and row by row with explicit inverses, in 40 decimal digits, and rounded to float64 once, at the end: what an
implementation differs by is its own rounding. Inputs are random numbers of four decimals.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.vectors import cross_attention, text_encoder
from tools.vectors.exact import Case

FOLDER = Path(__file__).parents[1] / "tests" / "vectors"
FILES: dict[str, Callable[[], Iterator[Case]]] = {
    "uce": cross_attention.uce_cases,
    "time": cross_attention.time_cases,
    "mace": cross_attention.mace_cases,
    "rece": cross_attention.rece_cases,
    "speed": cross_attention.speed_cases,
    "emcid": text_encoder.emcid_cases,
    "emcid-ns": text_encoder.null_space_cases,
    "refact": text_encoder.refact_cases,
}


def text(name: str) -> str:
    """The text of one file: the formula, then one case per line."""
    cases = FILES[name]
    about = " ".join((cases.__doc__ or "").split())
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases())
    return f'{{"about": {json.dumps(about, ensure_ascii=False)}, "cases": [\n{lines}\n]}}\n'


def main() -> None:
    """Write the files, or with --check compare them with what this script makes."""
    parser = argparse.ArgumentParser(description="Write tests/vectors from the formulas.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file differs")
    check = parser.parse_args().check
    for name in FILES:
        path = FOLDER / f"{name}.json"
        if not check:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text(name), encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text(name):
            sys.exit(f"{path} is not what this script makes")


if __name__ == "__main__":
    main()
