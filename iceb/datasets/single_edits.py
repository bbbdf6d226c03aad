"""RoAD and TIMED: rows that are edited one at a time, each judged by its own prompts, four times.

A row says what becomes what, five prompts that should change with it, five that should not, and for each the two texts
that an image is compared with. One class serves both benchmarks, the authors' rows and ours on mini; they differ in the
names of their columns. Where this differs from the authors' code, the card's `deviations` say so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from iceb.datasets.aice import TRAIN_TEMPLATES
from iceb.datasets.counts import check_asked, check_declared
from iceb.datasets.rows import Text, read_csv_rows
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.requests import EditBatch, OracleRequest
from iceb.specs.schedules import Add, Checkpoint, Remove, Schedule

REPLICATES = 4  # global seeds 0 … 3: an edit and a draw of the row's images for each
TESTS = 5  # prompts that should change, and as many that should not
CALLS = (1, 3, 2, 3, 2)  # images of the authors' calls after one global seed: source, positives, negatives
SEEDS_PER_REPLICATE = 1000  # ours, one a prompt: 1000 … 1010 in the first replicate; those of oracle images lie below
ORACLE_IMAGES = 10  # of each text, with seeds 0 … 9; the adaptive criterion's paper takes 50
OLD, NEW = 0, 1  # places of the choices


class Comparison(BaseModel):
    """A tested prompt, the two texts that its image is compared with, and what an oracle is given instead."""

    model_config = ConfigDict(frozen=True)

    text: Text
    old: Text
    new: Text
    oracle: Text


class Row(BaseModel):
    """A row in lower case: what becomes what, the tests that should change and those that should not."""

    model_config = ConfigDict(frozen=True)

    dest: Text
    source: Comparison
    positives: tuple[Comparison, ...]
    negatives: tuple[Comparison, ...]

    @property
    def changing(self) -> tuple[Comparison, ...]:
        """The tests whose images should change."""
        return (self.source, *self.positives)


class TimedRow(Row):
    """A row of TIMED's columns: old, new, positive1, gt1, …, negative1, gn1, …"""

    @model_validator(mode="before")
    @classmethod
    def _from_columns(cls, cells: Any) -> Any:
        read = _Cells(cells)
        old, new = read["old"], read["new"]
        return {
            "dest": new,
            "source": {"text": old, "old": old, "new": new, "oracle": new},
            "positives": read.tests("positive", "positive", "gt", "gt"),
            "negatives": read.tests("negative", "negative", "gn", "negative"),
        }


class RoadRow(Row):
    """A row of RoAD's columns: Prompt, Oracle, Old, New, Positive1, Positive_oracle1, Positive_old1, …"""

    @model_validator(mode="before")
    @classmethod
    def _from_columns(cls, cells: Any) -> Any:
        read = _Cells(cells)
        return {
            "dest": read["new"],
            "source": {"text": read["prompt"], "old": read["old"], "new": read["new"], "oracle": read["oracle"]},
            "positives": read.tests("positive", "positive_old", "positive_new", "positive_oracle"),
            "negatives": read.tests("negative", "negative", "negative_new", "negative"),
        }


class _Cells:
    """The cells of a row by column, both in lower case, as the authors' code reads them."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = {column.lower(): text.lower() for column, text in cells.items()}

    def __getitem__(self, column: str) -> str:
        if column not in self._cells:
            raise ValueError(f"column {column!r} is missing")
        return self._cells[column]

    def tests(self, text: str, old: str, new: str, oracle: str) -> list[dict[str, str]]:
        """The five tests of the columns text1, old1, new1, oracle1, text2, …"""
        named = {"text": text, "old": old, "new": new, "oracle": oracle}
        return [{name: self[f"{column}{i}"] for name, column in named.items()} for i in range(1, TESTS + 1)]


@dataclass(frozen=True)
class _Single:
    """One edit of one row."""

    row: Row
    batch: EditBatch


class SingleEdits:
    """Rows that are edited alone, one after the other, four times each.

    Args:
        card: the declaration; its count of requests is checked against the rows.
        paths: the file by the card's key "rows".

    Raises:
        DataError: the file is malformed, or holds another number of rows than the card declares.
    """

    kind: ClassVar[type[Row]]

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        self.card = card
        remedy = f"fetch it again with `iceb data fetch {card.name}`, or name another folder with `data` or ICEB_DATA"
        self.rows: Sequence[Row] = read_csv_rows(paths["rows"], self.kind, remedy)
        check_declared(card, "requests", len(self.rows))
        singles = [_Single(row, self._batch(place, row, seed)) for place, row in enumerate(self.rows) for seed in SEEDS]
        self._singles = {single.batch.id: single for single in singles}

    def _batch(self, place: int, row: Row, seed: int) -> EditBatch:
        """One row to be edited with one of the global seeds."""
        name = f"{self.card.name}/{place:04d}"
        request = OracleRequest(
            id=f"{name}-seed{seed}",
            source=row.source.text,
            dests=(row.dest,),
            templates=TRAIN_TEMPLATES,
            seed=seed,
            oracle=_oracle_texts(row),
        )
        return EditBatch(request.id, (request,), replicate=seed, concept=name)

    def schedule(self, num_edits: int) -> Schedule:
        """The first `num_edits` rows, each edited, judged and removed, once for each of four seeds.

        Raises:
            DataError: fewer than one, or more than there are.
        """
        check_asked(f"dataset {self.card.name} has {len(self.rows)} single edits", num_edits, len(self.rows))
        batches = [single.batch for single in self._singles.values()][: num_edits * len(SEEDS)]
        return tuple(step for batch in batches for step in _steps(batch))

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        """The row's prompts with the batch's seed, and what the oracle images are drawn from."""
        row, (request,) = self._singles[batch.id].row, batch.requests
        tested = list(_tested_prompts(row, request.id, batch.replicate))
        return [*tested, *_oracle_prompts(tested)]

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        """None: each row has its own."""
        return []

    def scored_names(self) -> frozenset[str]:
        """Every text that a row edits, compares with or tests."""
        tests = [test for row in self.rows for test in (*row.changing, *row.negatives)]
        return frozenset(text for test in tests for text in (test.text, test.old, test.new))


SEEDS = range(REPLICATES)


class Road(SingleEdits):
    """RoAD: roles and appearances that change (arXiv:2306.00738)."""

    kind = RoadRow


class Timed(SingleEdits):
    """TIMED: implicit assumptions that change (arXiv:2303.08084)."""

    kind = TimedRow


def _steps(batch: EditBatch) -> Schedule:
    """Edit, judge, remove; the four edits of a row are one draw."""
    return Add(batch), Checkpoint(batch.id, draw=batch.concept or ""), Remove(batch.id)


def _tested_prompts(row: Row, request: str, replicate: int) -> Iterator[Prompt]:
    """The source, five positives and five negatives, each with a seed of its own and the published noise."""
    places = [(CALLS[: call + 1], slot) for call, size in enumerate(CALLS) for slot in range(size)]
    tests = [("source", NEW, row.source)]
    tests += [("positive", NEW, test) for test in row.positives]
    tests += [("negative", OLD, test) for test in row.negatives]
    for number, ((role, answer, test), (calls, slot)) in enumerate(zip(tests, places, strict=True)):
        yield Prompt(
            text=test.text,
            seed=SEEDS_PER_REPLICATE * (replicate + 1) + number,
            role=role,
            request=request,
            choices=(test.old, test.new),
            answer=answer,
            replicate=replicate,
            noise=NoiseDraw(replicate, calls, slot),
        )


def _oracle_prompts(tested: Sequence[Prompt]) -> Iterator[Prompt]:
    """Ten prompts for each text that a tested image should match, drawn by the unedited model alone.

    They have a role for each of the tested ones', which metrics read beside it; texts stand once in each.
    """
    by_text: dict[tuple[str, str], Prompt] = {}
    for prompt in tested:
        by_text.setdefault((prompt.role, prompt.choices[prompt.answer or 0]), prompt)
    for (role, text), prompt in by_text.items():
        for seed in range(ORACLE_IMAGES):
            yield replace(prompt, text=text, seed=seed, role=f"oracle_{role}", noise=None)


def _oracle_texts(row: Row) -> tuple[tuple[str, str], ...]:
    """Each tested text and what the control `oracle` draws in its place; negatives stay as they are."""
    kept = {test.text: test.text for test in row.negatives}
    return tuple({**kept, **{test.text: test.oracle for test in row.changing}}.items())


CARDS = "iceb.data_cards"
ROAD = DatasetDeclaration(CARDS, "road.md", Road)
ROAD_EMBEDDED = DatasetDeclaration(CARDS, "road_embedded.md", Road)
TIMED = DatasetDeclaration(CARDS, "timed.md", Timed)
TIMED_EMBEDDED = DatasetDeclaration(CARDS, "timed_embedded.md", Timed)
TIMED147 = DatasetDeclaration(CARDS, "timed147.md", Timed)
