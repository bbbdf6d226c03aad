"""Does a measure give one row of numbers an image, of what it says it reads and of nothing else?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from iceb import registry
from iceb.base.cache import cache_root
from iceb.base.errors import ModelError, SpecError
from iceb.conformance.check_line import Broken, Line, Skipped
from iceb.conformance.parts.measure_rows import Rows
from iceb.conformance.process_watch import Surroundings
from iceb.conformance.registered_objects import IMPORTED, imported, name_problems, needed, refuse
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
    judge = Judge(registry.find("measures", name), device)
    around = Surroundings(cache_root(), device=device)
    yield around.line(IMPORTED, judge.imported)
    yield around.line(MADE, judge.made)
    yield around.line("id", judge.identity)
    yield around.line("revision", judge.revision)
    yield around.line(INPUTS, judge.inputs)
    yield from Rows(judge).lines(around)
    yield around.line(PROCESS, around.process_as_before)


@dataclass
class Judge:
    """A registered measure and what it says of sample images."""

    entry: Registered
    device: str
    kind: object = None
    measure: Measure | None = None
    fits: bool | None = None  # True once its `inputs` are known to be some

    def imported(self) -> str:
        """The entry point leads to what can be called with a device."""
        self.kind = imported(self.entry)
        return ""

    def made(self) -> str:
        """`kind(device=…)` makes it."""
        needed(self.kind, IMPORTED)
        self.measure = self.make()
        return f"on {self.device}"

    def make(self) -> Measure:
        """A measure of its own; that its weights are not here is nobody's mistake.

        Raises:
            Skipped: they are not.
        """
        try:
            return _unchecked(self.entry, self.device)
        except ModelError as error:
            raise Skipped(str(error)) from error

    def identity(self) -> str:
        """NAME@VERSION, the name that of the entry point, known before anything is loaded."""
        measure = needed(self.measure, MADE)
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
        found, again = (_weights(each) for each in (needed(self.measure, MADE), self.make()))
        if not isinstance(found, str) or not found.strip():
            raise Broken(f"the revision is {found!r:.80}: must be text that pins the weights, say a digest of them")
        if again != found:
            raise Broken(
                f"two instances have the revisions {found!r:.80} and {again!r:.80}: rows would never be found again"
            )
        return found[:40]

    def inputs(self) -> str:
        """One of those that there are."""
        measure = needed(self.measure, MADE)
        check_inputs(measure.inputs, f"measure {self.entry.name}")
        self.fits = True
        return measure.inputs

    def made_measure(self) -> Measure:
        """The measure.

        Raises:
            Skipped: it cannot be made.
        """
        return needed(self.measure, MADE)

    def sound_inputs(self) -> Inputs:
        """What it says it reads.

        Raises:
            Skipped: that is none of the inputs there are.
        """
        needed(self.fits, INPUTS)
        return self.made_measure().inputs


def _unchecked(entry: Registered, device: str) -> Measure:
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
