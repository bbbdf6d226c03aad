"""Make the embedded rectification files: scores of names as mini draws them, and prompts.

Asked for are the classes of embedded AICE that have a name which was kept from training. Every name of such a class,
taught or not, is drawn as "an image of NAME" eight times with the seeds 0 to 7; its score is the mean and the standard
deviation of the judge's probability of the class. The dataset's rule (iceb/datasets/rectification.py) then chooses
what to rectify, as it does from the authors' scores of Stable Diffusion. Prompts are those of embedded AICE, with the
class's name written out. About four minutes on one core.

    python tools/mini/make_rectification.py
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from iceb.datasets.rectification import NameScore, Scores, best_name, wrong_names
from iceb.mini.world import class_names, names
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import seeded_images
from iceb.models.sources import find
from iceb.registry import load
from iceb.specs.metrics import MeasureInput

DATA = Path(__file__).parents[2] / "iceb/mini/data"
IMAGES = 8  # of each name, as in the authors' scores
TEMPLATE = "an image of {}"
AICE_FILES = ("aice_edit.json", "aice_holdout.json")
SCORES, PROMPTS = "rectification_scores.json", "rectification_prompts.json"
DIGITS = 6
Table = dict[str, dict[str, dict[str, float]]]


def asked_names() -> list[tuple[int, str]]:
    """Every name of the classes that have prompts and a name kept from training, each with its class."""
    known, labels = names(), {int(str(row["class id"])) for file in AICE_FILES for row in read(file)}
    return [
        (label, name)
        for label in sorted(labels)
        if known.unknown[label]
        for name in (known.names[label], *known.aliases[label], *known.unknown[label])
    ]


def score_names(bundle: ModelBundle, asked: Sequence[tuple[int, str]]) -> Table:
    """Draw and judge names: class → name → mean, std, number."""
    judge = load("measures", bundle.family.measures["imagenet_classifier"])()
    texts = [TEMPLATE.replace("{}", name) for _, name in asked for _ in range(IMAGES)]
    images = seeded_images(bundle, texts, [*range(IMAGES)] * len(asked), bundle.family.sampling)
    found = judge([MeasureInput(image) for image in images]).reshape(len(asked), IMAGES, -1)
    table: Table = {}
    for (label, name), rows in zip(asked, found, strict=True):
        of_class = rows[:, label].astype(np.float64)
        score = {"mean": round(of_class.mean(), DIGITS), "std": round(of_class.std(ddof=1), DIGITS), "number": IMAGES}
        table.setdefault(str(label), {})[name] = score
    return table


def rows_of_classes(labels: set[int]) -> list[dict[str, object]]:
    """The rows of embedded AICE that are about these classes, with the name written out, by class."""
    rows = [row for file in AICE_FILES for row in read(file)]
    kept = [row for row in rows if row["class id"] in labels]
    for row in kept:
        row["text prompt"] = str(row["text prompt"]).replace("{}", class_names()[int(str(row["class id"]))])
    fields = ("class name", "text prompt", "random seed", "class id")
    kept.sort(key=lambda row: int(str(row["class id"])))
    return [{field: row[field] for field in fields} for row in kept]


def read(name: str) -> list[dict[str, object]]:
    """Read the rows of a file of iceb/mini/data."""
    rows: list[dict[str, object]] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return rows


def write(name: str, content: object) -> None:
    """Write one file of iceb/mini/data."""
    (DATA / name).write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def main() -> None:
    """Make and write the two files."""
    table = score_names(ModelBundle(find("mini"), "cpu"), asked_names())
    write(SCORES, table)
    scores: Scores = {
        int(key): {name: NameScore(mean=score["mean"]) for name, score in row.items()} for key, row in table.items()
    }
    write(PROMPTS, rows_of_classes({label for label, _ in wrong_names(scores) if best_name(scores[label])}))


if __name__ == "__main__":
    main()
