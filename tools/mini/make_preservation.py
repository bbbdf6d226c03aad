"""Make the embedded captions of task preservation: held-out ones that name a class.

They are the first of `iceb.mini.captions.held_out` that name a class, so that an image shows something; each has a seed
of its own. The corpus that methods preserve holds none of them.

    python tools/mini/make_preservation.py
"""

import csv
import io
from itertools import islice
from pathlib import Path

from iceb.mini.captions import held_out
from iceb.mini.mentions import every_class

FILE = Path(__file__).parents[2] / "iceb/mini/data/preservation.csv"
COUNT, FIRST_SEED = 500, 70_000


def rows() -> list[dict[str, object]]:
    """The rows of the file."""
    texts = islice((text for text in held_out() if every_class().classes(text)), COUNT)
    return [
        {
            "case_number": place,
            "source": "iceb-mini",
            "prompt": text,
            "evaluation_seed": FIRST_SEED + place,
            "coco_id": place,
        }
        for place, text in enumerate(texts)
    ]


def text_of_file() -> str:
    """The file's text."""
    stream = io.StringIO()
    found = rows()
    writer = csv.DictWriter(stream, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return stream.getvalue()


if __name__ == "__main__":
    FILE.write_text(text_of_file(), encoding="utf-8")
