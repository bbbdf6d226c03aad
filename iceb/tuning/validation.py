"""Validation concepts of mini: classes that no task's embedded data score, except `LEFT`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from iceb import registry
from iceb.base.errors import NotInDataError, SpecError
from iceb.datasets import EMBEDDED, open_dataset
from iceb.datasets.aice import TRAIN_TEMPLATES
from iceb.datasets.cards import declaration
from iceb.datasets.on_aice import OnAice
from iceb.mini.world import class_names, taught_names
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import edit_batches
from iceb.tuning.protocol import PROTOCOL, Protocol

SOURCES, SEED = 150, 7
FIRST_REQUEST_SEED = 5000
SEEDS_A_CLASS = 1000  # so that no two prompts share noise
# four of Imagenette's ten by mini's own names for them; objects10, which fixes its classes, calls two by other names
LEFT = frozenset({"church", "French horn", "English Springer Spaniel", "chainsaw"})


class Question(NamedTuple):
    """A prompt of validation: its image is looked at for one class, or for what an edit makes of it."""

    text: str
    seed: int


@dataclass(frozen=True)
class Validation:
    """Requests and prompts for tuning; no table scores a class of them, except `LEFT`.

    Attributes:
        asked: free-form prompts for the requests' sources, those of one request in a row.
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


@dataclass(frozen=True)
class Classes:
    """The validation classes by their index: to edit, their destinations, and those that are left alone."""

    sources: tuple[int, ...]
    dests: tuple[int, ...]
    holdout: tuple[int, ...]


def validation(num_edits: int, protocol: Protocol = PROTOCOL) -> Validation:
    """Make the first `num_edits` requests, their prompts, `protocol.prompts` in all, and the holdout.

    Raises:
        SpecError: one of their classes is scored in a table.
    """
    known = validation_classes()
    sources, dests, labels = known.sources, known.dests[:num_edits], known.holdout[: protocol.holdout]
    repeats = max(1, protocol.prompts // num_edits)
    asked = [(place, repeat) for place in range(num_edits) for repeat in range(repeats)]
    found = Validation(
        requests=tuple(_request(place, sources[place], dests[place]) for place in range(num_edits)),
        asked=tuple(_question(sources[place], repeat) for place, repeat in asked),
        sources=tuple(sources[place] for place, _ in asked),
        dests=tuple(dests[place] for place, _ in asked),
        kept=tuple(_question(label, 0) for label in labels),
        labels=tuple(labels),
    )
    refuse_scored(found)
    return found


def refuse_scored(tried: Validation) -> None:
    """Refuse to tune on what a table scores.

    Raises:
        SpecError: a class that is asked for, or left alone, is scored by the embedded data of a task.
    """
    read = {class_names()[label] for label in (*tried.sources, *tried.dests, *tried.labels)}
    if scored := sorted((read & scored_names()) - LEFT):
        names = ", ".join(scored[:3])
        raise SpecError(
            f"tuning reads {len(scored)} classes that tasks score ({names}{' …' if len(scored) > 3 else ''}): "
            "settings may be chosen on the validation classes alone"
        )


@cache
def validation_classes() -> Classes:
    """The shipped validation classes (tools/mini/make_validation.py writes them)."""
    document = json.loads(_data("validation.json"))
    return Classes(*(tuple(document[name]) for name in ("sources", "dests", "holdout")))


@cache
def validation_labels() -> frozenset[int]:
    """Every class of them, edited, a destination or left alone."""
    known = validation_classes()
    return frozenset((*known.sources, *known.dests, *known.holdout))


@cache
def frames() -> Sequence[str]:
    """The free-form sentences of AICE's prompts on mini, each with one "{}"."""
    return _data("frames.txt").splitlines()


def _data(name: str) -> str:
    return (files("iceb.mini") / "data" / name).read_text(encoding="utf-8")


@cache
def scored_classes() -> frozenset[int]:
    """The classes that embedded AICE edits or holds out."""
    data = open_dataset("aice", "embedded")
    (batch,) = edit_batches(data.schedule(300))
    prompts = [*data.prompts(batch), *data.shared_prompts(300)]
    labels = (prompt.label for prompt in prompts if prompt.role in ("source", "holdout"))
    return frozenset(label for label in labels if label is not None)


@cache
def scored_names() -> frozenset[str]:
    """The names of the classes that the embedded data of some task of ours score."""
    tasks = [entry.load() for entry in registry.entries_of("tasks") if entry.package == registry.OWN]
    datasets = [name for name in dict.fromkeys(task.dataset for task in tasks) if not _edits_aice(name)]
    return frozenset(class_names()[label] for label in scored_classes()).union(*map(class_names_scored_by, datasets))


@cache
def class_names_scored_by(dataset: str) -> frozenset[str]:
    """The primary names of classes that a dataset's embedded data score by any name that mini was taught.

    There are none where it has no such data.
    """
    try:
        opened = open_dataset(dataset, EMBEDDED)
    except NotInDataError:
        return frozenset()
    scored = {_plain(name) for name in getattr(opened, "scored_names", frozenset)()}
    return frozenset(names[0] for names in taught_names() if any(_plain(name) in scored for name in names))


def _edits_aice(dataset: str) -> bool:
    """Whether a dataset's requests are AICE's, so that `scored_classes` has what it scores."""
    load = declaration(dataset).load
    return isinstance(load, type) and issubclass(load, OnAice)


def _plain(text: str) -> str:
    """A text in lower case, without an article."""
    return text.lower().removeprefix("a ").removeprefix("an ").removeprefix("the ")


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
