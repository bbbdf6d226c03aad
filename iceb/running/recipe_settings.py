"""A method with its recipe: the one that ships for a task, or a file, with settings laid over it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from iceb import registry
from iceb.base.errors import SpecError
from iceb.base.messages import shorten
from iceb.baselines.recipes import read_recipe, shipped_recipe
from iceb.models.sources import Source
from iceb.running.method_runner import ChosenMethod, choose
from iceb.running.setting_types import fit_settings
from iceb.specs.recipes import Recipe
from iceb.specs.runs import Scalar


def with_recipe(
    name: str, task: str, source: Source, settings: Mapping[str, Scalar], file: Path | None
) -> ChosenMethod:
    """Return a method with its recipe for a task and model, overridden by `settings`.

    Args:
        file: the recipe to take instead of the one that ships; None for that one.

    Raises:
        SpecError, MethodError: no such method or setting, or the recipe's file cannot be read.
    """
    entry = registry.find("methods", name)
    shipped = (
        shipped_recipe(entry.name, task) if entry.package == registry.OWN else None
    )  # a namesake's are not its own
    recipe = read_recipe(file) if file else shipped
    named = file.name if file else f"{entry.name}/{task}" if recipe else ""
    own, base = (each.settings(source.family.recipe_part) if each else {} for each in (recipe, shipped))
    if file:
        _check_settings(name, own, file)
    chosen = choose(name, {**own, **settings}, named)
    return (_with_recipe_facts(chosen, recipe, source.family.recipe_part) if recipe else chosen).compare_to(base)


def _check_settings(name: str, settings: Mapping[str, Scalar], file: Path) -> None:
    """Refuse unknown settings and values of the wrong kind, naming the recipe's file."""
    try:
        fit_settings(name, registry.load("methods", name), settings)
    except SpecError as error:
        raise SpecError(f"`recipe` {shorten(str(file))}: {error}") from error


def _with_recipe_facts(chosen: ChosenMethod, recipe: Recipe, family: str) -> ChosenMethod:
    how = " ".join(recipe.how_on(family).split())
    return replace(chosen, part=recipe.part(family), recipe_sha256=recipe.sha256, recipe_how=how)
