"""Carry out a method's trials by the protocol, and keep each in the record as it is done."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from iceb.base.digest import digest
from iceb.base.errors import IcebError, MethodError, SpecError
from iceb.baselines.shipped_lists import with_shipped_lists
from iceb.models.bundle import ModelBundle
from iceb.running.given_method import Given, GivenMethod, find_given
from iceb.running.method_runner import ChosenMethod
from iceb.running.setting_types import fit_settings
from iceb.runs.provenance import Origin as RunOrigin
from iceb.runs.retained import names_in_words, retained_scored
from iceb.tuning.judging import Judge, tried_edit
from iceb.tuning.protocol import PROTOCOL, Protocol, score_name
from iceb.tuning.record import Numbers, Origin, Trial, Tuning, read_tuning, tuning_path, write_tuning
from iceb.tuning.space import Planned, planned_trials
from iceb.tuning.validation import Validation, scored_names, validation


@dataclass(frozen=True)
class Search:
    """The tuning of one method.

    Attributes:
        method: its name, its class, or an object.
        trials: what is tried, in order; () for the suite's own trials of the method.
        any_code: whether a trial that other code of the method made is kept too.
        cache: where images before and the methods' scratch are kept.
        folder: where the record is written.
        limit_seconds: no new edit begins after so long; None for no limit.
    """

    bundle: ModelBundle
    method: GivenMethod
    cache: Path
    folder: Path
    protocol: Protocol = PROTOCOL
    limit_seconds: float | None = None
    trials: tuple[Planned, ...] = ()
    any_code: bool = False

    @cached_property
    def given_method(self) -> Given:
        """The method as it was given."""
        return find_given(self.method)

    @property
    def path(self) -> Path:
        """The path of the record."""
        return tuning_path(self.given_method.entry.public_name, self.folder)

    @cached_property
    def judge(self) -> Judge:
        """The judge of every trial."""
        return Judge(self.bundle, self.cache)

    @cached_property
    def trial_plan(self) -> Sequence[Planned]:
        """The trials to be made."""
        return self.trials or planned_trials(self.given_method.entry.name, self.protocol)

    @cached_property
    def validations(self) -> dict[int, Validation]:
        """The validation concepts and prompts by the number of edits."""
        return {count: validation(count, self.protocol) for count in self.protocol.edits}

    def empty(self) -> Tuning:
        """A record of this question without trials."""
        return Tuning(
            method=self.given_method.entry.public_name,
            score=score_name(self.given_method.load().card),
            protocol=self.protocol.document(),
            validation_sha256=digest(list(self.validations.values())),
            model=self.bundle.ref.revision,
        )

    def run(self, tell: Callable[[str], None] = print) -> Tuning:
        """Make the trials that the record lacks; a record of another model or question is begun anew."""
        fresh, found = self.empty(), read_tuning(self.path)
        known = found if found is not None and found.is_same_question(fresh) else fresh
        trials = [
            self._still_valid(known.trial_of(each.settings)) or Trial(what=each.what, settings=each.settings)
            for each in self.trial_plan
        ]
        deadline = None if self.limit_seconds is None else time.monotonic() + self.limit_seconds
        for number, trial in enumerate(trials):
            for step in self._steps(trial, deadline):
                trials[number] = step
                write_tuning(self.path, fresh.model_copy(update={"trials": tuple(trials)}))
            tell(trial_line(number, trials[number], self.protocol))
        return fresh.model_copy(update={"trials": tuple(trials)})

    def check(self) -> None:
        """Refuse, before any edit, what would end every trial, or score what a table scores.

        Raises:
            SpecError: a setting that the method does not have, a value of another kind, or a list of scored names.
        """
        kind = self.given_method.load()
        for each in self.trial_plan:
            settings = fit_settings(self.given_method.entry.name, kind, with_shipped_lists(each.settings))
            with suppress(MethodError):  # a value that the method refuses is a failed trial
                self._refuse_scored_names(self.given_method.choose(settings))

    def _still_valid(self, trial: Trial | None) -> Trial | None:
        """A trial of the record, unless the method's code has changed since."""
        if trial is None or trial.origin is None or self.any_code:
            return trial
        try:
            return trial if trial.origin.code == self.given_method.choose({}).code else None
        except MethodError:  # defaults that the method refuses: its settings decide
            return trial

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
            chosen = self.given_method.choose(with_shipped_lists(trial.settings))
            self._refuse_scored_names(chosen)
            found = self._numbers(chosen, count)
        except IcebError as error:  # settings that a method refuses, or that end in numbers that are not finite
            return {"error": f"at {count} edits: {error}"}
        return {"at": {**trial.at, count: found}, "origin": self._origin(chosen)}

    def _refuse_scored_names(self, chosen: ChosenMethod) -> None:
        """Refuse settings that were written for what a table scores."""
        if names := retained_scored(chosen.method, scored_names()):
            raise SpecError(f"what it retains names {names_in_words(names)}: leave them out")

    def _numbers(self, chosen: ChosenMethod, count: int) -> Numbers:
        began, tried = time.perf_counter(), self.validations[count]
        edit, seconds = tried_edit(chosen, self.bundle, tried, self.cache)
        changes = self.judge.changes(edit, tried)
        return Numbers(
            source2dest=changes.source2dest,
            source_forget=changes.source_forget,
            holdout_delta=changes.holdout_delta,
            score=changes.score(reaches_dest=chosen.card.reaches_dest),
            edited=changes.edited_changes(reaches_dest=chosen.card.reaches_dest),
            kept=changes.kept,
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
