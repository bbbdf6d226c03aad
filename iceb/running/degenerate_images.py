"""Count a run's degenerate images, before and after the edit, from the images themselves."""

from collections.abc import Iterator, Sequence

from iceb import registry
from iceb.running.measure_attempts import FailedRow
from iceb.running.measure_choice import make_measure
from iceb.running.measuring import MeasuredImage, Measuring, Rows
from iceb.runs.ledger import ImageRow
from iceb.specs.degenerate import KINDS, DegenerateCounts, DegenerateRecord
from iceb.specs.metrics import Measure
from iceb.specs.prompts import ImageKey
from iceb.specs.runs import MeasureRef

DETECTOR = "iceb/degenerate"  # the registered measure


def detector() -> Measure:
    """Make the detector."""
    return make_measure(registry.find("measures", DETECTOR), "cpu")


def count_degenerate(measuring: Measuring, rows: Sequence[ImageRow]) -> DegenerateRecord | None:
    """Count the degenerate images of the last group of checkpoints; None where none was drawn after.

    Raises:
        ImagesLost: images are missing or damaged; they can be drawn again.
    """
    groups = list(dict.fromkeys(row.group for row in rows))
    last = [row for row in rows if row.after is not None and row.group == groups[-1]]
    if not last:
        return None
    measure = detector()
    found = measuring.rows(measure, [MeasuredImage(key) for key in keys_of(last)], "degenerate images")
    roles = {role: _counts([row for row in last if row.prompt.role == role], found) for role in _roles(last)}
    return DegenerateRecord(measure=MeasureRef(id=measure.id, revision=measure.revision), roles=roles)


def keys_of(rows: Sequence[ImageRow]) -> Iterator[ImageKey]:
    """Yield the keys of all images that are looked at; the detector's rows have the same keys."""
    for row in rows:
        yield from (key for key in (row.before, row.after) if key is not None)


def _roles(rows: Sequence[ImageRow]) -> list[str]:
    return list(dict.fromkeys(row.prompt.role for row in rows))


def _counts(rows: Sequence[ImageRow], found: Rows) -> DegenerateCounts:
    """Count the images of one role."""
    after = [_kind(found, row.after) for row in rows]
    return DegenerateCounts(
        images=len(rows),
        images_before=sum(row.before is not None for row in rows),
        after=sum(kind is not None for kind in after),
        before=sum(_kind(found, row.before) is not None for row in rows),
        kinds={kind: after.count(kind) for kind in KINDS if kind in after},
    )


def _kind(found: Rows, key: ImageKey | None) -> str | None:
    """Return the fault of an image; None where it has none, or is not there."""
    row = found.get(key) if key is not None else None
    if row is None or isinstance(row, FailedRow):
        return None
    return next((kind for kind, flag in zip(KINDS, row, strict=False) if flag), None)
