"""Plan and carry out `iceb tune`: the trials, their record, and the recipe made of the best."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from iceb.base.cache import cache_root, require_writable
from iceb.base.errors import SpecError
from iceb.base.fields import defaults_of
from iceb.base.files import write_atomic
from iceb.baselines.recipes import read_recipe
from iceb.models.opening import open_model
from iceb.models.sources import find
from iceb.registry import OWN
from iceb.running.given_method import Given, GivenMethod, find_given
from iceb.running.recipe_settings import recipe_of
from iceb.specs.checks import check_int
from iceb.specs.recipes import Recipe
from iceb.specs.runs import Scalar
from iceb.tuning.adoption import COMMAND, adopted_recipe, recipe_text
from iceb.tuning.estimates import TrialEstimate, estimate_trials
from iceb.tuning.protocol import FAMILY, PROTOCOL, TASK, Protocol
from iceb.tuning.record import Tuning
from iceb.tuning.search import Search
from iceb.tuning.space import Planned, Space, begin_with, fit_protocol, grid_space, read_space, spaces, trials_of
from iceb.tuning.validation import SOURCES

MOST_TRIALS = 1000


@dataclass(frozen=True)
class TuneAsk:
    """A tuning as requested; the fields are the options of `iceb tune`.

    Attributes:
        method: a registered name; or a class, or an object whose settings are the first trial's.
        space: a TOML file: why, [start] and [grid].
        settings: values to try of each setting, in its place.
        recipe: settings of the first trial: "published" or "tuned" of the recipe that ships, or a file. None:
            the published ones where there are some, else the method's defaults.
        num_edits: numbers of edits at which a trial is scored.
        trials: how many settings are tried.
        limit: prompts of the edited concepts, and holdout classes; None for the protocol's.
        limit_seconds: no new edit begins after so long.
        out: the folder of the record and the recipe.
    """

    method: GivenMethod
    space: Path | None = None
    settings: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    recipe: str | Path | None = None
    num_edits: tuple[int, ...] = PROTOCOL.edits
    trials: int = PROTOCOL.trials
    limit: int | None = None
    limit_seconds: float | None = None
    device: str = "auto"
    cache: Path | None = None
    out: Path = Path("tuning")

    def __post_init__(self) -> None:
        for count in self.num_edits:
            check_int(count, "`num_edits`", 1, SOURCES)
        if not self.num_edits or list(self.num_edits) != sorted(set(self.num_edits)):
            raise SpecError(f"`num_edits` {self.num_edits}: name one or more, each once, in ascending order")
        check_int(self.trials, "`trials`", 1, MOST_TRIALS)
        if self.limit is not None:
            check_int(self.limit, "`limit`", 1, PROTOCOL.prompts)

    @property
    def protocol(self) -> Protocol:
        """The numbers of the tuning; the suite's own unless another is asked for."""
        few = {} if self.limit is None else {"prompts": self.limit, "holdout": self.limit}
        return replace(PROTOCOL, edits=self.num_edits, trials=self.trials, **few)


@dataclass(frozen=True)
class PlannedTuning:
    """A tuning that was checked and can be carried out."""

    search: Search
    recipe: Recipe | None  # that the first trial comes from


@dataclass(frozen=True)
class Tuned:
    """A tuning on disk.

    Attributes:
        trials: those that have a score, in the order in which they were made.
        record: the path of every trial's numbers.
        recipe: the path of the recipe made of the best; None as long as the tuning is not complete.
    """

    tuning: Tuning
    trials: tuple[TrialEstimate, ...]
    record: Path
    recipe: Path | None

    @property
    def best(self) -> TrialEstimate | None:
        """The trial with the largest score; None where none has one."""
        number = None if self.tuning.best is None else self.tuning.best[0]
        return next((each for each in self.trials if each.number == number), None)


def plan_tuning(ask: TuneAsk) -> PlannedTuning:
    """Check a tuning and list its trials; nothing is computed.

    Raises:
        IcebError: no such method or setting, nothing to try, or settings that list what a table scores.
    """
    given = find_given(ask.method)
    recipe = _recipe(ask, given)
    trials = _trials(ask, given, recipe)
    protocol = fit_protocol(ask.protocol, trials)
    bundle = open_model(find(FAMILY), ask.device)
    search = Search(bundle, ask.method, cache_root(ask.cache), ask.out, protocol, ask.limit_seconds, tuple(trials))
    search.check()
    return PlannedTuning(search, recipe)


def carry_out(planned: PlannedTuning, tell: Callable[[str], None] = lambda line: None) -> Tuned:
    """Make the trials that the record lacks, and write the recipe once they are complete.

    Args:
        tell: called with a line for each trial.

    Raises:
        StoreError: the folder or the cache cannot be written.
    """
    search = planned.search
    require_writable(search.cache)
    tuning = search.run(tell)
    path = None
    if tuning.is_complete and tuning.best is not None:
        path = search.path.with_suffix(".toml")
        write_atomic(path, adopted_recipe(recipe_text(planned.recipe), tuning, COMMAND).encode())
    return Tuned(tuning, tuple(estimate_trials(tuning)), search.path, path)


def _recipe(ask: TuneAsk, given: Given) -> Recipe | None:
    """The recipe that the first trial comes from."""
    if ask.recipe in (None, "published", "tuned"):
        found = recipe_of(given.entry, TASK)
        if ask.recipe is not None and found is None:
            raise SpecError(f"`recipe` {ask.recipe}: no recipe of {given.entry.name} ships: name a file, or none")
        return found
    return read_recipe(Path(str(ask.recipe)))


def _trials(ask: TuneAsk, given: Given, recipe: Recipe | None) -> list[Planned]:
    begin = begin_with(recipe, which="tuned" if ask.recipe == "tuned" else "published")
    name = given.entry.name
    if (
        ask.space is None
        and not ask.settings
        and not given.is_object
        and given.entry.package == OWN
        and name in spaces()
    ):
        return trials_of(name, spaces()[name], begin, ask.protocol)
    space = _space(ask, name)
    defaults = defaults_of(given.load())
    tried = {key: defaults[key] for key in (*space.grid, *space.start) if key in defaults}
    first = Planned(begin.what, {**tried, **begin.settings, **given.settings})
    return trials_of(name, space, first, ask.protocol)


def _space(ask: TuneAsk, name: str) -> Space:
    if ask.space is not None and ask.settings:
        raise SpecError("`space` and `settings` both say what is tried: choose one of them")
    if ask.space is not None:
        return read_space(ask.space)
    if not ask.settings:
        raise SpecError(f"nothing says what to try of {name}: name values with `settings`, or a file with `space`")
    return grid_space(ask.settings)
