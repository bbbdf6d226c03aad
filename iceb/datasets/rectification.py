"""The rectification dataset: names that the model does not know become names that it knows.

How well it knows each name was measured before: the classifier's mean probability of the class on images of that name.
From these scores a rule chooses what to rectify, and the best name of the same class as the destination. One class
serves both sources, the authors' scores on Stable Diffusion and ours on mini.
"""

import random
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from iceb.base.errors import DataError
from iceb.base.readers import read_json
from iceb.datasets.aice import (
    OF_DEST,
    TRAIN_SEED,
    TRAIN_SEED_BOUND,
    TRAIN_TEMPLATES,
    FreePrompts,
    holdout_prompts,
    prompts_for,
    with_tag,
)
from iceb.datasets.aice_rows import HoldoutRow, by_class
from iceb.datasets.counts import check_declared, first_requests
from iceb.datasets.rows import LAST_LABEL, kind_of, read_json_rows, validate_row
from iceb.mini.mentions import NameIndex
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, single_batch

WRONG_BELOW = 0.1  # mean probability below which a name is one that the model does not know
KNOWN_FROM = 0.5  # mean probability of a class's best name from which that name can be a destination
UNNAMED = "unnamed"  # tag of holdout prompts that name no edited source
REMEDY = "fetch it again with `iceb data fetch rectification`, or name another folder with `data` or ICEB_DATA"


class NameScore(BaseModel):
    """A name's score: the mean probability of its class over some images of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    mean: float = Field(ge=0, le=1)


Scores = Mapping[int, Mapping[str, NameScore]]  # class → its names, in the file's order


@dataclass(frozen=True)
class Rectified:
    """A name to rectify: its class, the best name of that class, and its place among all wrong names."""

    label: int
    name: str
    best: str
    place: int


class Rectification:
    """Unknown names of ImageNet classes, each to become its class's best name (arXiv:2403.13807).

    Args:
        card: the declaration; its counts are checked against the rows.
        paths: the files by the card's keys: scores, prompts (five of each class, its name written out) and holdout.

    Raises:
        DataError: a file is malformed, or the rule finds another number of names than the card declares.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        self.card = card
        each = card.counts["prompts_per_request"]
        free = {rows[0].label: _free_prompts(rows) for rows in _classes(paths["prompts"], each)}
        scores = read_scores(paths["scores"])
        seeds = training_seeds(len(wrong_names(scores)))
        chosen = choose_names(scores, free)
        self.requests = tuple(
            EditRequest(
                id=f"{card.name}/{number:04d}",
                source=found.name,
                dests=(found.best,),
                templates=TRAIN_TEMPLATES,
                seed=seeds[found.place],
                source_label=found.label,
                dest_label=found.label,
            )
            for number, found in enumerate(chosen)
        )
        self._free = {request.id: free[found.label] for request, found in zip(self.requests, chosen, strict=True)}
        holdout = _classes(paths["holdout"], each)
        self._holdout = tuple(holdout_prompts(holdout))
        self._left_alone = frozenset(rows[0].name for rows in holdout)
        check_declared(self.card, "requests", len(self.requests))
        check_declared(self.card, "holdout_classes", len(holdout))

    def schedule(self, num_edits: int) -> Schedule:
        """One batch: the first `num_edits` names in the order of the file.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        chosen = first_requests(self.card, self.requests, num_edits)
        return single_batch(EditBatch(f"{self.card.name}/{num_edits:04d}", chosen))

    def only(self, requests: Sequence[EditRequest]) -> "Rectification":
        """The dataset with some of its requests alone; their prompts stay as they are."""
        found = copy(self)
        found.requests = tuple(requests)
        return found

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The prompts of a batch's requests: both names, in the training templates and in free-form prompts."""
        return [prompt for request in batch.requests for prompt in self._of(request)]

    def _of(self, request: EditRequest) -> list[Prompt]:
        free = self._free[request.id]
        train = FreePrompts(request.templates, free.seeds[: len(request.templates)])
        return [
            *prompts_for(request, train, "train", request.source),
            *prompts_for(request, free, "source", request.source),
            *prompts_for(request, train, "train_dest", request.dest),
            *prompts_for(request, free, "dest", request.dest),
        ]

    def scored_names(self) -> frozenset[str]:
        """Every name that is rectified or a destination, and every class that is left alone."""
        return self._left_alone | {name for each in self.requests for name in (each.source, each.dest)}

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """The holdout prompts, equal for every number of edits, told apart by tags.

        Some name an edited source: "a blue switch", where "switch" is to be drawn as "electrical switch". Those that
        name none, whole words as `NameIndex` finds them, have the tag "unnamed"; of a rectified class, also "dest".
        """
        chosen = self.requests[:num_edits]
        sources = NameIndex((place, request.source) for place, request in enumerate(chosen))
        rectified = {request.dest_label for request in chosen}
        return [
            prompt if sources.classes(prompt.text) else _with_tags(prompt, prompt.label in rectified)
            for prompt in self._holdout
        ]


def _with_tags(prompt: Prompt, rectified: bool) -> Prompt:
    """A prompt that names no edited source, with its tags."""
    found = with_tag(prompt, UNNAMED)
    return with_tag(found, OF_DEST) if rectified else found


def choose_names(scores: Scores, labels: Mapping[int, object] | None = None) -> list[Rectified]:
    """Choose the names to rectify, in the order of the scores.

    A wrong name is one below 0.1; its class must have a name of at least 0.5, and prompts. Left out are names that two
    classes with other best names share, and names that are themselves the destination of another class.

    Args:
        labels: classes that have prompts; None for all.
    """
    found = [
        Rectified(label, name, best, place)
        for place, (label, name) in enumerate(wrong_names(scores))
        if (best := best_name(scores[label])) and (labels is None or label in labels)
    ]
    dests: dict[str, set[str]] = {}
    for each in found:
        dests.setdefault(each.name, set()).add(each.best)
    every_dest = {each.best for each in found}
    return [each for each in found if len(dests[each.name]) == 1 and each.name not in every_dest]


def wrong_names(scores: Scores) -> list[tuple[int, str]]:
    """Every name that the model does not draw as its class, with the class, in the file's order."""
    return [(label, name) for label, names in scores.items() for name, one in names.items() if one.mean < WRONG_BELOW]


def best_name(names: Mapping[str, NameScore]) -> str:
    """The class's best name, the first of equals; "" where no name of it is known."""
    best = max(names, key=lambda name: names[name].mean)
    return best if names[best].mean >= KNOWN_FROM else ""


def training_seeds(wrong: int) -> list[int]:
    """The training seed of each wrong name: the authors draw as many as there are wrong names.

    >>> training_seeds(436)[:2]
    [6273, 7316]
    """
    return random.Random(TRAIN_SEED).sample(range(TRAIN_SEED_BOUND), wrong)


def read_scores(path: Path) -> Scores:
    """The scores of every name, class by class.

    Raises:
        DataError: the file cannot be read, or is no object from class ids to names and their mean probabilities.
    """
    found = read_json(path, DataError, REMEDY)
    if not isinstance(found, dict) or not found:
        raise DataError(f"{path} holds {kind_of(found)}, an object from class id to names was expected; {REMEDY}")
    return {_label(path, key): _names(path, key, names) for key, names in found.items()}


def _label(path: Path, key: str) -> int:
    if not (key.isascii() and key.isdigit() and int(key) <= LAST_LABEL):
        raise DataError(f"{path}: class id {key!r:.80} is not a number from 0 to {LAST_LABEL}; {REMEDY}")
    return int(key)


def _names(path: Path, key: str, names: object) -> dict[str, NameScore]:
    if not isinstance(names, dict) or not all(name.strip() for name in names) or not names:
        raise DataError(f"{path}: class id {key}: names with scores were expected, got {names!r:.80}; {REMEDY}")
    where = f"{path}, class id {key}"
    return {
        name: validate_row(f"{where}, name {name!r:.80}", score, NameScore, REMEDY) for name, score in names.items()
    }


def _classes(path: Path, each: int) -> list[list[HoldoutRow]]:
    return by_class(read_json_rows(path, HoldoutRow, REMEDY), path, each, REMEDY)


def _free_prompts(rows: Sequence[HoldoutRow]) -> FreePrompts:
    """The prompts of one class in lower case, with "{}" for its name."""
    templates = tuple(row.prompt.lower().replace(row.name.lower(), "{}") for row in rows)
    return FreePrompts(templates, tuple(row.seed for row in rows))


CARDS = "iceb.data_cards"
RECTIFICATION = DatasetDeclaration(CARDS, "rectification.md", Rectification)
RECTIFICATION_EMBEDDED = DatasetDeclaration(CARDS, "rectification_embedded.md", Rectification)
