"""Write a caption corpus for experiments: one that names all, most or no holdout classes.

    all      every class equally often, the unseen ones too
    natural  the embedded corpus itself: Zipf's law, no unseen class
    none     as natural, and no class of the holdout of embedded AICE either, which is its destinations too

Share of captions about a class, seed and sentences are the same, so what a method that preserves them does differs by
what they name:

    python -m tools.captions --names none --out none.txt
    iceb evaluate --method emcid --task aice --num-edits 300 --set captions=none.txt
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from iceb.datasets import EMBEDDED, open_dataset
from iceb.mini.captions import (
    CORPUS_SEED,
    NAMING_SHARE,
    SIZE,
    Floats,
    class_shares,
    even_shares,
    write_captions,
)
from iceb.mini.unseen import unseen_classes


def holdout_classes() -> frozenset[int]:
    """The holdout classes of embedded AICE."""
    prompts = open_dataset("aice", EMBEDDED).shared_prompts(1)
    return frozenset(prompt.label for prompt in prompts if prompt.label is not None)


SHARES: Mapping[str, Callable[[], Floats]] = {
    "all": even_shares,
    "natural": lambda: class_shares(unseen_classes()),
    "none": lambda: class_shares(holdout_classes()),
}


def captions(names: str, count: int = SIZE, naming: float = NAMING_SHARE) -> tuple[str, ...]:
    """Captions of one of the three kinds; `naming` is the share of those about a class."""
    return write_captions(CORPUS_SEED, count, SHARES[names](), naming)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", choices=tuple(SHARES), required=True, help="which classes the captions name")
    parser.add_argument("--count", type=int, default=SIZE, help="captions (default: %(default)s)")
    parser.add_argument("--naming", type=float, default=NAMING_SHARE, help="share about a class (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="the file, a caption a line")
    args = parser.parse_args()
    if args.count < 1 or not 0 <= args.naming <= 1:
        parser.error("--count must be at least 1, --naming from 0 to 1")
    args.out.write_text(
        "".join(f"{text}\n" for text in captions(args.names, args.count, args.naming)), encoding="utf-8"
    )
    print(f"wrote {args.count} captions to {args.out}")


if __name__ == "__main__":
    main()
