"""A method with its recipe: the one that ships for a task, or a file, with settings laid over it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

from iceb import registry
from iceb.base.errors import SpecError
from iceb.base.messages import quote, shorten
from iceb.baselines.recipes import packaged_recipe, read_recipe, recipe_task, shipped_recipe
from iceb.baselines.shipped_lists import with_shipped_lists
from iceb.models.sources import Source
from iceb.running.given_method import Given, GivenMethod, find_given
from iceb.running.method_runner import ChosenMethod
from iceb.running.setting_types import fit_settings
from iceb.specs.recipes import Recipe, Which
from iceb.specs.runs import Scalar


def with_recipe(
    method: GivenMethod,
    task: str,
    source: Source,
    settings: Mapping[str, Scalar],
    asked: str | Path | None,
    num_edits: int | None = None,
) -> ChosenMethod:
    """Return a method with its recipe for a task and model, overridden by `settings`.

    Args:
        method: its name, its class, or an object with its settings, which is taken as it is.
        asked: "published" or "tuned", settings of the recipe that ships; or a file to take instead. None for "tuned".
        num_edits: of the run, for settings that a recipe has for single numbers of edits.

    Raises:
        SpecError, MethodError: no such method or setting, no such settings in the recipe, or its file cannot be read.
    """
    given = find_given(method)
    if given.is_object and asked is not None:
        raise SpecError(f"`recipe` {shorten(str(asked))}: an object has its settings: give its class, or no recipe")
    entry = given.entry
    shipped = recipe_of(entry, task)
    file = None if asked is None or asked in get_args(Which) else Path(asked)
    which = cast(Which, asked) if asked is not None and file is None else "tuned"
    recipe, named = read_recipe(file) if file else shipped, f"{entry.public_name}/{recipe_task(task)}"
    if asked is not None and file is None:
        _refuse_lacking(which, recipe, named)
    recipe = None if given.is_object else recipe
    family = source.family.recipe_part
    own, base = (
        with_shipped_lists(each.settings(family, which, num_edits)) if each else {} for each in (recipe, shipped)
    )
    if file:
        _check_settings(given, own, file)
    chosen = given.choose({**own, **with_shipped_lists(settings)}, file.name if file else named if recipe else "")
    return (_with_recipe_facts(chosen, recipe, family, which, settings) if recipe else chosen).compare_to(base)


def recipe_of(entry: registry.Registered, task: str) -> Recipe | None:
    """The recipe that ships for a method on a task, with the suite or in the package that registers it.

    Raises:
        SpecError: its file is malformed.
    """
    if entry.package == registry.OWN:
        return shipped_recipe(entry.name, task)
    return packaged_recipe(entry.place, entry.name, task)


def _refuse_lacking(which: Which, recipe: Recipe | None, named: str) -> None:
    """Refuse settings that the recipe that ships has not."""
    if recipe is None:
        raise SpecError(f"`recipe` {which}: no recipe {named} ships: leave it out for the method's own settings")
    if which == "published" and not recipe.has_published:
        raise SpecError(
            f"`recipe` published: recipe {named} has none ({quote(recipe.how, 80)}): `recipe=tuned` gives what there is"
        )


def _check_settings(given: Given, settings: Mapping[str, Scalar], file: Path) -> None:
    """Refuse unknown settings and values of the wrong kind, naming the recipe's file."""
    try:
        fit_settings(given.entry.name, given.load(), settings)
    except SpecError as error:
        raise SpecError(f"`recipe` {shorten(str(file))}: {error}") from error


def _with_recipe_facts(
    chosen: ChosenMethod, recipe: Recipe, family: str, which: Which, settings: Mapping[str, Scalar]
) -> ChosenMethod:
    how = " ".join(recipe.how_on(family, which).split())
    counted = tuple(name for name in recipe.counted_names(family, which) if name not in settings)
    label = recipe.label(family, which)
    return replace(chosen, part=label, recipe_sha256=recipe.sha256, recipe_how=how, by_num_edits=counted)
