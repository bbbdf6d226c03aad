"""Conformance checks of a metric, on synthetic rows; no network is loaded."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from iceb import registry
from iceb.base.cache import cache_root
from iceb.conformance.check_line import Line
from iceb.conformance.parts.metric_concepts import MetricConcepts
from iceb.conformance.parts.metric_values import MetricValues
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import IMPORTED, import_object, name_problems, paper_problems, refuse, require
from iceb.models.families import FAMILIES
from iceb.registry import Registered
from iceb.running.measure_choice import measure_for
from iceb.specs.metrics import Metric, Need
from iceb.specs.reduction import Change, Reduction

FIELDS = "fields"
PROCESS = "process untouched by all of this"
NAMED = {name: family.measures for name, family in FAMILIES.items()}


def check_metric(name: str) -> Iterator[Line]:
    """Run every check of a metric; each line is yielded as soon as its check has run.

    Raises:
        SpecError: there is no such metric.
    """
    declared = RegisteredMetric(registry.find("metrics", name))
    watch = ProcessWatch(cache_root())
    yield watch.line(IMPORTED, declared.import_object)
    yield watch.line(FIELDS, declared.fields)
    yield watch.line("measures to be had", declared.measures)
    metric_values = MetricValues(declared.sound, FIELDS)
    yield from metric_values.lines(watch)
    yield from MetricConcepts(metric_values).lines(watch)
    yield watch.line(PROCESS, watch.process_as_before)


@dataclass
class RegisteredMetric:
    """A registered metric and the checks of its fields."""

    entry: Registered
    metric: Metric | None = None
    sound: Metric | None = None  # set once its fields are valid

    def import_object(self) -> str:
        """Check that the entry point leads to an instance with a metric's fields."""
        self.metric = import_object(self.entry)
        if isinstance(self.metric, type):
            self.metric = None
            refuse([f"{self.entry.place} is a class: register an instance of it"])
        return ""

    def fields(self) -> str:
        """Check name, version, unit, direction, paper, needs and reduction."""
        metric = require(self.metric, IMPORTED)
        refuse([*_facts(metric, self.entry), *_needs(metric.needs), *_reduction(metric.reduction)])
        self.sound = metric
        return f"version {metric.version}, {metric.unit}, {'higher' if metric.higher_is_better else 'lower'} is better"

    def measures(self) -> str:
        """Find the measure for each kind that the metric reads."""
        metric = require(self.sound, FIELDS)
        kinds = dict.fromkeys(need.measure for need in metric.needs)
        return ", ".join(f"{kind}: {measure_of(kind)}" for kind in kinds)


def measure_of(kind: str) -> str:
    """Find the registered measure of a kind: mini's own, else that of another family.

    Raises:
        SpecError: no family names one, and none is registered under that name.
    """
    named = next((each for each in NAMED.values() if kind in each), {})
    return measure_for(kind, named).public_name


def _facts(metric: Metric, entry: Registered) -> Iterator[str]:
    yield from name_problems(metric.name, entry, "the name")
    version: Any = metric.version
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        yield f"the version is {version!r:.80}: must be a whole number from 1"
    if not isinstance(metric.unit, str) or not metric.unit.strip():
        yield f"the unit is {metric.unit!r:.80}: must be a word, such as probability"
    for name in ("higher_is_better", "asks_dest"):
        value = getattr(metric, name, False)
        if not isinstance(value, bool):
            yield f"{name} is {value!r:.80}: must be True or False"
    yield from paper_problems(getattr(metric, "paper", None))


def _needs(needs: Any) -> Iterator[str]:
    if not isinstance(needs, tuple) or not needs or not all(isinstance(need, Need) for need in needs):
        yield f"needs are {needs!r:.80}: must be a tuple of Need, at least one"
        return
    for need in needs:
        if not need.sides:
            yield f"need {need.key} reads no side"
    twice = [need.key for need in needs if sum(need.key == other.key and need != other for other in needs)]
    if twice:
        yield f"two different needs are called {twice[0]!r}: give each a name"


def _reduction(reduction: Any) -> Iterator[str]:
    if not isinstance(reduction, Reduction):
        yield f"the reduction is a {type(reduction).__name__}: must be a Reduction"
        return
    for name, part in reduction.parts.items():
        if part.change not in get_args(Change):
            yield f"part {name} has the change {part.change!r:.80}: must be one of {', '.join(get_args(Change))}"
        for field in ("weight", "slope", "offset"):
            number = getattr(part, field)
            if not math.isfinite(number):
                yield f"part {name} has the {field} {number!r:.80}: must be finite"
    if not any(part.weight for part in reduction.parts.values()):
        yield "no part has a weight, so that the value would always be 0"
    if reduction.weighting not in ("images", "concepts"):
        yield f"the weighting is {reduction.weighting!r:.80}: must be images or concepts"
    if all(part.slope == 0 for part in reduction.parts.values()):
        yield "every part has a slope of 0, so that the value would not depend on any statistic"
    if reduction.kind not in ("mean", "set"):
        yield f"the reduction's kind is {reduction.kind!r:.80}: must be mean or set"
