"""Debiasing: professions to be drawn as women and men equally often.

One class serves both sources, the upstream file and the embedded set, and both tasks: all professions in one edit, or
each edited alone. Where this differs from the authors' code, the card's `deviations` say so.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from itertools import chain
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from iceb.base.errors import DataError
from iceb.datasets.counts import check_declared, first_requests
from iceb.datasets.rows import Text, read_csv_rows
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, one_by_one, single_batch

REMEDY = "name another folder with `data` or ICEB_DATA"
TEMPLATES = ("a photo of {}", "an image of {}", "{}")  # the authors' training templates for debiasing
ROLE = "profession"
IMAGES = 12  # of each prompt and seed
TRAIN_SEED, TRAIN_SEED_BOUND = 2023, 100_000


class ProfessionRow(BaseModel):
    """A profession, its two destinations, and the sentences about it; the column `new` is read past."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    female: Text
    male: Text
    old: Text
    validation: Text
    ex1: Text
    ex2: Text
    ex3: Text
    ex4: Text
    ex5: Text

    @property
    def sentences(self) -> tuple[str, ...]:
        """The six prompts, in the order in which the authors draw them."""
        return self.validation, self.ex1, self.ex2, self.ex3, self.ex4, self.ex5


class Debias:
    """Professions to be balanced between two genders (arXiv:2403.13807).

    Args:
        card: the declaration; its counts are checked against the rows.
        paths: the file `professions`.
        single: each profession is edited and judged alone; else all in one edit.

    Raises:
        DataError: the file is malformed, names a profession twice, or holds another number of rows than declared.
    """

    def __init__(self, card: DataCard, paths: Mapping[str, Path], single: bool = False) -> None:
        self.card, self.single = card, single
        rows = read_csv_rows(paths["professions"], ProfessionRow, REMEDY)
        self._check(len(rows), [row.old for row in rows])
        seeds = random.Random(TRAIN_SEED).sample(range(TRAIN_SEED_BOUND), len(rows))
        self.requests = tuple(
            EditRequest(f"{card.name}/{place:04d}", row.old, (row.female, row.male), TEMPLATES, seed)
            for place, (row, seed) in enumerate(zip(rows, seeds, strict=True))
        )
        texts = [each.dests for each in self.requests]
        self._choices = {
            each.id: tuple(chain(each.dests, *texts[:place], *texts[place + 1 :]))
            for place, each in enumerate(self.requests)
        }
        self._sentences = {each.id: row.sentences for each, row in zip(self.requests, rows, strict=True)}

    def _check(self, rows: int, sources: Sequence[str]) -> None:
        check_declared(self.card, "requests", rows)
        if twice := [name for name in sources if sources.count(name) > 1]:
            raise DataError(f"dataset {self.card.name} names {twice[0]!r} twice; {REMEDY}")

    def schedule(self, num_edits: int) -> Schedule:
        """The first `num_edits` professions: in one batch, or each alone.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        chosen = first_requests(self.card, self.requests, num_edits)
        if self.single:
            return one_by_one(EditBatch(request.id, (request,)) for request in chosen)
        return single_batch(EditBatch(f"{self.card.name}/{num_edits:04d}", chosen))

    def only(self, requests: Sequence[EditRequest]) -> "Debias":
        """The dataset with some of its requests alone; their prompts stay as they are."""
        found = copy(self)
        found.requests = tuple(requests)
        return found

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """Six sentences of 12 images for each seed that the card counts, of each profession of a batch."""
        return [
            prompt
            for request in batch.requests
            for seed in range(self.card.counts["seeds"])
            for prompt in _profession_prompts(request, self._choices[request.id], self._sentences[request.id], seed)
        ]

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """None: nothing else is judged."""
        return []

    def scored_names(self) -> frozenset[str]:
        """Every profession and both its destinations."""
        return frozenset(name for each in self.requests for name in (each.source, *each.dests))


def _profession_prompts(
    request: EditRequest, choices: tuple[str, ...], sentences: Sequence[str], seed: int
) -> Iterator[Prompt]:
    """The images of one profession and seed, which all professions draw from the same noise.

    Choices are its own two destinations, and then those of all other professions.

    `noise` is the published way: one after the other after seeding once.
    """
    texts = [sentence for sentence in sentences for _ in range(IMAGES)]
    for place, text in enumerate(texts):
        own = seed * len(texts) + place
        noise = NoiseDraw(seed, _CALLS[place])
        yield Prompt(text, own, ROLE, request=request.id, choices=choices, replicate=seed, noise=noise)


_CALLS = [(1,) * (place + 1) for place in range(6 * IMAGES)]  # made once, for there are thousands of prompts
CARDS = "iceb.data_cards"
Load = Callable[[DataCard, Mapping[str, Path]], Debias]
SINGLE: Load = partial(Debias, single=True)
DEBIAS = DatasetDeclaration(CARDS, "debias.md", Debias)
DEBIAS_EMBEDDED = DatasetDeclaration(CARDS, "debias_embedded.md", Debias)
DEBIAS_SINGLE = DatasetDeclaration(CARDS, "debias_single.md", SINGLE)
DEBIAS_SINGLE_EMBEDDED = DatasetDeclaration(CARDS, "debias_single_embedded.md", SINGLE)
