"""Conformance checks of a dataset against its card and protocol; nothing is drawn or fetched."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iceb import registry
from iceb.base.cache import cache_root
from iceb.base.errors import DataError
from iceb.base.frames import attribute_errors
from iceb.conformance.check_line import Broken, Info, Line, Outcome, Skipped
from iceb.conformance.parts.dataset_optional_parts import OptionalParts
from iceb.conformance.parts.dataset_prompts import DatasetPrompts
from iceb.conformance.parts.dataset_remarks import DatasetRemarks
from iceb.conformance.parts.dataset_schedules import DatasetSchedules
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import IMPORTED, PLACEHOLDER, import_object, paper_problems, refuse, require
from iceb.datasets.cards import load_card
from iceb.datasets.locate import CACHE, locate_files, missing, place_of
from iceb.registry import Registered
from iceb.specs.datasets import ConceptDataset, DataCard, DatasetDeclaration

CARD, FILES, LOADS = "card can be read", "files are the declared ones", "loads"
OFFERED = ("card", "schedule", "prompts", "shared_prompts")
PROCESS, WRITES = "process untouched by all of this", "nothing written outside the cache"


def check_dataset(name: str, data: str | None = None, cache: Path | None = None) -> Iterator[Line]:
    """Run every check of a dataset; each line is yielded as soon as its check has run.

    Args:
        name: a registered dataset.
        data: "embedded", "upstream", or a folder that holds its files; None for where a run looks for them.
        cache: the cache's root; None for the default one.

    Raises:
        SpecError: there is no such dataset.
    """
    source = RegisteredDataset(registry.find("datasets", name), name, data, cache)
    watch = ProcessWatch(cache_root(cache))
    yield watch.line(IMPORTED, source.declared_object)
    yield watch.line(CARD, source.readable)
    yield watch.line("paper and licence", source.paper_and_licence)
    yield watch.line(FILES, source.files)
    yield watch.line("rows are as many as declared", source.rows)
    yield watch.line(LOADS, source.loads)
    if source.dataset is not None:
        schedules = DatasetSchedules(source.dataset, source.load)
        yield from schedules.lines(watch)
        prompts = DatasetPrompts(schedules)
        yield from prompts.lines(watch)
        yield from DatasetRemarks(prompts).lines(watch)
        yield from OptionalParts(schedules).lines(watch)
        yield watch.line("counts of the card", source.unread_counts)
    yield watch.line(PROCESS, watch.process_as_before)
    yield watch.line(WRITES, watch.nothing_written)


def files_here(card: DataCard, package: str, data: str | None, cache: Path | None) -> Mapping[str, Path]:
    """Return the verified files of a card if they are on this machine; nothing is fetched.

    Raises:
        Skipped: they are not.
        DataError: a file is missing from the named folder, or is not the declared one.
    """
    place = place_of(card, data, cache, package)
    if place.origin == CACHE and (absent := missing(card, place.folder)):
        raise Skipped(f"{', '.join(absent)} not here: run `iceb data fetch {card.name}`, or name a folder with `data`")
    return locate_files(card, data, cache, package)


@dataclass
class RegisteredDataset:
    """A registered dataset, from its entry point to the loaded object."""

    entry: Registered
    name: str
    data: str | None = None
    cache: Path | None = None
    declared: DatasetDeclaration | None = None
    card: DataCard | None = None
    paths: Mapping[str, Path] | None = None
    dataset: ConceptDataset | None = None
    counts: "WatchedCounts | None" = None

    def declared_object(self) -> str:
        """Check that the entry point leads to a declaration."""
        self.declared = import_object(self.entry, DatasetDeclaration)
        return ""

    def readable(self) -> str:
        """Check that the card exists, is valid, and has the entry point's name."""
        require(self.declared, IMPORTED)
        self.card = load_card(self.entry.full_name)
        return f"{self.card.title or self.card.name}, version {self.card.version}"

    def paper_and_licence(self) -> str:
        """Check that a licence is named, and a paper unless it is empty."""
        card = require(self.card, CARD)
        problems = paper_problems(card.paper)
        if not card.licence.strip() or PLACEHOLDER.search(card.licence):
            problems.append(f"the licence {card.licence!r:.80} is none: name one, as in Apache-2.0")
        refuse(problems)
        return ""

    def files(self) -> str:
        """Check that each file has the card's sha256."""
        card, package = require(self.card, CARD), require(self.declared, IMPORTED).package
        self.paths = files_here(card, package, self.data, self.cache)
        return ", ".join(file.path for file in card.files.values())

    def rows(self) -> str:
        """Check that files have the number of rows that the card declares."""
        card, paths = require(self.card, CARD), require(self.paths, FILES)
        expected = {key: file.rows for key, file in card.files.items() if file.rows is not None}
        if not expected:
            raise Skipped("the card counts no rows")
        found = {key: count_rows(paths[key]) for key in expected}
        wrong = [f"{key} holds {found[key]} rows, declared are {n}" for key, n in expected.items() if found[key] != n]
        refuse(wrong)
        return ", ".join(f"{key} {rows}" for key, rows in found.items())

    def load(self) -> ConceptDataset:
        """Load the dataset anew."""
        declared, card, paths = require(self.declared, IMPORTED), require(self.card, CARD), require(self.paths, FILES)
        if declared.load is None:
            raise Skipped("holds nothing to edit: its card and its files are all there is to check")
        with attribute_errors(DataError, f"dataset {card.name}"):
            self.counts = WatchedCounts(card.counts)
            return declared.load(card.model_copy(update={"counts": self.counts}), paths)

    def unread_counts(self) -> Outcome:
        """Report the card's counts that neither this check nor the loader compares with anything."""
        counts = require(self.counts, LOADS)
        unread = [f"{name} {number}" for name, number in dict.items(counts) if name not in {*counts.read, "requests"}]
        if not unread:
            return ", ".join(counts)
        return Info(f"nobody reads {', '.join(unread)}: hold them in the loader (card.counts), or leave them out")

    def loads(self) -> str:
        """Check that the loader returns an object with the protocol's methods and the given card."""
        found = self.load()
        if lacking := [name for name in OFFERED if not hasattr(found, name)]:
            raise Broken(f"the loaded {type(found).__name__} lacks {', '.join(lacking)}")
        if found.card != self.card:
            raise Broken("its card is not the one that the loader was given")
        self.dataset = found
        return type(found).__name__


class WatchedCounts(dict[str, int]):
    """A card's counts that remember which of them were read."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        super().__init__(counts)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> int:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a count, or the default."""
        self.read.add(name)
        return super().get(name, default)

    def items(self) -> Any:
        """Return all counts, which are then read."""
        self.read |= set(self)
        return super().items()


def count_rows(path: Path) -> int:
    """Count the entries of a JSON list or object, or the lines of any other text without a CSV header.

    Raises:
        Broken: the file is not text, or not JSON where its name says so.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            return len(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise Broken(f"the rows of {path.name} cannot be counted ({error}): declare none") from error
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) - (path.suffix.lower() in (".csv", ".tsv"))


def open_here(name: str, data: str | None = None, cache: Path | None = None) -> ConceptDataset:
    """Open a registered dataset if its files are on this machine.

    Raises:
        Skipped: they are not, or it holds nothing to edit.
        IcebError: it cannot be loaded.
    """
    source = RegisteredDataset(registry.find("datasets", name), name, data, cache)
    for step in (source.declared_object, source.readable, source.files, source.loads):
        step()
    return require(source.dataset, LOADS)
