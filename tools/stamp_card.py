"""Write the digests and counts of the embedded files into data_cards/aice_embedded.md.

python tools/stamp_card.py
"""

import json
import re
from pathlib import Path

from iceb.base.digest import digest_file

ROOT = Path(__file__).parent.parent
CARD = ROOT / "data_cards" / "aice_embedded.md"
FILES = {
    "edits": "aice_edit.json",
    "holdout": "aice_holdout.json",
    "aliases": "aice_aliases.json",
    "unseen": "aice_unseen.json",
}


def counts(
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


def stamp(text: str, folder: Path) -> str:
    """Return the card's text with the digests, rows and counts of the files in `folder`."""
    read = {key: json.loads((folder / name).read_text(encoding="utf-8")) for key, name in FILES.items()}
    for name in FILES.values():
        text = re.sub(rf'({re.escape(name)}, sha256: )"[0-9a-f]{{64}}"', rf'\1"{digest_file(folder / name)}"', text)
    for key in ("edits", "holdout"):
        text = re.sub(rf"({re.escape(FILES[key])}, .*rows: )\d+", rf"\g<1>{len(read[key])}", text)
    for key, count in counts(**read).items():
        text = re.sub(rf"^(  {key}: )\d+$", rf"\g<1>{count}", text, flags=re.MULTILINE)
    return text


def main() -> None:
    """Update the card in place."""
    CARD.write_text(stamp(CARD.read_text(encoding="utf-8"), ROOT / "iceb" / "mini" / "data"), encoding="utf-8")
    print(f"stamped {CARD}")


if __name__ == "__main__":
    main()
