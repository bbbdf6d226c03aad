"""Check that the rows of a table judge the same concepts and images."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from iceb.base.digest import digest
from iceb.base.errors import ResultError
from iceb.base.messages import quote
from iceb.base.wording import count_text
from iceb.leaderboard.filed_result import FiledResult
from iceb.specs.reduction import RESAMPLE
from iceb.specs.results import Result

Row: TypeAlias = tuple[str, str, int, str]  # part, concept, replicate, checkpoint
Judged: TypeAlias = frozenset[tuple[str, str, int, str, int]]  # the same with its number of images


@dataclass(frozen=True)
class _Claim:
    """The concepts and images that one result judged for one metric.

    Attributes:
        images: number of images of each row, seed by seed; not of resampled sets, whose number is another.
        failed: images that could not be measured, and are left out.
    """

    filed: FiledResult
    metric: str
    judged: Judged
    images: Mapping[Row, tuple[int, ...]]
    failed: int = 0

    def lacks_only_failed(self, common: Judged) -> bool:
        """Whether it differs from what is common by images that failed, and by no others."""
        counted = _images_of(common)
        if any(max(found) > counted.get(row, 0) for row, found in self.images.items()):
            return False
        seeds = self.filed.result.replicates
        lacking = sum(n * seeds - sum(self.images.get(row, ())) for row, n in counted.items())
        return lacking <= self.failed * len({part for part, *_ in counted})


def check_coverage(found: Sequence[FiledResult]) -> None:
    """Refuse a result whose concepts or images of a metric differ from those of the other rows.

    What most results have is taken for right, of two alike the larger; where images failed in all of them, the most
    images that any has of each concept.

    Raises:
        ResultError: the first such result, with the first concept that is missing or too much.
    """
    groups: dict[str, list[_Claim]] = {}
    for filed in found:
        for key, claim in _claims(filed):
            groups.setdefault(key, []).append(claim)
    for claims in groups.values():
        common = _common(claims)
        for claim in claims:
            if (claim.failed or claim.judged != common) and not claim.lacks_only_failed(common):
                raise ResultError(_problem(claims, claim, common))


def _common(claims: Sequence[_Claim]) -> Judged:
    """Concepts and images that are judged where nothing fails."""
    counted = Counter(claim.judged for claim in claims if not claim.failed)
    if counted:
        return max(counted, key=lambda judged: (counted[judged], len(judged), sorted(judged)))
    return frozenset((*row, n) for row, n in _images_of(*(claim.judged for claim in claims)).items())


def _images_of(*some: Judged) -> dict[Row, int]:
    """The most images of each row, without resampled sets."""
    found: dict[Row, int] = {}
    for part, concept, replicate, checkpoint, n in (row for judged in some for row in judged):
        if part != RESAMPLE:
            row = (part, concept, replicate, checkpoint)
            found[row] = max(n, found.get(row, 0))
    return found


def _problem(claims: Sequence[_Claim], claim: _Claim, common: Judged) -> str:
    """Describe how a claim differs from what is common."""
    other = next((each for each in claims if each.judged == common), None)
    if other is None or claim.judged == common:
        missing = f"more images are missing than the {claim.failed} that it says failed"
        return f"{claim.filed.path}: metric {claim.metric}: {missing}: run it again"
    if problem := _other_counts(*sorted((claim, other), key=claims.index)):
        return problem
    difference = _difference(claim.judged, common)
    return f"{claim.filed.path}: metric {claim.metric} {difference}, unlike {other.filed.path}: run it again"


def _other_counts(known: _Claim, new: _Claim) -> str | None:
    """Describe two claims of the same concepts with other numbers of images; None where more differs."""
    here, there = ({row[:4]: row[4] for row in sorted(claim.judged, reverse=True)} for claim in (new, known))
    if here.keys() != there.keys():
        return None
    differing = next(row for row in sorted(here) if here[row] != there[row])
    part, concept, replicate, _ = differing
    return (
        f"{new.filed.path}: metric {new.metric}: concept {quote(concept, 80)} (part {part}, replicate {replicate}) has "
        f"{here[differing]} images here and {there[differing]} in {known.filed.path}: is n a count of prompts? It must "
        "count all images that a statistic was taken or chosen from, whatever their rows: mend the metric and raise "
        "its version; if it does count them, images were left out of one of the two"
    )


def _claims(filed: FiledResult) -> Iterator[tuple[str, _Claim]]:
    """Yield for each metric with a table the key under which results must agree, and what was judged."""
    images: dict[tuple[str, str], dict[Row, tuple[int, ...]]] = {}
    for row in filed.rows:
        value = row.value
        found = images.setdefault((row.group, row.metric), {})
        judged = (value.part, value.concept, value.replicate, value.draw or value.checkpoint)
        found[judged] = (*found.get(judged, ()), value.n)
    versions = {score.metric: [score.package, score.version] for scores in filed.result.groups for score in scores}
    failed = _failed_images(filed.result)
    earlier = {checkpoint.group for checkpoint in filed.result.checkpoints}
    for (group, metric), found in images.items():
        name = group if group in earlier else None  # of the last group the table alone holds the name
        lost = failed.get((name, metric), 0)
        _check_every_seed(filed, found, lost)
        judged_rows = frozenset((*row, n) for row, each in found.items() for n in each)
        counted = {row: each for row, each in found.items() if row[0] != RESAMPLE}
        key = digest([_data(filed.result), name, metric, versions.get(metric)])
        yield key, _Claim(filed, metric, judged_rows, counted, lost)


def _failed_images(result: Result) -> dict[tuple[str | None, str], int]:
    """The number of failed images by group of checkpoints, of which the last has no name, and metric."""
    groups = [*((each.group, each.scores) for each in result.checkpoints), (None, result.scores)]
    return {(name, score.metric): score.failed for name, scores in groups for score in scores}


def _check_every_seed(filed: FiledResult, found: Mapping[Row, tuple[int, ...]], failed: int) -> None:
    """Refuse a result that lacks a concept, or images of it, under some seeds, where none failed."""
    seeds = filed.result.replicates
    for (part, concept, _, _), images in found.items():
        times = max(Counter(images).values()) if 1 < len(images) <= seeds and not failed else len(images)
        if times > seeds or (times < seeds and not failed):
            raise ResultError(
                f"{filed.path}: concept {quote(concept, 80)} (part {part}) stands there {times} times, the edit was "
                f"made with {count_text(seeds, 'seed')}: run it again"
            )


def _data(result: Result) -> list[object]:
    """Return what determines the concepts that are judged."""
    task = result.task
    data = [task.dataset, task.dataset_version, dict(task.data_sha256)]
    return [task.name, task.version, *data, result.num_edits, result.draws]


def _difference(judged: Judged, common: Judged) -> str:
    less, more = sorted(common - judged), sorted(judged - common)
    (part, concept, replicate, checkpoint, n), fact = (less[0], "lacks") if less else (more[0], "has")
    rest = len(less) + len(more) - 1
    others = f" and {rest} more differences" if rest else ""
    at = f", checkpoint {quote(checkpoint, 80)}" if checkpoint else ""
    return f"{fact} concept {quote(concept, 80)} (part {part}, replicate {replicate}, {n} images{at}){others}"
