"""Score images: each measure sees the images that its metrics read once, then metrics reduce the rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeAlias

from iceb import registry
from iceb.base.digest import digest
from iceb.base.errors import MeasureError, SpecError
from iceb.base.frames import attribute_errors
from iceb.base.messages import quote
from iceb.running.failed_images import FailedImages
from iceb.running.measure_attempts import FailedRow, MeasuredRow
from iceb.running.measuring import MeasuredImage, Measuring, Rows, assemble
from iceb.runs.ledger import ImageRow
from iceb.runs.table import TableRow
from iceb.specs.chosen_intervals import score_interval
from iceb.specs.meanings import bounds_of
from iceb.specs.metrics import (
    AFTER,
    REFERENCE,
    Measure,
    Measured,
    Metric,
    Need,
    asks_dest,
    is_counted,
    reference_names,
    reference_of,
)
from iceb.specs.prompts import ImageKey
from iceb.specs.records import ScoreRecord
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import ConceptValue, Score
from iceb.specs.runs import MeasureRef

ERASES = Score(None, None, n=0, concepts=0, note="erases; does not aim at a destination")
Grouped: TypeAlias = dict[str, list[ImageRow]]  # group of checkpoints → its rows


@dataclass(frozen=True)
class RegisteredMetric:
    """A metric and the distribution that registers it."""

    metric: Metric
    package: str


def registered_metric(name: str) -> RegisteredMetric:
    """Load the metric registered under a name.

    Raises:
        SpecError: there is none, it cannot be imported, or it has another name than its entry point.
    """
    entry = registry.find("metrics", name)
    metric: Metric = entry.load()
    if metric.name != entry.name:
        raise SpecError(
            f"metric {entry.full_name}: its name is {quote(metric.name, 80)} and its entry point's {entry.name!r}: "
            "give both one name, which is then the metric's everywhere"
        )
    return RegisteredMetric(metric, entry.package)


@dataclass(frozen=True)
class Scores:
    """Scores by group of checkpoints, in the run's order, and the statistics behind them."""

    groups: Mapping[str, tuple[ScoreRecord, ...]]
    table: tuple[TableRow, ...]


@dataclass
class Scorer:
    """Compute every metric of a run from its images.

    Args:
        metrics: what to compute.
        measures: by the kind that metrics name.
        measuring: looks at images, or at what is stored of them.
        references: images that no model drew, by the name of their side.
        reaches_dest: what the method's card says; an eraser has no value where a metric asks for the destination.
        clusters: what several concepts share, by concept; intervals are taken over it.
    """

    metrics: Sequence[RegisteredMetric]
    measures: Mapping[str, Measure]
    measuring: Measuring
    references: Mapping[str, Sequence[ImageKey]] = field(default_factory=dict)
    reaches_dest: bool = True
    clusters: Mapping[str, str] = field(default_factory=dict)

    def scores(self, rows: Sequence[ImageRow]) -> Scores:
        """Score every metric at every group of checkpoints.

        Raises:
            IcebError: a measure failed, an image is lost, or a metric was given what it cannot read.
        """
        grouped: Grouped = {}
        for row in rows:
            grouped.setdefault(row.group, []).append(row)
        numbers = self.numbers(rows)
        table: list[TableRow] = []
        groups: dict[str, tuple[ScoreRecord, ...]] = {}
        for group, members in grouped.items():
            groups[group] = tuple(self._score(each, group, members, numbers, table) for each in self.metrics)
        return Scores(groups, tuple(table))

    def _score(
        self,
        registered: RegisteredMetric,
        group: str,
        rows: Sequence[ImageRow],
        numbers: Mapping[str, Rows],
        table: list[TableRow],
    ) -> ScoreRecord:
        """Score one metric on one group of rows, and add its statistics to the table."""
        metric = registered.metric
        used = {need.measure: measure_record(self.measures[need.measure]) for need in metric.needs}
        references = {name: digest(list(self._reference(name))) for name in reference_names(metric)}
        if not self.reaches_dest and asks_dest(metric):
            return ScoreRecord.of(metric, registered.package, used, ERASES, references)
        failed = FailedImages()
        with attribute_errors(MeasureError, f"metric {metric.name}"):
            values = [value for part in self._parts(rows) for value in self._values(metric, part, numbers, failed)]
            score = _reduce(metric, values)
        if failed.withholds:
            values, score = [], Score(None, None, n=0, concepts=0, note=failed.note)
        table += [TableRow(group, metric.name, value) for value in values]
        record = ScoreRecord.of(metric, registered.package, used, score, references)
        found = score_interval(values, metric.reduction, score, self.clusters, bounds_of(metric.name))
        return record.model_copy(update={"failed": failed.count, "failed_why": failed.reason, "interval": found})

    @staticmethod
    def _parts(rows: Sequence[ImageRow]) -> list[list[ImageRow]]:
        """Group the rows that a metric reads together: each checkpoint's own."""
        parts: dict[str, list[ImageRow]] = {}
        for row in rows:
            parts.setdefault(row.checkpoint, []).append(row)
        return list(parts.values())

    def _values(
        self, metric: Metric, rows: Sequence[ImageRow], numbers: Mapping[str, Rows], failed: FailedImages
    ) -> Iterator[ConceptValue]:
        """Compute the statistics of some rows, with their checkpoint; count what failed, and leave it out."""
        kept = self._sound_rows(metric, rows, numbers, failed)
        measured = {need.key: self._sides(need, kept, numbers[need.measure]) for need in metric.needs}
        for value in metric(measured):
            yield replace(value, checkpoint=rows[0].checkpoint, draw=rows[0].draw)

    def _sound_rows(
        self, metric: Metric, rows: Sequence[ImageRow], numbers: Mapping[str, Rows], failed: FailedImages
    ) -> list[ImageRow]:
        """Return the rows without those whose image failed on some side that the metric reads."""
        read = [row for row in rows if any(need.accepts(row.prompt) for need in metric.needs)]
        reasons = [_reason(self._rows_of(metric, row, numbers)) for row in read]
        counted = [(row.prompt, why) for row, why in zip(read, reasons, strict=True) if is_counted(metric, row.prompt)]
        for role in dict.fromkeys(prompt.role for prompt, _ in counted):
            failed.add(role, [why for prompt, why in counted if prompt.role == role])
        for need in metric.needs if not hasattr(metric, "reference_of") else ():
            for side in (each for each in need.sides if each.startswith(REFERENCE) and not failed.has(each)):
                failed.add(side, [_reason([each]) for each in self._outcomes(need, side, rows, numbers)])
        lost = {id(each) for each, reason in zip(read, reasons, strict=True) if reason is not None}
        return [row for row in rows if id(row) not in lost]

    def _rows_of(self, metric: Metric, row: ImageRow, numbers: Mapping[str, Rows]) -> Iterator[MeasuredRow]:
        """Yield what was measured of a prompt's images, on all sides that are read, and of its reference."""
        place = reference_of(metric, row.prompt)
        for need in metric.needs:
            for side in need.sides:
                found = self._outcomes(need, side, [row], numbers)
                if not side.startswith(REFERENCE):
                    yield from found
                elif place is not None:
                    yield from islice(found, place, place + 1)

    def _outcomes(
        self, need: Need, side: str, rows: Sequence[ImageRow], numbers: Mapping[str, Rows]
    ) -> Iterator[MeasuredRow]:
        measure = self.measures[need.measure]
        for image in self._images(need, side, rows):
            yield numbers[need.measure][image.key(measure)]

    def numbers(self, rows: Sequence[ImageRow]) -> dict[str, Rows]:
        """Measure all images that the metrics read, and keep what is found; rows by kind of measure."""
        asked = [each for each in self.metrics if self.reaches_dest or not asks_dest(each.metric)]
        needs = [need for each in asked for need in each.metric.needs]
        found: dict[str, Rows] = {}
        for kind in dict.fromkeys(need.measure for need in needs):
            mine = [need for need in needs if need.measure == kind]
            found[kind] = {}
            for side in dict.fromkeys(side for need in mine for side in need.sides):
                wanted = [image for need in mine if side in need.sides for image in self._images(need, side, rows)]
                found[kind].update(self.measuring.rows(self.measures[kind], wanted, side))
        return found

    def row_keys(self, rows: Sequence[ImageRow]) -> dict[str, list[str]]:
        """Return the keys of all rows that the metrics read, by kind of measure."""
        found: dict[str, list[str]] = {}
        for need in (need for each in self.metrics for need in each.metric.needs):
            images = [image for side in need.sides for image in self._images(need, side, rows)]
            found.setdefault(need.measure, []).extend(image.key(self.measures[need.measure]) for image in images)
        return found

    def _sides(self, need: Need, rows: Sequence[ImageRow], numbers: Rows) -> dict[str, Measured]:
        """Return the rows of a need's sides; failed images of a reference are left out here."""
        measure, found = self.measures[need.measure], {}
        for side in need.sides:
            images = list(self._images(need, side, rows))
            if not side.startswith(REFERENCE):
                found[side] = assemble(measure, images, numbers)
                continue
            outcomes = [numbers[each.key(measure)] for each in images]
            places = tuple(place for place, each in enumerate(outcomes) if not isinstance(each, FailedRow))
            found[side] = replace(assemble(measure, [images[place] for place in places], numbers), places=places)
        return found

    def _images(self, need: Need, side: str, rows: Sequence[ImageRow]) -> Iterator[MeasuredImage]:
        """Return the images of one side that a need reads, in the run's order."""
        if side.startswith(REFERENCE):
            yield from (MeasuredImage(key) for key in self._reference(side.removeprefix(REFERENCE)))
            return
        for row in rows:
            key = row.key(side)
            if key is not None and need.accepts(row.prompt):
                yield MeasuredImage(key, row.prompt, row.before if side == AFTER else key)

    def _reference(self, name: str) -> Sequence[ImageKey]:
        if name not in self.references:
            known = ", ".join(self.references) or "none"
            raise SpecError(f"a metric reads the reference {name!r}, and the dataset has {known}")
        return self.references[name]


def _reason(outcomes: Iterable[MeasuredRow]) -> str | None:
    """Return why the first of some images failed that did; None if none did."""
    return next((each.reason for each in outcomes if isinstance(each, FailedRow)), None)


def _reduce(metric: Metric, values: Sequence[ConceptValue]) -> Score:
    try:
        return reduce_values(values, metric.reduction)
    except SpecError as error:
        raise SpecError(f"metric {metric.name}: {error}") from error


def measure_record(measure: Measure) -> MeasureRef:
    """Make the record of a measure for a score."""
    return MeasureRef(id=measure.id, revision=measure.revision)
