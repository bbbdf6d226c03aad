"""Check a measure's rows for sample images: one row each, a function of its declared inputs alone."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from iceb.base.errors import ModelError
from iceb.conformance.check_line import Broken, Info, Line, Skipped
from iceb.conformance.parts.sample_images import content_digest, reduce_to_inputs, sample_images, vary_read, vary_unread
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import differs, require
from iceb.specs.metrics import Inputs, Measure, MeasureInput
from iceb.stores.arrays import Array

ROWS, SAME = "one row of numbers an image", "same rows twice"
RELATIVE, ABSOLUTE = 1e-3, 1e-4  # tolerance of rows measured in another batch
COUNT = 6  # images that most checks measure


class MeasureSource(Protocol):
    """A registered measure; a check that needs what is not known is skipped."""

    device: str

    def make(self) -> Measure:
        """Make a new instance."""
        ...

    def the_measure(self) -> Measure:
        """Return the measure."""
        ...

    def the_inputs(self) -> Inputs:
        """Return the inputs that it declares."""
        ...


@dataclass
class MeasureRows:
    """The rows that a measure gives to sample images."""

    judge: MeasureSource
    rows: Array | None = None
    steady: bool | None = None  # True once a second call is known to give the same rows

    def lines(self, watch: ProcessWatch) -> Iterator[Line]:
        """Run these checks, one line each."""
        yield watch.line(ROWS, self._numbers)
        yield watch.line(SAME, self._same)
        yield watch.line("same rows from another instance", self._other_instance)
        yield watch.line("same rows alone and together", self._alone)
        yield watch.line("same rows in any order", self._order)
        yield watch.line("images left as they are", self._leaves_inputs)
        yield watch.line("reads nothing but its inputs", self._nothing_else)
        yield watch.line("reads its inputs", self._reads)
        yield watch.line("other sizes and plain images", self._odd)
        yield watch.line("time", self._time)

    def _numbers(self) -> str:
        """Check that rows are (images, width) float32 and finite."""
        self.judge.the_inputs()
        self.rows = self._measure(self._sample())
        return f"{self.rows.shape[1]} numbers"

    def _same(self) -> str:
        """Check that a second call gives the same rows: bit-equal on a CPU, within the tolerances elsewhere."""
        bounds = (0.0, 0.0) if self.judge.device == "cpu" else (RELATIVE, ABSOLUTE)
        known = require(self.rows, ROWS)
        agreed = self._agree(self._measure(self._sample()), known, "a second call gives other rows", *bounds)
        self.steady = True
        return agreed

    def _other_instance(self) -> str:
        """Check that a second instance gives the same rows, which random initialisation would change."""
        known = self._steady_rows()
        return self._agree(self._measure(self._sample(), self.judge.make()), known, "another instance gives other rows")

    def _alone(self) -> str:
        """Check that an image's row does not depend on the others of its batch."""
        known = self._steady_rows()
        found = np.concatenate([self._measure([each]) for each in self._sample()])
        return self._agree(found, known, "one at a time they have other rows")

    def _order(self) -> str:
        """Check that an image's row does not depend on its position."""
        known = self._steady_rows()
        return self._agree(self._measure(self._sample()[::-1]), known[::-1], "in another order they have other rows")

    def _leaves_inputs(self) -> str:
        """Check that the measure does not modify its inputs."""
        self._steady_rows()
        sample = self._sample()
        before = content_digest(sample)
        self._measure(sample)
        if content_digest(sample) != before:
            raise Broken("the images that it is given are changed: copy before you change")
        return ""

    def _nothing_else(self) -> str:
        """Check that undeclared inputs do not matter: the key of a stored row holds the declared ones only."""
        known, inputs = self._steady_rows(), self.judge.the_inputs()
        for what, sample in vary_unread(COUNT, inputs).items():
            self._agree(
                self._measure(sample), known, f"inputs are {inputs!r}, and with another {what} it gives other rows"
            )
        return ""

    def _reads(self) -> str:
        """Check that each declared input changes the rows."""
        known, inputs = self._steady_rows(), self.judge.the_inputs()
        if not known.any():
            raise Skipped("every number is 0 on patches of colour, as of a detector that finds nothing there")
        for what, sample in vary_read(COUNT, inputs).items():
            if not differs(known, self._measure(sample), RELATIVE, ABSOLUTE):
                raise Broken(f"inputs are {inputs!r}, and with another {what} it gives the same rows")
        return ""

    def _odd(self) -> str:
        """Check other image sizes, and images that are all black or all white."""
        width = self._steady_rows().shape[1]
        for (height, breadth), values in {(32, 32): None, (96, 64): None, (64, 64): (0, 255)}.items():
            seen = [
                reduce_to_inputs(each, self.judge.the_inputs()) for each in sample_images(2, height, breadth, values)
            ]
            if self._measure(seen).shape[1] != width:
                raise Broken(f"an image of {height}×{breadth} has rows of another width than one of 64×64")
        return "32×32, 96×64, black, white"

    def _time(self) -> Info:
        """Measure the time per image, without loading the network."""
        self._steady_rows()
        began = time.perf_counter()
        self._measure(self._sample())
        return Info(f"{1000 * (time.perf_counter() - began) / COUNT:.1f} ms an image, {COUNT} together")

    def _measure(self, inputs: Sequence[MeasureInput], measure: Measure | None = None) -> Array:
        """Call the measure and check shape, type and finiteness of its rows.

        Raises:
            Skipped: its weights are not here.
            Broken: it is no matrix of finite numbers.
        """
        try:
            found = (measure or self.judge.the_measure())(list(inputs))
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
        """Return sample images with the declared inputs only, as a run passes them."""
        return [reduce_to_inputs(each, self.judge.the_inputs()) for each in sample_images(COUNT)]

    def _agree(
        self, rows: Array, known: Array, what: str, relative: float = RELATIVE, absolute: float = ABSOLUTE
    ) -> str:
        if words := differs(known, rows, relative, absolute):
            raise Broken(f"{what}: {words}")
        return f"within {relative:g} and {absolute:g}" if relative else "to the bit"

    def _steady_rows(self) -> Array:
        """Return the rows of the sample images.

        Raises:
            Skipped: there are none, or they are others each time.
        """
        found = require(self.rows, ROWS)
        require(self.steady, SAME)
        return found
