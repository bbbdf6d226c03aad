"""Check that a result's counts of degenerate images agree with each other and with its images.

How many of the images are degenerate follows from nothing in a result; how many images there are does.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from iceb import registry
from iceb.base.messages import quote
from iceb.leaderboard.installed import installed_metric
from iceb.runs.table import TableRow, last_group_rows
from iceb.specs.degenerate import DegenerateCounts
from iceb.specs.degenerate_excess import MOST_EXCESS
from iceb.specs.metrics import AFTER, Need
from iceb.specs.results import Result

# Commits of results on the leaderboards that were made before runs counted degenerate images; any other must count.
UNCOUNTED = frozenset(("adb5f113dce6a7427bb39328045f2077d24c2571",))


@dataclass(frozen=True)
class _Judged:
    """Images after the edit that a metric's part judged.

    Attributes:
        roles: whose images they may be.
        images: judged ones.
        failed: images that could not be measured, and are not among them.
        whole: of one role all its images are judged or failed.
    """

    metric: str
    roles: tuple[str, ...]
    images: int
    failed: int
    whole: bool


def lacks_counts(result: Result) -> bool:
    """Whether a result says nothing of degenerate images, though its images after the edit could be some."""
    if result.degenerate is not None or result.provenance.commit in UNCOUNTED:
        return False
    return any(
        score.n > 0 and any(part.change != "before" for part in score.reduction.parts.values())
        for score in result.scores
    )


def degenerate_problems(result: Result, rows: Sequence[TableRow]) -> Iterator[str]:
    """Find counts that no run writes, or that are of other images than the scores' own."""
    record = result.degenerate
    if record is None:
        return
    if record.threshold != MOST_EXCESS:
        yield f"degenerate: threshold is {record.threshold}, must be {MOST_EXCESS}"
    for role, counts in record.roles.items():
        if not _can_be(counts):
            yield f"role {quote(role, 80)} counts degenerate images as no run can: {counts.model_dump_json()}"
    if result.images is not None and record.images > result.images.rows:
        yield f"degenerate: counts {record.images} images after the edit, the run's list has {result.images.rows}"
    counted = {role: counts.images for role, counts in record.roles.items()}
    yield from _unlike_scores(counted, _judged_parts(result, rows))


def _can_be(counts: DegenerateCounts) -> bool:
    looked, looked_before = counts.images - counts.failed, counts.images_before - counts.failed_before
    fits = counts.after == sum(counts.kinds.values()) <= looked and counts.before <= looked_before
    return fits and counts.images_before <= counts.images


def _judged_parts(result: Result, rows: Sequence[TableRow]) -> Iterator[_Judged]:
    """Yield what the metrics judged at the last checkpoints, as far as they are installed."""
    totals: Counter[tuple[str, str]] = Counter()
    for row in last_group_rows(result, rows):
        totals[row.metric, row.value.part] += row.value.n
    for score in result.scores:
        metric = installed_metric(score)
        if metric is None or metric.version != score.version or metric.reduction.kind != "mean":
            continue
        needs = [need for need in metric.needs if AFTER in need.sides]
        for part in (part for name, part in totals if name == score.metric):
            named = [need for need in needs if need.key == part] or needs
            if named:
                images, ours = totals[score.metric, part], score.package == registry.OWN
                whole = ours and len(named) == 1 and _is_whole(named[0], part)
                yield _Judged(score.metric, tuple({need.role for need in named}), images, score.failed, whole)


def _is_whole(need: Need, part: str) -> bool:
    """Whether a part judges all images of the role that its need names."""
    return need.key == part and not need.tags


def _unlike_scores(counted: Mapping[str, int], judged: Iterator[_Judged]) -> Iterator[str]:
    """Find roles with fewer images than a metric judged, or with more than any that reads all of them."""
    most: dict[str, int] = {}
    for each in judged:
        have = sum(counted.get(role, 0) for role in each.roles)
        if each.images > have:
            roles = ", ".join(sorted(each.roles))
            yield f"degenerate: counts {have} images of {roles}, metric {each.metric} judged {each.images}"
        if each.whole:
            (role,) = each.roles
            most[role] = max(most.get(role, 0), each.images + each.failed)
    for role, images in most.items():
        if counted.get(role, 0) > images:
            yield f"degenerate: counts {counted[role]} images of {role}, the scores are of {images}"
