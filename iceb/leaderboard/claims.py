"""Test the claims of claims.toml against committed results, one-sided, with Holm's correction."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from iceb.base.errors import ResultError
from iceb.base.messages import quote
from iceb.base.numbers import estimate_text
from iceb.base.wording import count_text
from iceb.leaderboard.claim_bounds import (
    ENOUGH,
    Bounds,
    bounded_difference,
    bounded_mean,
    refuse_unbounded,
    without_bounds,
)
from iceb.leaderboard.claim_estimates import Shelf, difference_estimate, score_of, value_estimate
from iceb.leaderboard.claim_file import FILE, Bound, Claim
from iceb.leaderboard.filed_result import FiledResult
from iceb.statistics.clusters import Floats
from iceb.statistics.estimates import LEVEL, ROUNDING
from iceb.statistics.one_sided import Estimate, p_above, p_below, p_within
from iceb.statistics.paired_tests import holm

ALPHA = 1 - LEVEL  # chance that any false claim of a file is carried (docs/claims.md)
Groups = Callable[[str], str]  # metric → its comparable group
REMEDY = "take the sentence back, weaken it, or measure more"


@dataclass(frozen=True)
class Tested:
    """One test of a claim.

    Attributes:
        text: what was found.
        clusters: number of equal weight that it rests on.
        by_bounds: whether it is by the bounds of the metric's values, and not by their scatter.
    """

    text: str
    p: float
    clusters: float
    by_bounds: bool = False


@dataclass(frozen=True)
class Verdict:
    """The answer of the results to a claim.

    Attributes:
        number: in its file, from 1.
        tests: all of which must hold; none where it could not be tested.
        problem: why it could not.
        p_holm: the largest p of its tests, adjusted over the claims of the file.
    """

    number: int
    claim: Claim
    tests: tuple[Tested, ...] = ()
    problem: str = ""
    p_holm: float | None = None

    @property
    def weakest(self) -> Tested | None:
        """The test with the largest p-value: a claim is carried where each of its tests is."""
        return max(self.tests, key=lambda tested: tested.p, default=None)

    @property
    def is_carried(self) -> bool:
        """Whether the results carry the claim."""
        return not self.problem and self.p_holm is not None and self.p_holm <= ALPHA

    @property
    def text(self) -> str:
        """The verdict in one line."""
        where = f"{FILE}: claim {self.number}, of {self.claim.kind}, {quote(self.claim.says, 100)} in {self.claim.page}"
        if self.problem:
            return f"{where}: {self.problem}"
        weakest = self.weakest
        found = f"{weakest.text} (p = {weakest.p:.2g}, by Holm's rule {self.p_holm or 0.0:.2g})" if weakest else ""
        if not self.is_carried:
            return f"{where}: not carried: {found}: {REMEDY}"
        return f"{where}: carried: {found}"


def judge_claims(
    claims: Sequence[Claim],
    root: Path,
    shelf: Shelf,
    group_of: Groups = str,
    bounds_of: Bounds = without_bounds,
) -> tuple[Verdict, ...]:
    """The answer of the results to each claim.

    Holm's rule holds the chance that any false one is carried below 5 %, as far as each test does. On fewer than a
    hundred clusters a value, or a difference, is tested by the metric's bounds, and refused where it has none.

    Args:
        root: the checkout, in which the pages lie.
        shelf: the results.
        group_of: the comparable group of a metric; by default each compares with itself alone.
        bounds_of: the least and greatest possible value of a metric; by default none is known.
    """
    bench = _Bench(shelf, group_of, bounds_of)
    verdicts = [_judge(number, claim, root, bench) for number, claim in enumerate(claims, start=1)]
    adjusted = holm([verdict.weakest.p if verdict.weakest else None for verdict in verdicts])
    return tuple(replace(verdict, p_holm=p) for verdict, p in zip(verdicts, adjusted, strict=True))


@dataclass(frozen=True)
class _Bench:
    """The results, with what the metrics declare."""

    shelf: Shelf
    group_of: Groups
    bounds_of: Bounds

    def filed_result(self, claim: Claim, row: str, count: int) -> FiledResult:
        """The result of a row at a number of edits."""
        return self.shelf.filed_result(claim.task, claim.model, row, count)


def _judge(number: int, claim: Claim, root: Path, bench: _Bench) -> Verdict:
    try:
        _refuse_unsaid(claim, root)
        return Verdict(number, claim, tuple(_tests(claim, bench)))
    except ResultError as error:
        return Verdict(number, claim, problem=str(error))


def _refuse_unsaid(claim: Claim, root: Path) -> None:
    """Refuse a claim whose sentence its page does not have.

    Raises:
        ResultError: as it says.
    """
    page = (root / claim.page).resolve()
    if not page.is_relative_to(root.resolve()) or not page.is_file():
        raise ResultError(f"there is no page {quote(claim.page, 80)} in {root.resolve().name}")
    if _in_one_line(claim.says) not in _in_one_line(page.read_text(encoding="utf-8")):
        raise ResultError("the page does not say this: quote it as it stands there, or remove the claim")


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _tests(claim: Claim, bench: _Bench) -> Iterator[Tested]:
    for count in claim.num_edits:
        if claim.kind == "capacity":
            for half in (claim.efficacy, claim.preservation):
                yield from _of_bound(claim, half, count, bench) if half else ()
        elif claim.kind == "threshold":
            half = Bound(metric=claim.metric, at_least=claim.at_least, at_most=claim.at_most)
            yield from _of_bound(claim, half, count, bench)
        else:
            yield from (_of_rows(claim, than, count, bench) for than in claim.than)


def _of_bound(claim: Claim, bound: Bound, count: int, bench: _Bench) -> Iterator[Tested]:
    """Test a row's value against one bound or both."""
    filed = bench.filed_result(claim, claim.row, count)
    estimate = value_estimate(filed, bound.metric)
    found = f"{bound.metric} of {claim.row} at {count_text(count, 'edit')} is {_number_text(estimate)}"
    few = estimate.clusters * ROUNDING < ENOUGH
    known = bounded_mean(filed, bound.metric, bench.bounds_of(bound.metric)) if few else None
    for name, limit in (("at least", bound.at_least), ("at most", bound.at_most)):
        if limit is None:
            continue
        text, above = f"{found}, said to be {name} {limit:g}", name == "at least"
        if known is None:
            yield _test(text, (p_above if above else p_below)(estimate, limit), estimate)
        else:
            refuse_unbounded(known, bound.metric, above=above)
            yield _test_by_range(text, (known.p_above if above else known.p_below)(limit), estimate)


def _of_rows(claim: Claim, than: str, count: int, bench: _Bench) -> Tested:
    """Test the difference of two rows, or of two metrics of one comparable group."""
    other = claim.than_metric or claim.metric
    groups = [quote(bench.group_of(metric), 80) for metric in (claim.metric, other)]
    if groups[0] != groups[1]:
        raise ResultError(f"{claim.metric} and {other} do not compare: one measures {groups[0]}, the other {groups[1]}")
    first, second = (bench.filed_result(claim, row, count) for row in (claim.row, than))
    estimate = difference_estimate(first, claim.metric, second, other)
    names = f"{claim.metric} of {claim.row} less {'that' if other == claim.metric else other} of {than}"
    found = f"{names} at {count_text(count, 'edit')} is {_number_text(estimate, signed=True)}"
    few = estimate.clusters * ROUNDING < ENOUGH
    known = bounded_difference(first, claim.metric, second, other, bench.bounds_of) if few else None
    if claim.within is not None:
        text = f"{found}, said to be within {claim.within:g}"
        if known is None:
            return _test(text, p_within(estimate, claim.within), estimate)
        return _test_by_range(text, np.maximum(known.p_above(-claim.within), known.p_below(claim.within)), estimate)
    above, by = score_of(first, claim.metric).higher_is_better, claim.by or 0.0
    text = f"{found}, said to be {f'above {by:g}' if above else f'below {-by:g}'}"
    if known is None:
        return _test(text, p_above(estimate.shift(by, 1.0 if above else -1.0)), estimate)
    return _test_by_range(text, known.p_above(by) if above else known.p_below(-by), estimate)


def _test(text: str, p: Floats, estimate: Estimate) -> Tested:
    return Tested(text, float(p), estimate.clusters)


def _test_by_range(text: str, p: Floats, estimate: Estimate) -> Tested:
    said = f"{text}, and tested by its range, for {estimate.clusters:.1f} clusters"
    return Tested(said, float(p), estimate.clusters, by_bounds=True)


def _number_text(estimate: Estimate, *, signed: bool = False) -> str:
    return estimate_text(float(estimate.value), float(estimate.stderr), signed=signed)
