"""The meanings of our metrics in words, with the bounds of their values: metrics/meanings.toml."""

import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from iceb.base.errors import SpecError
from iceb.base.readers import parse_toml
from iceb.specs.results import first_problem

FILE = "meanings.toml"
UNBOUNDED = (-math.inf, math.inf)


class Meaning(BaseModel):
    """One metric in words: its entry of metrics/meanings.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    definition: str = Field(min_length=1)
    formula: str = ""
    range: tuple[float, float] = UNBOUNDED  # the least and greatest possible value
    protocol: str = ""  # whose way of scoring it follows
    group: str = ""  # what is measured, on one scale; values of other groups do not compare
    caveat: str = ""  # what the number does not tell

    @model_validator(mode="after")
    def _ascends(self) -> "Meaning":
        least, greatest = self.range
        if not least < greatest:  # also where one is not a number
            raise ValueError(f"range [{least}, {greatest}] must ascend")
        return self

    @property
    def first_sentence(self) -> str:
        """The part of the definition that can stand in a table."""
        sentence, found, _ = self.definition.partition(". ")
        return f"{sentence}." if found else self.definition


@cache
def read_meanings() -> Mapping[str, Meaning]:
    """Read the meanings of our metrics by name.

    Raises:
        SpecError: the file is not TOML, or an entry has a field that is missing, unknown or wrong.
    """
    return parse_meanings((files("iceb.metrics") / FILE).read_text(encoding="utf-8"))


def parse_meanings(text: str) -> dict[str, Meaning]:
    """Parse and check the text of a file of meanings.

    Raises:
        SpecError: as `read_meanings`.
    """
    return {name: _meaning(name, entry) for name, entry in parse_toml(text, FILE, SpecError).items()}


def _meaning(name: str, entry: object) -> Meaning:
    try:
        return Meaning.model_validate(entry)
    except ValidationError as error:
        raise SpecError(f"{FILE}: {name}: {first_problem(error)}") from error


def of_group(group: str) -> tuple[str, ...]:
    """The metrics of ours in a comparable group, by name."""
    return tuple(sorted(name for name, meaning in read_meanings().items() if meaning.group == group))


def bounds_of(metric: str) -> tuple[float, float]:
    """The least and the greatest possible value of a metric; infinite where it has no entry, or no bound."""
    meaning = read_meanings().get(metric)
    return UNBOUNDED if meaning is None else meaning.range


def group_of(metric: str) -> str:
    """The comparable group of a metric; its own name where it has no entry, so that it has no other."""
    meaning = read_meanings().get(metric)
    return meaning.group if meaning is not None and meaning.group else metric
