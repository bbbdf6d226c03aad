"""List what keeps two results, or two scores, from being compared, and refuse to compare those."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from iceb.base.errors import ResultError
from iceb.base.messages import quote
from iceb.leaderboard.columns import Comparable
from iceb.leaderboard.filed_result import FiledResult
from iceb.leaderboard.identity import Identity
from iceb.leaderboard.same_data import DATA
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.runs import Sampling

WORDS = {
    "task": "tasks",
    "task_version": "versions of the task",
    "dataset": "datasets",
    "dataset_version": "versions of the dataset",
    "data": "data files",
    "family": "kinds of model",
    "repo": "models",
    "revision": "revisions of the model",
    "dtype": "number formats",
    "sampling": "ways of drawing",
    "noise_from": "devices that drew the noise",
}
WHY = {
    "task": "each task asks another question",
    "task_version": "a task's numbers are not those of its other versions",
    "dataset": "other requests and prompts are easier or harder",
    "dataset_version": "a dataset's requests and prompts changed between its versions",
    "data": "other files make other requests or prompts",
    "family": "each model knows other concepts and is edited in other places",
    "repo": "each model knows other concepts and is edited in other places",
    "revision": "other weights draw other images",
    "dtype": "a model rounds otherwise in another number format",
    "sampling": "the same prompt and seed make other images",
    "noise_from": "the same seed makes other noise on another device",
}
COUNTS = {
    "num_edits": "numbers of edits",
    "draws": "draws of concepts",
    "limit": "limits",
    "share": "parts of the prompts",
}
OF_SCORES = {
    "version": "versions of the metric",
    "package": "packages",
    "measures": "judges",
    "references": "references",
}


@dataclass(frozen=True)
class Apart:
    """One thing in which two results differ, with both values in words, and why it keeps them apart."""

    what: str
    one: str
    other: str
    why: str = ""

    @property
    def text(self) -> str:
        """The difference in words: "different models (iceb/mini and ada/model)"."""
        return f"different {self.what} ({self.one} and {self.other})"

    @property
    def sentence(self) -> str:
        """The difference with its reason."""
        return f"{self.text}: {self.why}" if self.why else self.text


def refuse_unlike(first: FiledResult, second: FiledResult) -> None:
    """Refuse two results whose concepts cannot be paired.

    Raises:
        ResultError: as it says, with what differs.
    """
    for filed in (first, second):
        if filed.result.status == "failed":
            raise ResultError(f"{filed.path}: the run failed ({quote(filed.result.error or '')}): run it again")
    tables = identity_differences(Identity.of(first.result), Identity.of(second.result))
    for apart in (*tables, *count_differences(first.result, second.result)):
        raise ResultError(
            f"{first.path} and {second.path} do not compare: they have {apart.text}; run one of them again as the other"
        )


def identity_differences(first: Identity, second: Identity) -> list[Apart]:
    """The differences that keep two results from sharing a table; none where they share one."""
    found = []
    for each in fields(Identity):
        one, other = getattr(first, each.name), getattr(second, each.name)
        if one != other:
            found.append(Apart(WORDS[each.name], *_both(each.name, one, other), WHY[each.name]))
    return found


def _both(name: str, one: object, other: object) -> tuple[str, str]:
    """Both values, short: digests by their first digits, ways of drawing by what differs."""
    if name in ("data", "revision"):
        return str(one)[:12], str(other)[:12]
    if not isinstance(one, Sampling) or not isinstance(other, Sampling):
        return quote(one, 120), quote(other, 120)
    differing = [each.name for each in fields(Sampling) if getattr(one, each.name) != getattr(other, each.name)]
    texts = [", ".join(f"{field} {getattr(side, field)}" for field in differing) for side in (one, other)]
    return texts[0], texts[1]


def apart_from(identity: Identity, others: Sequence[Identity]) -> list[str]:
    """A sentence that says why a table is apart from the nearest of those above it; none for the first."""
    if not others:
        return []
    nearest = min(others, key=lambda other: len(identity_differences(other, identity)))
    said = "; ".join(apart.sentence for apart in identity_differences(nearest, identity))
    return [f"Its rows share no table with those of {nearest.dataset} on {nearest.repo} above: {said}."]


def count_differences(first: Result, second: Result) -> list[Apart]:
    """The differences that keep two results of one table from being compared."""
    pairs = [(words, getattr(first, name), getattr(second, name)) for name, words in COUNTS.items()]
    pairs += [(words, *(getattr(each.task, name)[:12] for each in (first, second))) for name, words in DATA.items()]
    return [Apart(words, quote(one, 120), quote(other, 120)) for words, one, other in pairs if one != other]


def score_differences(first: ScoreRecord, second: ScoreRecord) -> list[Apart]:
    """The differences that keep two scores of one metric from sharing a column; none where they do."""
    one, other = Comparable.of(first), Comparable.of(second)
    return [
        Apart(words, _short(getattr(one, name)), _short(getattr(other, name)))
        for name, words in OF_SCORES.items()
        if getattr(one, name) != getattr(other, name)
    ]


def _short(value: object) -> str:
    return ", ".join(_pair_texts(value)) or "none" if isinstance(value, tuple) else str(value)


def _pair_texts(pairs: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """Judges and references: id with the first digits of its revision, name with those of its digest."""
    return (f"{name} {digest[:8]}" for *_, name, digest in pairs)
