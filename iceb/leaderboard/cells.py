"""A cell of a table: runs of the same method, settings and count that agree within a tolerance."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from iceb.base.digest import canonical, plain
from iceb.base.errors import ResultError
from iceb.leaderboard.columns import Column, Comparable
from iceb.leaderboard.settings_diff import default_settings
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result

TOLERANCE = 1e-4  # times the larger of 1 and the number: other threads, machines and libraries change the last bits of
# an edit's weights. What that moved so far was at most 2.1e-7 of a probability; a change of the algorithm moves more.
NUMBERS = ("value", "stderr", "before", "after")


@dataclass(frozen=True)
class Cell:
    """One method with its settings at one number of edits.

    Attributes:
        results: by the time they were finished; later ones reproduce the first.
    """

    results: tuple[Result, ...]

    @property
    def first(self) -> Result:
        """The run whose numbers are shown."""
        return self.results[0]

    @property
    def reproductions(self) -> int:
        """Number of later runs with the same numbers."""
        return len(self.results) - 1

    @property
    def has_idle_edits(self) -> bool:
        """Whether some of the run's edits changed no image of what they edit."""
        return self.first.effects is not None and bool(self.first.effects.unchanged)

    @property
    def scores(self) -> Iterator[ScoreRecord]:
        """Every score, those of the first run first."""
        return (score for result in self.results for score in result.scores)

    def score(self, column: Column) -> ScoreRecord | None:
        """Return the score in a column, from the first run that has it."""
        return column.score(self.scores)


def setting(result: Result) -> str:
    """Return what identifies a row: method, version and settings; code may differ if the numbers agree.

    Settings that the recipe has by the number of edits are named and may differ. A setting that the method got after
    the run stands at its default, under which the same version of a method makes the same edit.
    """
    method = result.method
    later = plain(default_settings(method)) if method.params else {}
    params = {name: value for name, value in {**later, **method.params}.items() if name not in method.by_num_edits}
    # the names are left out where there are none, so that such rows keep their order
    names = [method.by_num_edits] if method.by_num_edits else []
    return canonical([method.package, method.name, method.version, params, method.precision, *names])


def is_uncached(result: Result) -> bool:
    """Whether a run made all its edits and images itself, without a cache."""
    cost = result.cost
    return bool(cost.images_drawn) and cost.images_found == 0 and cost.edits_found == 0


def cell(results: Iterable[Result]) -> Cell:
    """Make the cell of several runs.

    Raises:
        ResultError: two of them disagree, or a later one took from a cache what it was to reproduce.
    """
    ordered = sorted(results, key=lambda result: (result.provenance.finished, result.id, canonical(result.provenance)))
    for place, later in enumerate(ordered):
        for earlier in ordered[:place]:
            if problem := disagreement(earlier, later):
                raise ResultError(
                    f"{_name_run(later)} is another run of {_name_run(earlier)}, and {problem}: "
                    "where the method changed, raise its version; otherwise one of the two is wrong"
                )
    if found := [later for later in ordered[1:] if not is_uncached(later)]:
        raise ResultError(
            f"{_name_run(found[0])} took images or edits from a cache, so it reproduces nothing: remove it, or run it "
            "again with an empty `cache`"
        )
    return Cell(tuple(ordered))


def _name_run(result: Result) -> str:
    origin = result.provenance
    return f"{result.id} (finished {origin.finished} on {origin.device})"


def disagreement(first: Result, second: Result) -> str | None:
    """Describe the first number that differs by more than the tolerance; None if all agree."""
    others = {Comparable.of(score): score for score in second.scores}
    for score in first.scores:
        other = others.get(Comparable.of(score))
        problem = _difference(score, other) if other else None
        if problem:
            return f"metric {score.metric}: {problem}"
    return None


def _difference(score: ScoreRecord, other: ScoreRecord) -> str | None:
    for name in ("n", "concepts"):
        if getattr(score, name) != getattr(other, name):
            return f"{name} is {getattr(other, name)} against {getattr(score, name)}"
    for name in NUMBERS:
        said, found = getattr(score, name), getattr(other, name)
        if not agree(said, found):
            numbers = f"{_number_text(found)} against {_number_text(said)}"
            return f"{name} is {numbers}, further apart than {TOLERANCE:g} allows"
    return None


def agree(first: float | None, second: float | None) -> bool:
    """Whether two numbers agree within the tolerance.

    >>> agree(0.25, 0.25009), agree(0.25, 0.2502), agree(100.0, 100.005), agree(None, 0.0)
    (True, False, True, False)
    """
    if first is None or second is None:
        return first is second
    return abs(first - second) <= TOLERANCE * max(1.0, abs(first), abs(second))


def _number_text(number: float | None) -> str:
    return "null" if number is None else f"{number:.6g}"
