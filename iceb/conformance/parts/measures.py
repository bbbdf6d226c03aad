"""Does a measure give one row of numbers an image, of what it says it reads and of nothing else?"""

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
    """Every promise of a measure, one line as soon as it is known.

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
    """A registered measure and what it says of sample images."""

    entry: Registered
    device: str
    kind: object = None
    measure: Measure | None = None
    fits: bool | None = None  # True once its `inputs` are known to be some

    def import_object(self) -> str:
        """The entry point leads to what can be called with a device."""
        self.kind = import_object(self.entry)
        return ""

    def can_be_made(self) -> str:
        """`kind(device=…)` makes it."""
        require(self.kind, IMPORTED)
        self.measure = self.make()
        return f"on {self.device}"

    def make(self) -> Measure:
        """A measure of its own; that its weights are not here is nobody's mistake.

        Raises:
            Skipped: they are not.
        """
        try:
            return _make_unchecked(self.entry, self.device)
        except ModelError as error:
            raise Skipped(str(error)) from error

    def identity(self) -> str:
        """NAME@VERSION, the name that of the entry point, known before anything is loaded."""
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
        """Text that names the weights, the same from two instances."""
        found, again = (_weights(each) for each in (require(self.measure, MADE), self.make()))
        if not isinstance(found, str) or not found.strip():
            raise Broken(f"the revision is {found!r:.80}: must be text that pins the weights, say a digest of them")
        if again != found:
            raise Broken(
                f"two instances have the revisions {found!r:.80} and {again!r:.80}: rows would never be found again"
            )
        return found[:40]

    def inputs(self) -> str:
        """One of those that there are."""
        measure = require(self.measure, MADE)
        check_inputs(measure.inputs, f"measure {self.entry.name}")
        self.fits = True
        return measure.inputs

    def the_measure(self) -> Measure:
        """The measure.

        Raises:
            Skipped: it cannot be made.
        """
        return require(self.measure, MADE)

    def the_inputs(self) -> Inputs:
        """What it says it reads.

        Raises:
            Skipped: that is none of the inputs there are.
        """
        require(self.fits, INPUTS)
        return self.the_measure().inputs


def _make_unchecked(entry: Registered, device: str) -> Measure:
    """As a run makes it, but for its `inputs`, which have a line of their own."""
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
