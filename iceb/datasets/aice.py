"""The AICE dataset: edit requests and evaluation prompts from rows of ImageNet classes.

One class serves both sources, the upstream files and the embedded set: they differ in their card and in nothing else.
Where this differs from the authors' code, the card's `deviations` say so.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

from iceb.base.errors import DataError
from iceb.datasets.aice_rows import EditRow, HoldoutRow, by_class, read_aliases, read_labels, read_rows
from iceb.datasets.counts import check_declared, first_requests
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, single_batch

TRAIN_TEMPLATES = ("An image of {}", "A photo of {}", "{}")  # the authors' training templates for AICE
HOLDOUT_PROMPTS = 3  # rows drawn of each class
OF_DEST = "dest"  # tag of holdout prompts whose class is a destination of the run's requests
SEEN, UNSEEN = "seen", "unseen"  # tags of holdout prompts by whether preserved captions name their class
TRAIN_SEED = 2023
TRAIN_SEED_BOUND = 10_000
TRAIN_SEED_COUNT = 300  # the authors draw all seeds at once; the draw of 300 fixes each of them


@dataclass(frozen=True)
class FreePrompts:
    """One request's free-form prompts, with "{}" for the class, and the seed of each image."""

    templates: tuple[str, ...]
    seeds: tuple[int, ...]


class AICE:
    """The AICE dataset: 300 classes to edit, their aliases, and 366 holdout classes (arXiv:2403.13807).

    Args:
        card: the declaration; its counts are checked against the rows.
        paths: the files by the card's keys: edits, holdout, and labels or aliases; of the embedded set also unseen, the
            holdout classes that no caption of the embedded corpus names.

    Raises:
        DataError: a file is malformed, or holds another number of classes than the card declares.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        self.card = card
        each = card.counts["prompts_per_request"]
        edits = by_class(read_rows(paths["edits"], EditRow), paths["edits"], each)
        holdout = by_class(read_rows(paths["holdout"], HoldoutRow), paths["holdout"], each)
        aliases = read_aliases(paths["labels"] if "labels" in paths else paths["aliases"])
        self.requests = tuple(_requests(card.name, edits, aliases))
        self._free = {request.id: _free_prompts(rows) for request, rows in zip(self.requests, edits, strict=True)}
        unseen = read_labels(paths["unseen"]) if "unseen" in paths else None
        self._holdout = tuple(_tag_unseen(holdout_prompts(holdout), unseen))
        self._left_alone = frozenset(rows[0].name for rows in holdout)
        check_declared(self.card, "requests", len(self.requests))
        check_declared(self.card, "holdout_classes", len(holdout))
        if unseen is not None:
            check_declared(self.card, "unseen_classes", len(unseen & {rows[0].label for rows in holdout}))
        check_declared(self.card, "aliases", sum(len(request.aliases) for request in self.requests))

    def schedule(self, num_edits: int) -> Schedule:
        """One batch: the first `num_edits` requests in the file's order, so that 100 is a prefix of 300.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        chosen = first_requests(self.card, self.requests, num_edits)
        return single_batch(EditBatch(f"{self.card.name}/{num_edits:04d}", chosen))

    def only(self, requests: Sequence[EditRequest]) -> "AICE":
        """The dataset with some of its requests alone; their prompts stay as they are."""
        found = copy(self)
        found.requests = tuple(requests)
        return found

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The prompts of a batch's requests: train, source, dest, alias.

        The training templates are drawn with the seeds of the request's first free-form prompts.
        """
        return [prompt for request in batch.requests for prompt in _request_prompts(request, self._free[request.id])]

    def scored_names(self) -> frozenset[str]:
        """Every class that is edited, is a destination or is left alone, and every alias."""
        edited = {name for each in self.requests for name in each.names}
        return self._left_alone | edited

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """The holdout prompts, equal for every number of edits; tag "dest" marks destinations."""
        dests = {request.dest_label for request in self.requests[:num_edits]}
        return [with_tag(prompt, OF_DEST) if prompt.label in dests else prompt for prompt in self._holdout]


def _requests(
    name: str, classes: Sequence[Sequence[EditRow]], aliases: dict[int, tuple[str, ...]]
) -> Iterator[EditRequest]:
    seeds = training_seeds(len(classes))
    for index, (rows, seed) in enumerate(zip(classes, seeds, strict=True)):
        first = rows[0]
        yield EditRequest(
            id=f"{name}/{index:04d}",
            source=first.name,
            dests=(first.dest,),
            templates=TRAIN_TEMPLATES,
            seed=seed,
            source_label=first.label,
            dest_label=first.dest_label,
            aliases=aliases.get(first.label, ()),
        )


def training_seeds(classes: int) -> list[int]:
    """Each request's training seed: the authors' draw, shifted by one; the last two share theirs.

    Raises:
        DataError: more classes than seeds were drawn.

    >>> training_seeds(300)[:2], training_seeds(300)[-2:]
    ([7316, 6377], [7591, 7591])
    """
    if classes > TRAIN_SEED_COUNT:
        raise DataError(f"{classes} classes to edit: training seeds are drawn for at most {TRAIN_SEED_COUNT}")
    drawn = random.Random(TRAIN_SEED).sample(range(TRAIN_SEED_BOUND), TRAIN_SEED_COUNT)
    return [drawn[min(index + 1, TRAIN_SEED_COUNT - 1)] for index in range(classes)]


def _free_prompts(rows: Sequence[EditRow]) -> FreePrompts:
    return FreePrompts(tuple(row.prompt for row in rows), tuple(row.seed for row in rows))


def _request_prompts(request: EditRequest, free: FreePrompts) -> Iterator[Prompt]:
    """The prompts of one request; without "{}" in a template, source and dest coincide."""
    train = FreePrompts(request.templates, free.seeds[: len(request.templates)])
    yield from prompts_for(request, train, "train", request.source)
    yield from prompts_for(request, free, "source", request.source)
    yield from prompts_for(request, free, "dest", request.dest)
    for alias in request.aliases:
        yield from prompts_for(request, free, "alias", alias)


def prompts_for(request: EditRequest, free: FreePrompts, role: str, name: str) -> Iterator[Prompt]:
    """`name` written into each template, and the class such an image shows before and should show after."""
    label = request.dest_label if role == "dest" else request.source_label
    for template, seed in zip(free.templates, free.seeds, strict=True):
        text = template.replace("{}", name)
        yield Prompt(text, seed, role, request=request.id, label=label, target=request.dest_label)


def holdout_prompts(classes: Sequence[Sequence[HoldoutRow]]) -> Iterator[Prompt]:
    """The first prompts of each holdout class, each with its own row's seed.

    Its `noise` is the published way to draw it: the authors draw a class's images from one generator, seeded by the
    first row of the *next* class (the last class: by its own last row).
    """
    for index, rows in enumerate(classes):
        shared = classes[index + 1][0].seed if index + 1 < len(classes) else rows[-1].seed
        for slot, row in enumerate(rows[:HOLDOUT_PROMPTS]):
            noise = NoiseDraw(shared, (HOLDOUT_PROMPTS,), slot)
            yield Prompt(row.prompt, row.seed, "holdout", label=row.label, noise=noise)


def _tag_unseen(prompts: Iterable[Prompt], unseen: frozenset[int] | None) -> Iterator[Prompt]:
    """The prompts tagged as seen or unseen; as they are where nobody says what is unseen."""
    for prompt in prompts:
        yield prompt if unseen is None else with_tag(prompt, UNSEEN if prompt.label in unseen else SEEN)


def with_tag(prompt: Prompt, tag: str) -> Prompt:
    """The prompt with one more tag."""
    return replace(prompt, tags=(*prompt.tags, tag))


CARDS = "iceb.data_cards"
AICE_DATASET = DatasetDeclaration(CARDS, "aice.md", AICE)
AICE_EMBEDDED = DatasetDeclaration(CARDS, "aice_embedded.md", AICE)
CAPTIONS_EMBEDDED = DatasetDeclaration(CARDS, "captions_embedded.md", None)
IMAGENET_LABELS = DatasetDeclaration(CARDS, "imagenet_labels.md", None)
