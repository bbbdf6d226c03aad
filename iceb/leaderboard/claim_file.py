"""Read claims.toml: sentences of the project's pages, and what each says of committed results."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from iceb.base.errors import SpecError
from iceb.base.readers import parse_toml, read_text
from iceb.specs.results import first_problem

FILE = "claims.toml"
Kind = Literal["order", "margin", "parity", "threshold", "capacity"]
FIELDS: Mapping[Kind, tuple[str, ...]] = {  # that a claim of this kind has, beside those that all have
    "order": ("than",),
    "margin": ("than", "by"),
    "parity": ("than", "within"),
    "threshold": ("at_least", "at_most"),
    "capacity": ("efficacy", "preservation"),
}
EITHER = ("at_least", "at_most")  # of which one is enough
OF_KINDS = tuple(dict.fromkeys(name for names in FIELDS.values() for name in names))


class Bound(BaseModel):
    """One half of a claim of capacity: a metric, and what its value must reach."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _is_bound(self) -> "Bound":
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"metric {self.metric} has neither at_least nor at_most: give one of them")
        return self


class Claim(BaseModel):
    """One sentence, and what it says of results.

    Several rows to compare with, or numbers of edits, are one claim: it is carried where each of them is.

    Attributes:
        page: of the checkout.
        says: the sentence, as it stands there but for line ends.
        model: the family of the results.
        row: as its leaderboard names it, "emcid, tuned for mini with MEMIT's residual".
        metric: of the row; of a claim of capacity none, for each half has its own.
        than: rows that it is compared with.
        than_metric: of those rows, where it is another one; both must be of one comparable group.
        by: the least difference that the sentence speaks of, in the better direction.
        within: the largest difference that counts as none.
        at_least: the least value that the sentence allows.
        at_most: the greatest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: str = Field(min_length=1)
    says: str = Field(min_length=10)
    kind: Kind
    task: str
    model: str = "mini"
    num_edits: tuple[int, ...] = Field(min_length=1)
    row: str
    metric: str = ""
    than: tuple[str, ...] = ()
    than_metric: str = ""
    by: float | None = Field(default=None, gt=0)
    within: float | None = Field(default=None, gt=0)
    at_least: float | None = None
    at_most: float | None = None
    efficacy: Bound | None = None
    preservation: Bound | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_lists(cls, entry: Any) -> Any:
        """One row, or one number of edits, may stand without brackets."""
        if not isinstance(entry, dict):
            return entry
        single = {name: [entry[name]] for name in ("than", "num_edits") if isinstance(entry.get(name), str | int)}
        return {**entry, **single}

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Claim":
        given = [name for name in OF_KINDS if getattr(self, name) not in (None, ())]
        wanted = FIELDS[self.kind]
        if wrong := [name for name in given if name not in wanted]:
            raise ValueError(f"a claim of {self.kind} has {_in_words(wanted)}, and no {wrong[0]}")
        lacking = [name for name in wanted if name not in given]
        if lacking and not (set(wanted) == set(EITHER) and given):
            raise ValueError(f"a claim of {self.kind} needs {_in_words(wanted)}")
        if bool(self.metric) == (self.kind == "capacity"):
            raise ValueError("a claim needs a metric; one of capacity has none, for each half has its own")
        if self.than_metric and not self.than:
            raise ValueError("than_metric is of the rows of than, and there are none")
        return self


def _in_words(names: tuple[str, ...]) -> str:
    joined = " or " if names == EITHER else " and "
    return joined.join(names)


def read_claims(path: Path) -> tuple[Claim, ...]:
    """The claims of a file, in their order.

    Raises:
        SpecError: it cannot be read, is not TOML, or a claim is malformed; the message says which and how.
    """
    return parse_claims(read_text(path, SpecError, f"name a file of claims, as {FILE} of a checkout"), path.name)


def parse_claims(text: str, name: str = FILE) -> tuple[Claim, ...]:
    """The claims of a file's text.

    Raises:
        SpecError: as `read_claims`.
    """
    document = parse_toml(text, name, SpecError)
    entries = document.get("claim", [])
    if unknown := [key for key in document if key != "claim"]:
        raise SpecError(f"{name}: unknown key {unknown[0]!r:.80}: a file of claims holds [[claim]] alone; remove it")
    if not isinstance(entries, list) or not entries:
        raise SpecError(f"{name}: has no [[claim]]: write one, or remove the file")
    return tuple(_claim(name, number, entry) for number, entry in enumerate(entries, start=1))


def _claim(name: str, number: int, entry: object) -> Claim:
    try:
        return Claim.model_validate(entry)
    except ValidationError as error:
        raise SpecError(f"{name}: claim {number}: {first_problem(error)}") from error
