"""Write digests and counts of the embedded data into their cards, data_cards/*_embedded.md.

python tools/stamp_card.py
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from iceb.base.digest import digest_file
from iceb.mini.captions import class_shares, corpus, mention_counts
from iceb.mini.mentions import every_class, words_of
from iceb.mini.unseen import unseen_classes

ROOT = Path(__file__).parent.parent
CARDS, DATA = ROOT / "data_cards", ROOT / "iceb" / "mini" / "data"
FILES = {
    "edits": "aice_edit.json",
    "holdout": "aice_holdout.json",
    "aliases": "aice_aliases.json",
    "unseen": "aice_unseen.json",
}


def aice_counts(
    edits: list[dict[str, object]],
    aliases: dict[str, list[str]],
    holdout: list[dict[str, object]],
    unseen: list[int],
) -> dict[str, int]:
    """Count in the files what the card declares."""
    labels = {str(row["class id"]) for row in edits}
    return {
        "requests": len(labels),
        "dests": len({row["dest id"] for row in edits}),
        "aliases": sum(len(aliases.get(label, [])) for label in labels),
        "holdout_classes": len({row["class id"] for row in holdout}),
        "unseen_classes": len(unseen),
    }


def caption_counts() -> dict[str, int]:
    """Count in the captions what their card declares."""
    texts = corpus()
    return {
        "captions": len(texts),
        "naming_a_class": sum(bool(every_class().classes(text)) for text in texts),
        "classes_named": sum(count > 0 for count in mention_counts()),
        "unseen_classes": len(unseen_classes()),
        "distinct_words": len({word for text in texts for word in words_of(text)}),
    }


def commonest_counts() -> str:
    """Number of captions that name the first and the tenth class of Zipf's order, to the next ten."""
    counts, order = mention_counts(), class_shares(unseen_classes()).argsort()[::-1]
    first, tenth = (f"{round(counts[order[place]], -1):,}".replace(",", " ") for place in (0, 9))
    return f"named in about {first} captions, the tenth in {tenth},"


def texts_sha256() -> str:
    """sha256 of the captions, a line each."""
    return hashlib.sha256("".join(f"{text}\n" for text in corpus()).encode()).hexdigest()


def stamp_aice(text: str, folder: Path) -> str:
    """Return the text of AICE's card with the digests, rows and counts of the files in `folder`."""
    read = {key: json.loads((folder / name).read_text(encoding="utf-8")) for key, name in FILES.items()}
    for key in ("edits", "holdout"):
        text = re.sub(rf"({re.escape(FILES[key])}, .*rows: )\d+", rf"\g<1>{len(read[key])}", text)
    return _stamp_counts(_stamp_digests(text, folder), aice_counts(**read))


def stamp_captions(text: str, folder: Path) -> str:
    """Return the text of the captions' card with digests of the files in `folder`, and counts."""
    text = re.sub(r"^`[0-9a-f]{64}`", f"`{texts_sha256()}`", text, flags=re.MULTILINE)
    text = re.sub(r"named in about [\d ]+ captions, the tenth in [\d ]+,", commonest_counts(), text)
    return _stamp_counts(_stamp_digests(text, folder), caption_counts())


def _stamp_digests(text: str, folder: Path) -> str:
    for name in re.findall(r"\{path: ([\w.]+), sha256:", text):
        text = re.sub(rf'({re.escape(name)}, sha256: )"[0-9a-f]{{64}}"', rf'\1"{digest_file(folder / name)}"', text)
    return text


def _stamp_counts(text: str, counts: Mapping[str, int]) -> str:
    for key, count in counts.items():
        text = re.sub(rf"^(  {key}: )\d+$", rf"\g<1>{count}", text, flags=re.MULTILINE)
    return text


def main() -> None:
    """Update the cards in place."""
    for name, stamp in (("aice_embedded.md", stamp_aice), ("captions_embedded.md", stamp_captions)):
        card = CARDS / name
        card.write_text(stamp(card.read_text(encoding="utf-8"), DATA), encoding="utf-8")
        print(f"stamped {card}")
    for name in (
        "ablation",
        "artists",
        "celebrities",
        "objects",
        "objects10",
        "road",
        "styles",
        "timed",
    ):  # their loaders hold the counts
        card = CARDS / f"{name}_embedded.md"
        card.write_text(_stamp_digests(card.read_text(encoding="utf-8"), DATA), encoding="utf-8")
        print(f"stamped {card}")


if __name__ == "__main__":
    main()
