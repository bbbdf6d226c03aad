"""Validation concepts of mini: classes that embedded AICE neither edits nor holds out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from iceb.datasets import open_dataset
from iceb.datasets.aice import TRAIN_TEMPLATES
from iceb.mini.world import NUM_CLASSES, class_names
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import edit_batches
from tools.mini.make_aice import dests_of, frames
from tools.tuning.protocol import PROTOCOL, Protocol

SOURCES, SEED = 150, 7
FIRST_REQUEST_SEED = 5000
SEEDS_A_CLASS = 1000  # so that no two prompts share noise


class Question(NamedTuple):
    """A prompt of validation: its image is looked at for one class, or for what an edit makes of it."""

    text: str
    seed: int


@dataclass(frozen=True)
class Validation:
    """Requests and prompts for tuning; no class of them is scored in a table.

    Attributes:
        asked: free-form prompts for the requests' sources.
        sources: the class that each of `asked` names.
        dests: the class that it should show after the edit.
        kept: one prompt for each class of the validation holdout.
        labels: the classes that `kept` names.
    """

    requests: tuple[EditRequest, ...]
    asked: tuple[Question, ...]
    sources: tuple[int, ...]
    dests: tuple[int, ...]
    kept: tuple[Question, ...]
    labels: tuple[int, ...]


def validation(num_edits: int, protocol: Protocol = PROTOCOL) -> Validation:
    """Make the first `num_edits` requests, their prompts, `protocol.prompts` in all, and the holdout."""
    sources, others = _classes()
    dests = _dests()[:num_edits]
    repeats = max(1, protocol.prompts // num_edits)
    asked = [(place, repeat) for place in range(num_edits) for repeat in range(repeats)]
    labels = others[: protocol.holdout]
    return Validation(
        requests=tuple(_request(place, sources[place], dests[place]) for place in range(num_edits)),
        asked=tuple(_question(sources[place], repeat) for place, repeat in asked),
        sources=tuple(sources[place] for place, _ in asked),
        dests=tuple(dests[place] for place, _ in asked),
        kept=tuple(_question(label, 0) for label in labels),
        labels=tuple(labels),
    )


@cache
def _classes() -> tuple[Sequence[int], Sequence[int]]:
    """The classes to edit, and the others, which serve as destinations and as the holdout."""
    scored = scored_classes()
    spare = [i for i in range(NUM_CLASSES) if i not in scored]
    drawn = [int(i) for i in np.random.default_rng(SEED).permutation(spare)]
    return drawn[:SOURCES], drawn[SOURCES:]


@cache
def _dests() -> Sequence[int]:
    """The destination of each class to edit, by AICE's rule."""
    sources, others = _classes()
    return dests_of(list(sources), list(others))


def scored_classes() -> set[int | None]:
    """The classes that embedded AICE edits or holds out."""
    data = open_dataset("aice", "embedded")
    (batch,) = edit_batches(data.schedule(300))
    prompts = [*data.prompts(batch), *data.shared_prompts(300)]
    return {prompt.label for prompt in prompts if prompt.role in ("source", "holdout")}


def _question(label: int, repeat: int) -> Question:
    """A class's prompt number `repeat`: the same whatever else is asked."""
    order = np.random.default_rng([SEED, label]).permutation(len(frames()))
    text = frames()[int(order[repeat % len(order)])].replace("{}", class_names()[label])
    return Question(text, label * SEEDS_A_CLASS + repeat)


def _request(place: int, source: int, dest: int) -> EditRequest:
    return EditRequest(
        id=f"validation/{place:04}",
        source=class_names()[source],
        dests=(class_names()[dest],),
        templates=TRAIN_TEMPLATES,
        seed=FIRST_REQUEST_SEED + place,
        source_label=source,
        dest_label=dest,
    )
