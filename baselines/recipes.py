"""Recipes: the settings of a method on a task, one file each, with where they come from.

    baselines/recipes/<method>/<task>.toml
        how = "where these settings come from"
        [params]              # the method's settings; those not named keep the method's defaults
        [mini]                # optional: other settings for the embedded model
        how = "…"
        [mini.params]
        [mini.published]      # optional: what of the published settings is scaled there, counts and stand-ins alone
        how = "…"
        [mini.published.params]

Whether a parameter exists is the method's to say, so that is checked where the method is known; any other unknown key
is refused here.
"""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from iceb.base.errors import SpecError
from iceb.base.messages import quote, shorten
from iceb.base.readers import parse_toml, read_text
from iceb.specs.recipes import MiniPart, Recipe, RecipePart
from iceb.specs.results import first_problem


def recipe_names() -> list[str]:
    """Names of the shipped recipes, as "method/task", sorted."""
    methods = [entry for entry in _folder().iterdir() if entry.is_dir()]
    return sorted(
        f"{method.name}/{file.name.removesuffix('.toml')}"
        for method in methods
        for file in method.iterdir()
        if file.name.endswith(".toml")
    )


def shipped_recipe(method: str, task: str) -> Recipe | None:
    """The recipe of a method on a task; None where there is none and the method's own defaults hold.

    Raises:
        SpecError: the file is not TOML, or holds an unknown or wrong key.
    """
    name = f"{method}/{task}"
    if name not in recipe_names():
        return None
    return parse_recipe(_folder().joinpath(method, f"{task}.toml").read_text(encoding="utf-8"), f"recipe {name}")


def read_recipe(path: Path) -> Recipe:
    """Read a user's own recipe file.

    Raises:
        SpecError: the file cannot be read, is not TOML, or holds an unknown or wrong key.
    """
    named = f"`recipe` {shorten(str(path))}"
    return parse_recipe(read_text(path, SpecError, "name a TOML file as baselines/recipes has", named), named)


def parse_recipe(text: str, where: str) -> Recipe:
    """Parse the text of a recipe file.

    Args:
        where: what to call the file in messages.

    Raises:
        SpecError: not TOML, or a key that is missing, unknown or wrong.
    """
    try:
        recipe = Recipe.model_validate(parse_toml(text, where, SpecError))
    except ValidationError as error:
        raise SpecError(f"{where}: {_problem(error)}") from error
    return recipe.with_sha256(hashlib.sha256(text.encode("utf-8")).hexdigest())


def _problem(error: ValidationError) -> str:
    """Say what is wrong with a recipe.

    An unknown key comes first, because a misplaced setting makes others missing.

    A key of a part is told to go under the part's own table.
    """
    for each in error.errors(include_url=False):
        if each["type"] == "extra_forbidden":
            *table, key = map(str, each["loc"])
            kind = Recipe if not table else MiniPart if table == ["mini"] else RecipePart
            keys = ", ".join(kind.model_fields)
            where = f" of [{'.'.join(table)}]" if table else ""
            params = ".".join([*table, "params"])
            return f"unknown key {quote(key)}{where}: keys are {keys}; settings go under [{params}]"
    allowed = ", ".join(Recipe.model_fields)
    return f"{first_problem(error)}; keys are {allowed}, settings go under [params]"


def _folder() -> Traversable:
    return files("iceb.baselines").joinpath("recipes")
