"""Carry out a method's trials by the protocol, and keep each in the record as it is done."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from iceb.base.digest import digest
from iceb.base.errors import IcebError
from iceb.models.bundle import ModelBundle
from iceb.running.method_runner import ChosenMethod, choose
from iceb.runs.provenance import Origin as RunOrigin
from tools.tuning.judging import Judge, tried_edit
from tools.tuning.protocol import PROTOCOL, Protocol, score_name
from tools.tuning.record import Numbers, Origin, Trial, Tuning, read_tuning, tuning_path, write_tuning
from tools.tuning.space import FOLDER, planned_trials
from tools.tuning.validation import Validation, validation


@dataclass(frozen=True)
class Search:
    """The tuning of one method.

    Attributes:
        cache: where images before and the methods' scratch are kept.
        folder: where the record is written.
        limit_seconds: no new edit begins after so long; None for no limit.
    """

    bundle: ModelBundle
    method: str
    cache: Path
    folder: Path = FOLDER
    protocol: Protocol = PROTOCOL
    limit_seconds: float | None = None

    @property
    def path(self) -> Path:
        """The path of the record."""
        return tuning_path(self.method, self.folder)

    @cached_property
    def judge(self) -> Judge:
        """The judge of every trial."""
        return Judge(self.bundle, self.cache)

    @cached_property
    def validations(self) -> dict[int, Validation]:
        """The validation concepts and prompts by the number of edits."""
        return {count: validation(count, self.protocol) for count in self.protocol.edits}

    def empty(self) -> Tuning:
        """A record of this question without trials."""
        return Tuning(
            method=self.method,
            score=score_name(choose(self.method, {}).card),
            protocol=self.protocol.document(),
            validation_sha256=digest(list(self.validations.values())),
            model=self.bundle.ref.revision,
        )

    def run(self, tell: Callable[[str], None] = print) -> Tuning:
        """Make the trials that the record lacks; a record of another model or question is begun anew."""
        fresh, found = self.empty(), read_tuning(self.path)
        known = found if found is not None and found.is_same_question(fresh) else fresh
        trials = [
            known.trial_of(each.settings) or Trial(what=each.what, settings=each.settings)
            for each in planned_trials(self.method, self.protocol)
        ]
        deadline = None if self.limit_seconds is None else time.monotonic() + self.limit_seconds
        for number, trial in enumerate(trials):
            for step in self._steps(trial, deadline):
                trials[number] = step
                write_tuning(self.path, fresh.model_copy(update={"trials": tuple(trials)}))
            tell(trial_line(number, trials[number], self.protocol))
        return fresh.model_copy(update={"trials": tuple(trials)})

    def _steps(self, trial: Trial, deadline: float | None) -> Iterator[Trial]:
        """Add the numbers that a trial lacks, one number of edits at a time."""
        for count in self.protocol.edits:
            if count in trial.at or trial.error or (deadline is not None and time.monotonic() >= deadline):
                continue
            trial = trial.model_copy(update=self._update(trial, count))
            yield trial

    def _update(self, trial: Trial, count: int) -> dict[str, Any]:
        """The fields of a trial that its edit at `count` changes."""
        try:
            chosen = choose(self.method, trial.settings)
            found = self._numbers(chosen, count)
        except IcebError as error:  # settings that a method refuses, or that end in numbers that are not finite
            return {"error": f"at {count} edits: {error}"}
        return {"at": {**trial.at, count: found}, "origin": self._origin(chosen)}

    def _numbers(self, chosen: ChosenMethod, count: int) -> Numbers:
        began, tried = time.perf_counter(), self.validations[count]
        edit, seconds = tried_edit(chosen, self.bundle, tried, self.cache)
        changes = self.judge.changes(edit, tried)
        return Numbers(
            source2dest=changes.source2dest,
            source_forget=changes.source_forget,
            holdout_delta=changes.holdout_delta,
            score=changes.score(reaches_dest=chosen.card.reaches_dest),
            edit_seconds=seconds,
            seconds=time.perf_counter() - began,
        )

    def _origin(self, chosen: ChosenMethod) -> Origin:
        made = RunOrigin.now(self.bundle.device).to_provenance()
        return Origin(
            code=chosen.code,
            commit=made.commit,
            dirty=made.dirty,
            packages=made.packages,
            device=made.device,
            finished=made.finished,
        )


def trial_line(number: int, trial: Trial, protocol: Protocol) -> str:
    """Describe a trial's numbers in one line."""
    if trial.error:
        return f"trial {number} ({trial.what}): failed {trial.error}"
    score = trial.score(protocol.edits)
    found = [
        f"{count}: {each.source2dest:+.3f} {each.source_forget:+.3f} {each.holdout_delta:+.3f} ({each.seconds:.0f}s)"
        for count, each in sorted(trial.at.items())
    ]
    shown = "unfinished" if score is None else f"score {score:.3f}"
    numbers = f"; source2dest, source_forget, holdout_delta at {'; '.join(found)}" if found else ""
    return f"trial {number} ({trial.what}): {shown}{numbers}"
