"""Read and validate the rows of the AICE files; errors name file, row and remedy.

Both sources of AICE (the upstream files and the embedded set) use this format, so one reader serves both. It knows
nothing of requests and prompts: `aice.py` makes those.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from iceb.base.errors import DataError
from iceb.base.readers import read_json
from iceb.datasets.rows import LAST_LABEL, Label, Seed, Text, kind_of, read_json_rows

REMEDY = "fetch it again with `iceb data fetch aice`, or name another folder with `data` or ICEB_DATA"


class HoldoutRow(BaseModel):
    """A prompt that names a class no request edits; the files' `idx` and `checked` are read past."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Text = Field(alias="class name")
    prompt: Text = Field(alias="text prompt")
    seed: Seed = Field(alias="random seed")
    label: Label = Field(alias="class id")


class EditRow(HoldoutRow):
    """A free-form prompt template of a class to be edited, and the class it shall become."""

    dest: Text = Field(alias="dest")
    dest_label: Label = Field(alias="dest id")


RowType = TypeVar("RowType", bound=HoldoutRow)


def read_rows(path: Path, kind: type[RowType]) -> list[RowType]:
    """All rows of a file, in the file's order.

    Raises:
        DataError: the file cannot be read, is no list in strict JSON, or a row lacks a key or holds a wrong value.
    """
    return read_json_rows(path, kind, REMEDY)


def by_class(rows: Sequence[RowType], path: Path, each: int, remedy: str = REMEDY) -> list[list[RowType]]:
    """Rows gathered class by class, in the file's order.

    Raises:
        DataError: a class stands in two places, has another number of rows than `each`, or changes its label or
            destination between its rows.
    """
    classes = [list(members) for _, members in groupby(rows, key=lambda row: row.name)]
    seen: set[str] = set()
    start = 0
    for members in classes:
        name = members[0].name
        if name in seen:
            raise DataError(f"{path}, row {start}: class {name!r} stands in two places of the file; {remedy}")
        if len(members) != each:
            raise DataError(f"{path}, row {start}: class {name!r} has {len(members)} rows, expected {each}; {remedy}")
        _check_agreement(members, path, start, remedy)
        seen.add(name)
        start += len(members)
    return classes


def _check_agreement(members: Sequence[HoldoutRow], path: Path, start: int, remedy: str) -> None:
    """Check that a class has one label and one destination."""
    facts = [row.model_dump(include={"label", "dest", "dest_label"}) for row in members]
    for offset, fact in enumerate(facts):
        if fact != facts[0]:
            name = members[0].name
            raise DataError(f"{path}, row {start + offset}: class {name!r} has {fact}, before {facts[0]}; {remedy}")


def read_labels(path: Path) -> frozenset[int]:
    """The class labels that a file lists.

    Raises:
        DataError: the file cannot be read, or is no list of distinct numbers from 0 to 999.
    """
    found = read_json(path, DataError, REMEDY)
    rows = found if isinstance(found, list) else []
    if not rows or not all(type(each) is int and 0 <= each <= LAST_LABEL for each in rows):
        raise DataError(f"{path} is no list of class ids from 0 to {LAST_LABEL}; {REMEDY}")
    return frozenset(rows)


def read_aliases(path: Path) -> dict[int, tuple[str, ...]]:
    """Other names of each class, by class label.

    Two forms are read: a ViT configuration, whose `id2label` separates names by commas (the first is the class's own
    name; the blank after each comma stays, as the authors' code keeps it), and a plain {"349": ["bighorn sheep"]}.

    Raises:
        DataError: the file cannot be read, is not strict JSON, or has neither form.
    """
    found = read_json(path, DataError, REMEDY)
    if isinstance(found, dict) and isinstance(found.get("id2label"), dict):
        found = {key: value.split(",")[1:] for key, value in found["id2label"].items() if isinstance(value, str)}
    if not isinstance(found, dict):
        raise DataError(f"{path} holds {kind_of(found)}, an object from class id to names was expected; {REMEDY}")
    return {_label(path, key): _names(path, key, names) for key, names in found.items()}


def _label(path: Path, key: str) -> int:
    if not (key.isascii() and key.isdigit() and int(key) <= LAST_LABEL):
        raise DataError(f"{path}: class id {key!r} is not a number from 0 to {LAST_LABEL}; {REMEDY}")
    return int(key)


def _names(path: Path, key: str, names: object) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise DataError(f"{path}: class id {key}: a list of names was expected, got {names!r:.80}; {REMEDY}")
    return tuple(names)
