"""Check a metric on synthetic rows: it is a pure function, and has no value without images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from traceback import walk_tb

import numpy as np

from iceb.base.errors import IcebError
from iceb.base.wording import count_text
from iceb.conformance.check_line import Broken, Info, Line, Outcome, Skipped, error_text
from iceb.conformance.parts.made_up_rows import WIDTHS, MadeUpRows, Sides, content, made_up_prompts
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import require
from iceb.specs.metrics import AFTER, BEFORE, Metric
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import VALUE, ConceptValue, Score

COMPUTES, SAME = "a value of made-up numbers", "same value twice"
ROUNDING = 1e-6  # relative tolerance for another order of additions
OTHERS = 4  # sets of other rows of the same prompts
TINY = 1e-9  # values below this count as zero
KEEPS = "computed from the wrong rows, or from something that it does not say it reads"


@dataclass
class MetricValues:
    """The checks of a metric's values on synthetic rows.

    Args:
        metric: None where its fields cannot be relied on.
        fields: the check that says so.
    """

    metric: Metric | None
    fields: str
    numbers: MadeUpRows | None = None
    values: tuple[ConceptValue, ...] | None = None
    pure: bool | None = None  # True once equal numbers are known to give equal values

    def lines(self, watch: ProcessWatch) -> Iterator[Line]:
        """Run these checks, one line each."""
        yield watch.line(COMPUTES, self._computes)
        yield watch.line(SAME, self._same)
        yield watch.line("numbers left as they are", self._leaves_inputs)
        yield watch.line("no images, no value", self._nothing)
        yield watch.line("an edit that did nothing", self._edit_of_nothing)
        yield watch.line("zeros and ones", self._extremes)

    def _metric(self) -> Metric:
        return require(self.metric, self.fields)

    def require_values(self) -> tuple[MadeUpRows, tuple[ConceptValue, ...]]:
        """Return the synthetic rows that the metric can read, and its statistics of them.

        Raises:
            Skipped: there are none, or they are others each time.
        """
        numbers, values = require(self.numbers, COMPUTES), require(self.values, COMPUTES)
        require(self.pure, SAME)
        return numbers, values

    def ask(self, measured: Sides) -> tuple[ConceptValue, ...]:
        """Compute the metric's statistics of some rows."""
        return compute_values(self._metric(), measured)

    def _score(self, measured: Sides) -> Score:
        return reduce_values(self.ask(measured), self._metric().reduction)

    @property
    def is_set(self) -> bool:
        """Whether the metric is a distance of sets."""
        return self._metric().reduction.kind == "set"

    def _computes(self) -> Outcome:
        """Check that some width of rows gives a value; a metric that refuses all with an error is skipped."""
        metric = self._metric()
        refused: list[Exception] = []
        for width in WIDTHS:
            numbers = MadeUpRows(metric.needs, made_up_prompts(metric.needs, width), width)
            try:
                values = compute_values(metric, numbers.sides())
            except Exception as error:  # try the next width
                if _of_a_statistic(error):
                    raise
                refused.append(error)
                continue
            score = reduce_values(values, metric.reduction)
            if score.value is None:
                raise Broken(f"there is no value: {score.note}")
            self.numbers, self.values = numbers, values
            return self._describe_value(numbers, values, score.value)
        raise _worst(refused)

    def _describe_value(self, numbers: MadeUpRows, values: Sequence[ConceptValue], value: float) -> Outcome:
        """Describe the value.

        One of 0 for all made-up numbers exercised nothing, so that other checks say little.
        """
        concepts = len({each.concept for each in values})
        note = (
            f"{value:.3g} from rows of {numbers.width}: {len(values)} statistics of {count_text(concepts, 'concept')}"
        )
        if any(abs(self._score(other.sides()).value or 0) > TINY for other in (numbers, *others(numbers))):
            return note
        return Info(f"{note}; the metric is 0 on all made-up numbers, so that the checks below say little of it")

    def _same(self) -> str:
        """Check that equal rows give equal values."""
        numbers, values = require(self.numbers, COMPUTES), require(self.values, COMPUTES)
        if self.ask(numbers.sides()) != values:
            raise Broken("the same numbers give other values: draw from a generator with a seed of its own")
        self.pure = True
        return ""

    def _leaves_inputs(self) -> str:
        """Check that the metric does not modify its inputs, which other metrics read too."""
        numbers, _ = self.require_values()
        measured = numbers.sides()
        before = content(measured)
        self.ask(measured)
        if content(measured) != before:
            raise Broken("the numbers that it is given are changed: copy before you change")
        return ""

    def _nothing(self) -> str:
        """Check that without images, of one role or of all, there is no value: neither 0 nor an exception."""
        numbers, _ = self.require_values()
        roles = dict.fromkeys(prompt.role for prompt in numbers.prompts)
        for role in [*roles, None] if len(roles) > 1 else [None]:
            score = self._score(numbers.sides(partial(_without, role)))
            if score.value is not None:
                what = f"of role {role}" if role else "at all"
                raise Broken(
                    f"without images {what} the value is {score.value:g}: give no statistics for what is not there"
                )
        return ""

    def _edit_of_nothing(self) -> str:
        """Check that identical images before and after give a change of 0, and no larger a distance."""
        numbers, values = self.require_values()
        metric = self._metric()
        parts = [part for part in metric.reduction.parts.values() if part.weight]
        alone = any(AFTER in need.sides and BEFORE not in need.sides for need in metric.needs)
        value = self._score(numbers.sides(unedited=True)).value
        if self.is_set and all(part.change == "after" for part in parts):
            other = reduce_values(values, metric.reduction).value
            if value is None or other is None or value > other:
                raise Broken(f"two equal sets have the distance {value}, different ones {other}")
            return f"two equal sets: {value:.2g}"
        if alone or any(part.change in (BEFORE, AFTER) for part in parts):
            raise Skipped("its value is that of one side, not a change")
        if value is None or abs(value) > TINY:
            raise Broken(f"the images after are those before, and the value is {value}: must be 0")
        return "0"

    def _extremes(self) -> str:
        """Check rows of zeros and a single one, as a certain measure gives."""
        numbers, _ = self.require_values()
        self._score(numbers.sides(extreme=True))
        return ""


def others(numbers: MadeUpRows) -> tuple[MadeUpRows, ...]:
    """Make other rows of the same prompts."""
    return tuple(replace(numbers, number=number) for number in range(1, OTHERS + 1))


def compute_values(metric: Metric, measured: Sides) -> tuple[ConceptValue, ...]:
    """Compute a metric's statistics and check their type.

    Raises:
        Broken: it gives something else.
    """
    found = tuple(metric(measured))
    if wrong := [value for value in found if not isinstance(value, ConceptValue)]:
        raise Broken(f"it gives a {type(wrong[0]).__name__}: must give ConceptValue")
    return found


def _of_a_statistic(error: Exception) -> bool:
    """Whether ConceptValue raised the error: the metric's result was invalid, not its input."""
    *_, (frame, _line) = walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__") == ConceptValue.__module__


def _worst(refused: Sequence[Exception]) -> Exception:
    """Choose the error to report if every width failed: an ICEB error only skips the check."""
    for error in refused:
        if not isinstance(error, IcebError):
            return error
    return Skipped(f"it refuses made-up numbers: {error_text(refused[0])}")


def _without(role: str | None, prompt: object) -> bool:
    return role is not None and getattr(prompt, "role", None) != role


def by_name(values: Sequence[ConceptValue], of_set: bool) -> dict[object, ConceptValue]:
    """Index statistics by identity; of a set only the distance, because resampling depends on order."""
    return {(v.concept, v.part, v.replicate): v for v in values if not of_set or v.part == VALUE}


def agree(known: dict[object, ConceptValue], found: dict[object, ConceptValue], how: str) -> str:
    """Whether two values agree up to rounding."""
    if set(known) != set(found):
        raise Broken(f"{how} it gives {len(found)} statistics instead of {len(known)}")
    for name, value in known.items():
        for side in ("before", "after"):
            one, other = getattr(value, side), getattr(found[name], side)
            if (one is None) != (other is None) or not np.isclose(one or 0.0, other or 0.0, ROUNDING, TINY):
                raise Broken(f"{how} concept {value.concept}, part {value.part} has {side}={other}, not {one}: {KEEPS}")
    return ""
