"""The record of a method's tuning in JSON: every trial with its settings and numbers."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from iceb.base.errors import SpecError
from iceb.base.files import write_atomic
from iceb.base.messages import quote
from iceb.specs.runs import Scalar, slug
from iceb.tuning.protocol import EDIT_SCORE, ERASE_SCORE

NUMBERS = re.compile(r"\[\n\s*(-?\d[^\[\]{}\"]*?)\s*\n\s*\]")  # a list of numbers, one on each line


class Numbers(BaseModel):
    """A trial's numbers at one number of edits."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    source2dest: float
    source_forget: float
    holdout_delta: float
    score: float
    edited: tuple[float, ...] = ()  # each request's change that counts in the score; () in older records
    kept: tuple[float, ...] = ()  # each holdout class's change
    edit_seconds: float  # with what earlier trials left in the scratch
    seconds: float  # with drawing and judging

    def by(self, name: str) -> float:
        """The score of a name; "" for the recorded one.

        >>> parts = {"source2dest": 0.5, "source_forget": 0.9, "holdout_delta": -0.1}
        >>> found = Numbers(**parts, score=0.2, edit_seconds=1, seconds=2)
        >>> found.by("erase_score"), found.by("edit_score"), found.by("")
        (0.4, 0.2, 0.2)
        """
        if not name:
            return self.score
        return ((self.source_forget if name == ERASE_SCORE else self.source2dest) + self.holdout_delta) / 2


class Origin(BaseModel):
    """The code and versions that a trial was made with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str  # digest of the method's code
    commit: str | None
    dirty: bool | None
    packages: Mapping[str, str]
    device: str
    finished: str


class Trial(BaseModel):
    """One trial: settings over the method's defaults, and its numbers by the number of edits."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    what: str  # "published", "own", "start" or "grid"
    settings: Mapping[str, Scalar]
    at: Mapping[int, Numbers] = Field(default_factory=dict)
    error: str = ""  # why a number of edits has none
    origin: Origin | None = None

    def score(self, edits: Sequence[int], name: str = "") -> float | None:
        """The mean score over the protocol's numbers of edits; None where one is missing.

        Args:
            name: "edit_score" or "erase_score"; "" for the one that was recorded.
        """
        return fmean(self.at[count].by(name) for count in edits) if set(edits) <= set(self.at) else None


class Tuning(BaseModel):
    """A method's tuning on one model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: str
    score: str = EDIT_SCORE
    protocol: Mapping[str, Any]
    validation_sha256: str  # of all requests and prompts
    model: str  # revision of the weights
    trials: tuple[Trial, ...] = ()

    @property
    def edits(self) -> tuple[int, ...]:
        """The numbers of edits that a score is the mean over."""
        return tuple(self.protocol["edits"])

    @property
    def scored_trials(self) -> list[tuple[int, Trial, float]]:
        """Number, trial and score of every trial that has one."""
        return self._trials_by("")

    def _trials_by(self, name: str) -> list[tuple[int, Trial, float]]:
        scores = [(number, trial, trial.score(self.edits, name)) for number, trial in enumerate(self.trials)]
        return [(number, trial, score) for number, trial, score in scores if score is not None]

    @property
    def is_complete(self) -> bool:
        """Whether every trial of the budget has a score or failed."""
        done = len(self.scored_trials) + sum(bool(trial.error) for trial in self.trials)
        return bool(len(self.trials) == done == self.protocol["trials"])

    @property
    def best(self) -> tuple[int, Trial, float] | None:
        """Number, trial and score of the best trial; of equals the first. None where none has a score."""
        return self.best_by("")

    def best_by(self, name: str) -> tuple[int, Trial, float] | None:
        """The best trial by a score, as `best` has it by the recorded one."""
        return max(self._trials_by(name), key=lambda each: each[2], default=None)

    @property
    def best_eraser(self) -> tuple[int, Trial, float] | None:
        """The best trial by erase_score, for tasks that erase; None where `best` is it."""
        found = self.best_by(ERASE_SCORE)
        return None if found is None or self.best is None or found[0] == self.best[0] else found

    def trial_of(self, settings: Mapping[str, Scalar]) -> Trial | None:
        """The trial of these settings; None if they were not tried."""
        return next((trial for trial in self.trials if dict(trial.settings) == dict(settings)), None)

    def is_same_question(self, other: "Tuning") -> bool:
        """Whether both ask the same of the same model, so that their trials compare."""
        fields = ("method", "score", "validation_sha256", "model")
        same = all(getattr(self, name) == getattr(other, name) for name in fields)
        return same and dict(self.protocol) == dict(other.protocol)


def tuning_path(method: str, folder: Path) -> Path:
    """The path of a method's record; `package/name` is one file's name.

    >>> tuning_path("iceb-nudge/nudge", Path("tuning")).as_posix()
    'tuning/iceb-nudge.nudge.json'
    """
    return folder / f"{slug(method)}.json"


def read_tuning(path: Path) -> Tuning | None:
    """Read a record; None where there is none.

    Raises:
        SpecError: the file is no record.
    """
    if not path.is_file():
        return None
    try:
        return Tuning.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SpecError(
            f"{path}: is no record of a tuning ({quote(str(error), 200)}): remove it, or restore it"
        ) from error


def write_tuning(path: Path, tuning: Tuning) -> None:
    """Write a record; a list of numbers stands on one line.

    Raises:
        StoreError: the folder cannot be written.
    """
    text = json.dumps(tuning.model_dump(mode="json"), ensure_ascii=False, indent=1)
    text = NUMBERS.sub(lambda found: f"[{', '.join(part.strip() for part in found[1].split(','))}]", text)
    write_atomic(path, f"{text}\n".encode())
