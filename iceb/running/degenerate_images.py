"""Count a run's degenerate images, before and after the edit, from the images themselves.

The detector looks at images while the run's measures have them decoded; what none of them reads it looks at alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from iceb import registry
from iceb.running.measure_attempts import FailedRow
from iceb.running.measure_choice import make_measure
from iceb.running.measuring import MeasuredImage, Measuring, Rows
from iceb.running.scoring import Scorer, Scores
from iceb.runs.ledger import ImageRow
from iceb.specs.degenerate import KINDS, DegenerateCounts, DegenerateRecord
from iceb.specs.metrics import Measure
from iceb.specs.prompts import ImageKey
from iceb.specs.runs import MeasureRef

DETECTOR = "iceb/degenerate"  # the registered measure
FAILED = "failed"  # the outcome of an image that the detector failed on


def detector() -> Measure:
    """Make the detector."""
    return make_measure(registry.find("measures", DETECTOR), "cpu")


def score_and_count(scorer: Scorer, rows: Sequence[ImageRow]) -> tuple[Scores, DegenerateRecord | None]:
    """Compute a run's scores, and count its degenerate images.

    Raises:
        IcebError: as `Scorer.scores` and `count_degenerate`.
    """
    scores = _with_detector(scorer, rows).scores(rows)
    return scores, count_degenerate(scorer.measuring, rows)


def measure_part(scorer: Scorer, rows: Sequence[ImageRow]) -> None:
    """Measure the images of some of a run's rows, as `score_and_count` will read them of all.

    Raises:
        IcebError: as `score_and_count`.
    """
    _with_detector(scorer, rows).numbers(rows)
    count_degenerate(scorer.measuring, rows)


def _with_detector(scorer: Scorer, rows: Sequence[ImageRow]) -> Scorer:
    """Return a scorer whose measures show the detector the images that they have decoded."""
    looking = scorer.measuring.with_second_look(detector(), list(keys_of(_last_drawn(rows))))
    return replace(scorer, measuring=looking)


def count_degenerate(measuring: Measuring, rows: Sequence[ImageRow]) -> DegenerateRecord | None:
    """Count the degenerate images of the last group of checkpoints; None where none was drawn after.

    Raises:
        ImagesLost: images are missing or damaged; they can be drawn again.
    """
    last = _last_drawn(rows)
    if not last:
        return None
    measure = detector()
    found = measuring.rows(measure, [MeasuredImage(key) for key in keys_of(last)], "degenerate images")
    roles = {role: _counts([row for row in last if row.prompt.role == role], found) for role in _roles(last)}
    return DegenerateRecord(measure=MeasureRef(id=measure.id, revision=measure.revision), roles=roles)


def _last_drawn(rows: Sequence[ImageRow]) -> list[ImageRow]:
    """Return the rows of the last group of checkpoints that have an image after the edit."""
    groups = list(dict.fromkeys(row.group for row in rows))
    return [row for row in rows if row.after is not None and row.group == groups[-1]]


def keys_of(rows: Sequence[ImageRow]) -> Iterator[ImageKey]:
    """Yield the keys of all images that are looked at; the detector's rows have the same keys."""
    for row in rows:
        yield from (key for key in (row.before, row.after) if key is not None)


def _roles(rows: Sequence[ImageRow]) -> list[str]:
    return list(dict.fromkeys(row.prompt.role for row in rows))


def _counts(rows: Sequence[ImageRow], found: Rows) -> DegenerateCounts:
    """Count the images of one role."""
    after = [_outcome(found, row.after) for row in rows]
    before = [_outcome(found, row.before) for row in rows if row.before is not None]
    return DegenerateCounts(
        images=len(rows),
        images_before=len(before),
        after=sum(each in KINDS for each in after),
        before=sum(each in KINDS for each in before),
        kinds={kind: after.count(kind) for kind in KINDS if kind in after},
        failed=after.count(FAILED),
        failed_before=before.count(FAILED),
    )


def _outcome(found: Rows, key: ImageKey | None) -> str:
    """Return the fault of an image, or that the detector failed on it; "" of a sound one."""
    row = found.get(key) if key is not None else None
    if row is None or isinstance(row, FailedRow):
        return FAILED
    return next((kind for kind, flag in zip(KINDS, row, strict=False) if flag), "")
