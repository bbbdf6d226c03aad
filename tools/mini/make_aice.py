"""Make the embedded AICE files: 300 edit classes with destinations, 366 holdout classes, prompts.

The rule for dests is the benchmark's (arXiv:2403.13807): among the holdout classes, rank by the cosine between the text
encoder's pooled outputs of "an image of X" and take the fourth nearest. The encoder is mini's; the
shipped files were made with its first weights (data card aice_embedded), and a call makes others. Prompts are drawn
from the sentence frames in iceb/mini/data/frames.txt, none of which the training grammar knows. Everything is seeded. A
third of the holdout is unseen (iceb/mini/unseen.py): the embedded captions never name it.

    python tools/mini/make_aice.py
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPTextModel, CLIPTokenizer

from iceb.mini.unseen import FILE, choose_unseen
from iceb.mini.world import class_aliases, class_names

ROOT = Path(__file__).parents[2]
DATA = ROOT / "iceb/mini/data"
PIPELINE = ROOT / "iceb/mini/weights/pipeline"
FRAMES = ROOT / "iceb/mini/data/frames.txt"
SEED = 2403_13807
EDITS, HOLDOUTS, PROMPTS = 300, 366, 5
RANK = 3  # counted from 0: the fourth nearest


def pooled_outputs(names: list[str]) -> Tensor:
    """Pooled outputs of "an image of X", normalised, (N, d) float64."""
    tokenizer = CLIPTokenizer.from_pretrained(PIPELINE / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(PIPELINE / "text_encoder", dtype=torch.float32)
    texts = [f"an image of {name}" for name in names]
    ids = tokenizer(texts, padding="max_length", truncation=True, max_length=77, return_tensors="pt").input_ids
    with torch.no_grad():
        states = torch.cat([encoder(chunk).pooler_output for chunk in ids.split(64)])
    return normalize(states.double(), dim=-1)


def dests_of(sources: list[int], choices: list[int]) -> list[int]:
    """The destination of each source class, chosen from `choices` by AICE's rule."""
    names = class_names()
    near = (
        pooled_outputs([names[i] for i in sources]) @ pooled_outputs([names[i] for i in choices]).T
    )  # (sources, choices)
    return [choices[int(place)] for place in near.argsort(dim=1, descending=True)[:, RANK]]


@cache
def frames() -> tuple[str, ...]:
    """The free-form sentences, each with one "{}"."""
    return tuple(FRAMES.read_text(encoding="utf-8").splitlines())


def rows_of(label: int, draw: np.random.Generator, filled: bool) -> list[dict[str, object]]:
    """Five rows of one class in the upstream format; prompts hold its name if `filled`, else "{}"."""
    name, known = class_names()[label], frames()
    chosen = draw.choice(len(known), PROMPTS, replace=False)
    seeds = draw.integers(0, 100_000, PROMPTS)
    return [
        {
            "class name": name,
            "text prompt": known[frame].replace("{}", name) if filled else known[frame],
            "random seed": int(seed),
            "class id": label,
        }
        for frame, seed in zip(chosen, seeds, strict=True)
    ]


def write(name: str, content: object) -> None:
    """Write one file of iceb/mini/data."""
    (DATA / name).write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def main() -> None:
    """Make and write the four files."""
    draw = np.random.default_rng(SEED)
    classes = draw.permutation(1000)[: EDITS + HOLDOUTS].tolist()
    edits, holdouts = sorted(classes[:EDITS]), sorted(classes[EDITS:])
    names, dests = class_names(), dests_of(edits, holdouts)
    rows = []
    for place in draw.permutation(EDITS):
        dest = {"dest": names[dests[place]], "dest id": dests[place]}
        rows += [row | dest for row in rows_of(edits[place], draw, filled=False)]
    write("aice_edit.json", rows)
    write("aice_holdout.json", [row for label in holdouts for row in rows_of(label, draw, filled=True)])
    write("aice_aliases.json", {str(label): list(class_aliases()[label]) for label in edits})
    requested = [name for label in edits for name in (names[label], *class_aliases()[label])]
    write(FILE, choose_unseen(holdouts, [*requested, *(names[dest] for dest in dests)]))


if __name__ == "__main__":
    main()
