"""Compare a result's settings with the recipe that ships now, which may be a later one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from iceb import registry
from iceb.base.digest import digest_file
from iceb.base.errors import SpecError
from iceb.base.fields import defaults_of, differing
from iceb.baselines.recipes import packaged_recipe, shipped_recipe
from iceb.baselines.shipped_lists import MARK, with_shipped_lists
from iceb.specs.labels import method_label
from iceb.specs.recipes import Recipe, Which
from iceb.specs.records import MethodRecord
from iceb.specs.results import Result


@dataclass(frozen=True)
class NamedSettings:
    """A result's settings in words: which of a recipe's they are, and which of them are others."""

    part: str  # "published", "tuned for mini"; "" for a method's own defaults
    changed: Mapping[str, Any]
    ours: str = ""  # what of the recipe's makes another algorithm than the authors': "MEMIT's residual"

    def label(self, method: str) -> str:
        """The method's name with them: "emcid, published (steps=40)"."""
        return method_label(method, self.changed, self.part)


def named_settings(result: Result) -> NamedSettings:
    """Name a result's settings by those of the shipped recipe that they are nearest to.

    Of a method that is not installed the defaults are unknown: what the run itself recorded as changed stands for them.

    Raises:
        SpecError: the recipe's file is malformed.
    """
    method = result.method
    recipe = _recipe(method, result.task.name) if method.params else None
    found = [_compare(result, recipe, which) for which in _kinds(recipe)]
    return min(found, key=lambda each: len(each.changed))  # of equals the first, the settings that a run has by default


def _recipe(method: MethodRecord, task: str) -> Recipe | None:
    """The recipe that ships now, with the suite or in the method's package; None if that is not installed."""
    if method.package == registry.OWN:
        return shipped_recipe(method.name, task)
    try:
        entry = registry.find("methods", f"{method.package}/{method.name}")
    except SpecError:
        return None
    return packaged_recipe(entry.place, entry.name, task)


def _kinds(recipe: Recipe | None) -> list[Which]:
    kinds: list[Which] = sorted(get_args(Which), reverse=True)  # tuned first
    return [which for which in kinds if which == "tuned" or (recipe is not None and recipe.has_published)]


def _compare(result: Result, recipe: Recipe | None, which: Which) -> NamedSettings:
    method, family = result.method, result.model.family
    found = recipe.settings(family, which, result.num_edits) if recipe else {}
    shipped = {**default_settings(method), **_as_recorded(found)}
    changed = [name for name in differing(method.params, shipped) if name in shipped or name in method.changed]
    part = recipe.label(family, which) if recipe else ""
    ours = recipe.ours(family, which) if recipe else ""
    return NamedSettings(part, {**{name: method.params[name] for name in changed}, **method.passes}, ours)


def _as_recorded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a result keeps them: a list that ships by its content."""
    listed = {name: value for name, value in settings.items() if str(value).startswith(MARK)}
    paths = with_shipped_lists(listed)
    return {**settings, **{name: f"sha256:{digest_file(Path(str(path)))}" for name, path in paths.items()}}


def default_settings(method: MethodRecord) -> Mapping[str, Any]:
    """The installed method's defaults by setting; none if it cannot be loaded here."""
    try:
        return defaults_of(registry.load("methods", f"{method.package}/{method.name}"))
    except SpecError:
        return {}
