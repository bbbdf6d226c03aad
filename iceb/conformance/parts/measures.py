"""Conformance checks of a measure: one row of numbers per image, from its declared inputs alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from iceb import registry
from iceb.base.cache import cache_root
from iceb.base.errors import ModelError, SpecError
from iceb.conformance.check_line import Broken, Line, Skipped
from iceb.conformance.parts.measure_rows import MeasureRows
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import IMPORTED, import_object, name_problems, refuse, require
from iceb.registry import Registered
from iceb.running.measure_choice import make_measure
from iceb.specs.metrics import Inputs, Measure, check_inputs

MADE, INPUTS = "can be made", "inputs"
PROCESS = "process untouched by all of this"
IDENTITY = re.compile(r"(.+)@([1-9][0-9]*)")


def check_measure(name: str, device: str = "cpu") -> Iterator[Line]:
    """Run every check of a measure; each line is yielded as soon as its check has run.

    Args:
        name: a registered measure.
        device: where it runs.

    Raises:
        SpecError: there is no such measure.
    """
    judge = RegisteredMeasure(registry.find("measures", name), device)
    watch = ProcessWatch(cache_root(), device=device)
    yield watch.line(IMPORTED, judge.import_object)
    yield watch.line(MADE, judge.can_be_made)
    yield watch.line("id", judge.identity)
    yield watch.line("revision", judge.revision)
    yield watch.line(INPUTS, judge.inputs)
    yield from MeasureRows(judge).lines(watch)
    yield watch.line(PROCESS, watch.process_as_before)


@dataclass
class RegisteredMeasure:
    """A registered measure and the checks of its attributes."""

    entry: Registered
    device: str
    kind: object = None
    measure: Measure | None = None
    fits: bool | None = None  # True once its `inputs` are known to be valid

    def import_object(self) -> str:
        """Check that the entry point can be imported."""
        self.kind = import_object(self.entry)
        return ""

    def can_be_made(self) -> str:
        """Check that `kind(device=…)` makes an instance."""
        require(self.kind, IMPORTED)
        self.measure = self.make()
        return f"on {self.device}"

    def make(self) -> Measure:
        """Make a new instance; skip the check if its weights are not on this machine.

        Raises:
            Skipped: they are not.
        """
        try:
            return _make_unchecked(self.entry, self.device)
        except ModelError as error:
            raise Skipped(str(error)) from error

    def identity(self) -> str:
        """Check that the id is NAME@VERSION with the registered name, and is known before loading."""
        measure = require(self.measure, MADE)
        found = IDENTITY.fullmatch(str(measure.id))
        if not found:
            raise Broken(f"the id is {measure.id!r:.80}: must be NAME@VERSION, as in {self.entry.name}@1")
        refuse(name_problems(found[1], self.entry, "the id's name"))
        if getattr(self.kind, "id", None) != measure.id:
            raise Broken(
                f"the id of the class is {getattr(self.kind, 'id', None)!r:.80}, of an instance {measure.id!r:.80}"
            )
        return measure.id

    def revision(self) -> str:
        """Check that the revision is text that pins the weights, equal for two instances."""
        found, again = (_weights(each) for each in (require(self.measure, MADE), self.make()))
        if not isinstance(found, str) or not found.strip():
            raise Broken(f"the revision is {found!r:.80}: must be text that pins the weights, say a digest of them")
        if again != found:
            raise Broken(
                f"two instances have the revisions {found!r:.80} and {again!r:.80}: rows would never be found again"
            )
        return found[:40]

    def inputs(self) -> str:
        """Check that `inputs` is one of the allowed values."""
        measure = require(self.measure, MADE)
        check_inputs(measure.inputs, f"measure {self.entry.name}")
        self.fits = True
        return measure.inputs

    def the_measure(self) -> Measure:
        """Return the measure.

        Raises:
            Skipped: it cannot be made.
        """
        return require(self.measure, MADE)

    def the_inputs(self) -> Inputs:
        """Return the inputs that it declares.

        Raises:
            Skipped: that is none of the inputs there are.
        """
        require(self.fits, INPUTS)
        return self.the_measure().inputs


def _make_unchecked(entry: Registered, device: str) -> Measure:
    """Make the measure as a run does, without checking `inputs`, which have their own line."""
    try:
        return make_measure(entry, device)
    except SpecError:
        made: Measure = entry.load()(device=device)
        return made


def _weights(measure: Measure) -> str:
    try:
        return measure.revision
    except ModelError as error:
        raise Skipped(str(error)) from error
