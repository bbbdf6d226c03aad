"""What a measure says of sample images: one row each, of what it reads, whatever stands beside them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from iceb.base.errors import ModelError
from iceb.conformance.check_line import Broken, Line, Skipped, Told
from iceb.conformance.parts.sample_images import content, read, seen_by, sights, unread
from iceb.conformance.process_watch import Surroundings
from iceb.conformance.registered_objects import differs, needed
from iceb.specs.metrics import Inputs, Measure, MeasureInput
from iceb.stores.arrays import Array

ROWS, SAME = "one row of numbers an image", "same rows twice"
RELATIVE, ABSOLUTE = 1e-3, 1e-4  # by which rows may differ with what is measured beside them
COUNT = 6  # images that most checks measure


class Judge(Protocol):
    """A registered measure; what is not known of it is skipped."""

    device: str

    def make(self) -> Measure:
        """A measure of its own."""
        ...

    def made_measure(self) -> Measure:
        """The measure."""
        ...

    def sound_inputs(self) -> Inputs:
        """What it says it reads."""
        ...


@dataclass
class Rows:
    """The rows that a measure gives to sample images."""

    judge: Judge
    rows: Array | None = None
    steady: bool | None = None  # True once a second call is known to give the same rows

    def lines(self, around: Surroundings) -> Iterator[Line]:
        """One line each."""
        yield around.line(ROWS, self._numbers)
        yield around.line(SAME, self._same)
        yield around.line("same rows from another instance", self._other_instance)
        yield around.line("same rows alone and together", self._alone)
        yield around.line("same rows in any order", self._order)
        yield around.line("images left as they are", self._unchanged)
        yield around.line("reads nothing but its inputs", self._nothing_else)
        yield around.line("reads its inputs", self._reads)
        yield around.line("other sizes and plain images", self._odd)
        yield around.line("time", self._time)

    def _numbers(self) -> str:
        """(images, width) float32, finite."""
        self.judge.sound_inputs()
        self.rows = self._measured(self._sample())
        return f"{self.rows.shape[1]} numbers"

    def _same(self) -> str:
        """To the bit on a CPU; elsewhere as nearly as in another company."""
        bounds = (0.0, 0.0) if self.judge.device == "cpu" else (RELATIVE, ABSOLUTE)
        known = needed(self.rows, ROWS)
        agreed = self._agree(self._measured(self._sample()), known, "a second call gives other rows", *bounds)
        self.steady = True
        return agreed

    def _other_instance(self) -> str:
        """What is drawn at random when it is made would differ."""
        known = self._known()
        return self._agree(
            self._measured(self._sample(), self.judge.make()), known, "another instance gives other rows"
        )

    def _alone(self) -> str:
        """An image's row does not depend on the others of its batch."""
        known = self._known()
        found = np.concatenate([self._measured([each]) for each in self._sample()])
        return self._agree(found, known, "one at a time they have other rows")

    def _order(self) -> str:
        """Nor on its place."""
        known = self._known()
        return self._agree(self._measured(self._sample()[::-1]), known[::-1], "in another order they have other rows")

    def _unchanged(self) -> str:
        """Images and prompts are somebody else's."""
        self._known()
        sample = self._sample()
        before = content(sample)
        self._measured(sample)
        if content(sample) != before:
            raise Broken("the images that it is given are changed: copy before you change")
        return ""

    def _nothing_else(self) -> str:
        """The stored row is named by the inputs, so that nothing else may count."""
        known, inputs = self._known(), self.judge.sound_inputs()
        for what, sample in unread(COUNT, inputs).items():
            self._agree(
                self._measured(sample), known, f"inputs are {inputs!r}, and with another {what} it gives other rows"
            )
        return ""

    def _reads(self) -> str:
        """What it names makes a difference."""
        known, inputs = self._known(), self.judge.sound_inputs()
        if not known.any():
            raise Skipped("every number is 0 on patches of colour, as of a detector that finds nothing there")
        for what, sample in read(COUNT, inputs).items():
            if not differs(known, self._measured(sample), RELATIVE, ABSOLUTE):
                raise Broken(f"inputs are {inputs!r}, and with another {what} it gives the same rows")
        return ""

    def _odd(self) -> str:
        """A measure sees images of every model's size, black and white ones too."""
        width = self._known().shape[1]
        for (height, breadth), values in {(32, 32): None, (96, 64): None, (64, 64): (0, 255)}.items():
            seen = [seen_by(each, self.judge.sound_inputs()) for each in sights(2, height, breadth, values)]
            if self._measured(seen).shape[1] != width:
                raise Broken(f"an image of {height}×{breadth} has rows of another width than one of 64×64")
        return "32×32, 96×64, black, white"

    def _time(self) -> str:
        """What an image takes, loading the network left out."""
        self._known()
        began = time.perf_counter()
        self._measured(self._sample())
        raise Told(f"{1000 * (time.perf_counter() - began) / COUNT:.1f} ms an image, {COUNT} together")

    def _measured(self, inputs: Sequence[MeasureInput], measure: Measure | None = None) -> Array:
        """What the measure says, checked as far as every row is.

        Raises:
            Skipped: its weights are not here.
            Broken: it is no matrix of finite numbers.
        """
        try:
            found = (measure or self.judge.made_measure())(list(inputs))
        except ModelError as error:
            raise Skipped(str(error)) from error
        if not isinstance(found, np.ndarray) or found.dtype != np.float32:
            what = found.dtype if isinstance(found, np.ndarray) else type(found).__name__
            raise Broken(f"it gives {what}: must be an array of float32")
        if found.ndim != 2 or len(found) != len(inputs) or not found.shape[1]:
            raise Broken(f"it gives shape {found.shape} for {len(inputs)} images: must be ({len(inputs)}, width)")
        if not np.isfinite(found).all():
            raise Broken(f"{int((~np.isfinite(found)).sum())} of {found.size} numbers are not finite")
        return found

    def _sample(self) -> list[MeasureInput]:
        """Sample images with what the measure reads, and nothing else, as a run gives them."""
        return [seen_by(each, self.judge.sound_inputs()) for each in sights(COUNT)]

    def _agree(
        self, rows: Array, known: Array, what: str, relative: float = RELATIVE, absolute: float = ABSOLUTE
    ) -> str:
        if words := differs(known, rows, relative, absolute):
            raise Broken(f"{what}: {words}")
        return f"within {relative:g} and {absolute:g}" if relative else "to the bit"

    def _known(self) -> Array:
        """The rows of the sample images.

        Raises:
            Skipped: there are none, or they are others each time.
        """
        found = needed(self.rows, ROWS)
        needed(self.steady, SAME)
        return found
