"""Check that the rows of a table judge the same concepts and images."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from iceb.base.digest import digest
from iceb.base.errors import ResultError
from iceb.base.messages import quote
from iceb.base.wording import count_text
from iceb.leaderboard.filed_result import FiledResult
from iceb.specs.reduction import RESAMPLE
from iceb.specs.results import Result

Judged: TypeAlias = frozenset[tuple[str, str, int, str, int]]  # part, concept, replicate, checkpoint, images


@dataclass(frozen=True)
class _Claim:
    """The concepts and images that one result judged for one metric."""

    filed: FiledResult
    metric: str
    judged: Judged
    failed: int = 0  # images that could not be measured, and are left out

    def lacks_only_failed(self, common: Judged) -> bool:
        """Whether it differs from what is common by images that failed, and by no others."""
        counted: dict[tuple[str, str, int, str], int] = {row[:4]: row[4] for row in common if row[0] != RESAMPLE}
        here: dict[tuple[str, str, int, str], int] = {row[:4]: row[4] for row in self.judged if row[0] != RESAMPLE}
        if any(n > counted.get(row, 0) for row, n in here.items()):
            return False
        parts = len({row[0] for row in counted})
        return sum(n - here.get(row, 0) for row, n in counted.items()) <= self.failed * parts


def check_coverage(found: Sequence[FiledResult]) -> None:
    """Refuse a result whose concepts or images of a metric differ from those of the other rows.

    What most results have is taken for right, of two alike the larger.

    Raises:
        ResultError: the first such result, with the first concept that is missing or too much.
    """
    groups: dict[str, list[_Claim]] = {}
    for filed in found:
        for key, claim in _claims(filed):
            groups.setdefault(key, []).append(claim)
    for claims in groups.values():
        whole = [claim for claim in claims if not claim.failed] or claims
        counted = Counter(claim.judged for claim in whole)
        common = max(counted, key=lambda judged: (counted[judged], len(judged), sorted(judged)))
        for claim in claims:
            if claim.judged != common and not claim.lacks_only_failed(common):
                other = next(each for each in claims if each.judged == common)
                if problem := _other_counts(*sorted((claim, other), key=claims.index)):
                    raise ResultError(problem)
                raise ResultError(
                    f"{claim.filed.path}: metric {claim.metric} {_difference(claim.judged, common)}, "
                    f"unlike {other.filed.path}: run it again"
                )


def _other_counts(known: _Claim, new: _Claim) -> str | None:
    """Describe two claims of the same concepts with other numbers of images; None where more differs."""
    here, there = ({row[:4]: row[4] for row in claim.judged} for claim in (new, known))
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
    judged: dict[tuple[str, str], Counter[tuple[str, str, int, str, int]]] = {}
    for row in filed.rows:
        value = row.value
        found = (value.part, value.concept, value.replicate, value.draw or value.checkpoint, value.n)
        judged.setdefault((row.group, row.metric), Counter())[found] += 1
    _check_every_seed(filed, judged.values())
    versions = {score.metric: [score.package, score.version] for scores in filed.result.groups for score in scores}
    failed = {score.metric: score.failed for scores in filed.result.groups for score in scores}
    earlier = {checkpoint.group for checkpoint in filed.result.checkpoints}
    for (group, metric), concepts in judged.items():
        name = group if group in earlier else None  # of the last group the table alone holds the name
        key = digest([_data(filed.result), name, metric, versions.get(metric)])
        yield key, _Claim(filed, metric, frozenset(concepts), failed.get(metric, 0))


def _check_every_seed(filed: FiledResult, judged: Iterable[Counter[tuple[str, str, int, str, int]]]) -> None:
    """Refuse a result that lacks a concept under some of its seeds."""
    for rows, times in ((row, times) for each in judged for row, times in each.items()):
        if times != filed.result.replicates:
            raise ResultError(
                f"{filed.path}: concept {quote(rows[1], 80)} (part {rows[0]}) stands there {times} times, the edit was "
                f"made with {count_text(filed.result.replicates, 'seed')}: run it again"
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
