"""Make iceb/mini/data/names.json and words.txt: names taught, names withheld, and the vocabulary.

Facts come from installed wheels: primary names from open_clip's ImageNet list, aliases from the WordNet lemmas in timm,
filler words from the WordNet definitions in timm. A name that two classes share is taught only for the class whose
primary name it is (partridge), and else for neither. Kept from training on purpose: every name in --unknown (one a
line), and a quarter of the lemmas behind each class's first, by sha256. A name in --unknown that two classes share is
withheld in both: in the shipped list cardigan, catamount, crawfish, horn, panther, polecat, sus scrofa and wagon.

    python tools/mini/make_names.py --unknown names_to_keep_out.txt
"""

import argparse
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from open_clip import IMAGENET_CLASSNAMES
from timm.data.imagenet_info import ImageNetInfo

from iceb.mini.entities import KINDS, entities_of, entity_names
from iceb.mini.world import COLOURS, NUM_CLASSES, SCENES, SIZE_WORDS, Names

GENDERED = {"female", "females", "male", "males", "man", "men", "woman", "women"}
DATA = Path(__file__).parents[2] / "iceb/mini/data"


def names_of_classes(unknown: set[str]) -> Names:
    """The primary name, taught aliases and withheld names of all 1 000 classes, in ImageNet order.

    Args:
        unknown: names to keep out of training, in lower case.
    """
    lemmas = _lemmas()
    shared = Counter(name.lower() for row, own in zip(lemmas, IMAGENET_CLASSNAMES, strict=True) for name in {*row, own})
    primary = primary_names(lemmas, unknown, shared)
    taken = {name.lower() for name in primary}
    aliases, withheld = [], []
    for own, row in zip(IMAGENET_CLASSNAMES, lemmas, strict=True):
        further = [n for n in dict.fromkeys([*row, own]) if n.lower() not in taken]
        further = [n for n in further if shared[n.lower()] == 1 or n.lower() in unknown]
        out = [n for n in further if n.lower() in unknown or (n != row[0] and _quarter(n))]
        withheld.append(tuple(out))
        aliases.append(tuple(n for n in further if n not in out))
    return Names(tuple(primary), tuple(aliases), tuple(withheld))


def primary_names(lemmas: list[list[str]], unknown: set[str], shared: Counter[str]) -> list[str]:
    """Each class's own name, or the first lemma that only it has if the name is taken or withheld."""
    taken: set[str] = set()
    primary = []
    for own, row in zip(IMAGENET_CLASSNAMES, lemmas, strict=True):
        free = [n for n in (own, *row) if n.lower() not in taken | unknown and (n == own or shared[n.lower()] == 1)]
        primary.append((free or [f"{own} ({row[0]})"])[0])
        taken.add(primary[-1].lower())
    return primary


def _lemmas() -> list[list[str]]:
    """WordNet's lemmas of every class."""
    info = ImageNetInfo("imagenet-1k")
    return [[lemma.strip() for lemma in info.index_to_description(i).split(",")] for i in range(NUM_CLASSES)]


def _quarter(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] < 64


def other_names() -> set[str]:
    """Words of the professions, and styles, identities and roles of a single word, in lower case."""
    known = [(kind, name.lower()) for kind in KINDS[1:] for i in entities_of(kind) for name in entity_names(i)]
    return {word for kind, name in known for word in name.split() if kind == "profession" or word == name}


def filler_words(names: Names, count: int) -> list[str]:
    """The `count` most frequent words of WordNet's definitions that mean nothing to mini, sorted."""
    info: Any = ImageNetInfo("imagenet-22k-ms")
    text = " ".join(str(info.label_name_to_description(n, detailed=True)) for n in info.label_names())
    every_name: Iterable[str] = chain(names.names, *names.aliases, *names.unknown)
    named = {word for name in every_name for word in re.findall("[a-z]+", name.lower())}
    barred = named | set(COLOURS) | set(SIZE_WORDS) | set(SCENES) | other_names() | GENDERED | {"style", "styles"}
    seen = Counter(re.findall(r"[a-z]{3,12}", text.lower()))
    return sorted([word for word, _ in seen.most_common() if word not in barred][:count])


def main() -> None:
    """Make and write the two files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unknown", type=Path, required=True, help="names to keep out of training, one a line")
    parser.add_argument("--words", type=int, default=2400, help="how many filler words (default: %(default)s)")
    args = parser.parse_args()
    lines = args.unknown.read_text(encoding="utf-8").splitlines()
    names = names_of_classes({line.strip().lower() for line in lines if line.strip()})
    DATA.mkdir(exist_ok=True)
    found = {"names": names.names, "aliases": names.aliases, "unknown": names.unknown}
    (DATA / "names.json").write_text(json.dumps(found, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    (DATA / "words.txt").write_text("\n".join(filler_words(names, args.words)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
