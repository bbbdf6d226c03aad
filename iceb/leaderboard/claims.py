"""Test the claims of claims.toml against committed results, one-sided, with Holm's correction."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iceb.base.errors import ResultError
from iceb.base.messages import quote
from iceb.base.wording import count_text
from iceb.leaderboard.claim_estimates import Shelf, difference_estimate, score_of, value_estimate
from iceb.leaderboard.claim_file import FILE, Bound, Claim
from iceb.statistics.clusters import Floats
from iceb.statistics.estimates import LEVEL, ROUNDING
from iceb.statistics.one_sided import Estimate, p_above, p_below, p_within
from iceb.statistics.paired_tests import holm

ALPHA = 1 - LEVEL  # chance that any false claim of a file is carried, where each rests on so many clusters:
ENOUGH = 100  # simulated (docs/claims.md); below, some populations pass a false claim more often
Groups = Callable[[str], str]  # metric → its comparable group
REMEDY = "take the sentence back, weaken it, or measure more"


@dataclass(frozen=True)
class Tested:
    """One test of a claim.

    Attributes:
        text: what was found.
        clusters: number of equal weight that it rests on.
    """

    text: str
    p: float
    clusters: float


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
    def warning(self) -> str:
        """The warning where a test rests on fewer clusters than its level was simulated for."""
        fewest = min((tested.clusters for tested in self.tests), default=ENOUGH)
        if fewest * ROUNDING >= ENOUGH:
            return ""
        return (
            f"it rests on {fewest:.1f} clusters of equal weight, and below {ENOUGH} a false claim may pass in more "
            f"than {100 * ALPHA:.0f} % of cases where few concepts make the mean"
        )

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
        return f"{where}: carried: {found}{'; warning: ' if self.warning else ''}{self.warning}"


def judge_claims(claims: Sequence[Claim], root: Path, shelf: Shelf, group_of: Groups = str) -> tuple[Verdict, ...]:
    """The answer of the results to each claim.

    Holm's rule holds the chance that any false one is carried below 5 % where each test rests on a hundred clusters;
    a verdict on fewer has a warning.

    Args:
        root: the checkout, in which the pages lie.
        shelf: the results.
        group_of: the comparable group of a metric; by default each compares with itself alone.
    """
    verdicts = [_judge(number, claim, root, shelf, group_of) for number, claim in enumerate(claims, start=1)]
    adjusted = holm([verdict.weakest.p if verdict.weakest else None for verdict in verdicts])
    return tuple(replace(verdict, p_holm=p) for verdict, p in zip(verdicts, adjusted, strict=True))


def _judge(number: int, claim: Claim, root: Path, shelf: Shelf, group_of: Groups) -> Verdict:
    try:
        _refuse_unsaid(claim, root)
        return Verdict(number, claim, tuple(_tests(claim, shelf, group_of)))
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


def _tests(claim: Claim, shelf: Shelf, group_of: Groups) -> Iterator[Tested]:
    for count in claim.num_edits:
        if claim.kind == "capacity":
            for half in (claim.efficacy, claim.preservation):
                yield from _of_bound(claim, half, count, shelf) if half else ()
        elif claim.kind == "threshold":
            half = Bound(metric=claim.metric, at_least=claim.at_least, at_most=claim.at_most)
            yield from _of_bound(claim, half, count, shelf)
        else:
            yield from (_of_rows(claim, than, count, shelf, group_of) for than in claim.than)


def _of_bound(claim: Claim, bound: Bound, count: int, shelf: Shelf) -> Iterator[Tested]:
    """Test a row's value against one bound or both."""
    estimate = value_estimate(shelf.filed_result(claim.task, claim.model, claim.row, count), bound.metric)
    found = f"{bound.metric} of {claim.row} at {count_text(count, 'edit')} is {_number_text(estimate)}"
    if bound.at_least is not None:
        yield _test(f"{found}, said to be at least {bound.at_least:g}", p_above(estimate, bound.at_least), estimate)
    if bound.at_most is not None:
        yield _test(f"{found}, said to be at most {bound.at_most:g}", p_below(estimate, bound.at_most), estimate)


def _of_rows(claim: Claim, than: str, count: int, shelf: Shelf, group_of: Groups) -> Tested:
    """Test the difference of two rows, or of two metrics of one comparable group."""
    other = claim.than_metric or claim.metric
    if group_of(other) != group_of(claim.metric):
        raise ResultError(
            f"{claim.metric} and {other} do not compare: one measures {quote(group_of(claim.metric), 80)}, the other "
            f"{quote(group_of(other), 80)}"
        )
    first, second = (shelf.filed_result(claim.task, claim.model, row, count) for row in (claim.row, than))
    estimate = difference_estimate(first, claim.metric, second, other)
    names = f"{claim.metric} of {claim.row} less {'that' if other == claim.metric else other} of {than}"
    found = f"{names} at {count_text(count, 'edit')} is {_number_text(estimate, signed=True)}"
    if claim.within is not None:
        return _test(f"{found}, said to be within {claim.within:g}", p_within(estimate, claim.within), estimate)
    sign = 1.0 if score_of(first, claim.metric).higher_is_better else -1.0
    by = claim.by or 0.0
    said = f"said to be {'above' if sign > 0 else 'below'} {sign * by:g}"
    return _test(f"{found}, {said}", p_above(estimate.shift(by, sign)), estimate)


def _test(text: str, p: Floats, estimate: Estimate) -> Tested:
    return Tested(text, float(p), estimate.clusters)


def _number_text(estimate: Estimate, *, signed: bool = False) -> str:
    value = f"{float(estimate.value):{'+' if signed else ''}.3f}"
    return f"{value} ± {float(estimate.stderr):.3f}"
