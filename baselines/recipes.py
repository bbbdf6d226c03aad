"""Recipes: the settings of a method on a task, one file each, with where they come from.

    baselines/recipes/<method>/<task>.toml
        how = "where these settings come from"
        like = "aice"         # optional: where this file says nothing, the method's recipe for that task holds
        [params]              # the method's settings; those not named keep the method's defaults
        [by_num_edits]        # optional: over [params] up to so many edits, the smallest number that suffices
        10 = {weight = 8e4}
        [mini]                # optional: other settings for the embedded model
        how = "…"
        like = "aice"         # optional: those that were tuned for it there, in place of [params]
        score = "erase_score" # optional, with `like`: of the trials there the best by this score
        [mini.params]
        [mini.erase]          # optional: the best trial by erase_score, where another is best by edit_score
        how = "…"
        [mini.erase.params]
        [mini.published]      # optional: what of the published settings is scaled there, counts and stand-ins alone
        how = "…"
        [mini.published.params]

Whether a parameter exists is the method's to say, so that is checked where the method is known; any other unknown key
is refused here. A task that edits another's requests has that task's recipes (`recipe_task`). A setting that names a
file may name a list that ships, "shipped:artists" (`shipped_lists.py`). Another package ships recipes of its methods in
a folder `recipes` of its own, with the same layout.
"""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError

from iceb.base.errors import SpecError
from iceb.base.messages import quote, shorten
from iceb.base.readers import parse_toml, read_text
from iceb.specs.recipes import MiniPart, Recipe, RecipePart
from iceb.specs.results import first_problem

SAME_REQUESTS = {"composition": "aice", "neighbours": "aice", "preservation": "aice"}


def recipe_task(task: str) -> str:
    """The task whose recipes a task has: its own, or those of the task whose requests it edits.

    >>> recipe_task("neighbours"), recipe_task("artists")
    ('aice', 'artists')
    """
    return SAME_REQUESTS.get(task, task)


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
        SpecError: the file is not TOML, holds an unknown or wrong key, or is like a recipe that there is not.
    """
    name = f"{method}/{recipe_task(task)}"
    return read_shipped(_folder(), name) if name in recipe_names() else None


def read_shipped(folder: Traversable, name: str, chain: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe and those that it is like.

    Args:
        folder: of all recipes.
        name: "method/task".
        chain: the recipes that led here, which it must not lead back to.

    Raises:
        SpecError: as `shipped_recipe`.
    """
    where = f"recipe {name}"
    recipe = parse_recipe(folder.joinpath(f"{name}.toml").read_text(encoding="utf-8"), where)

    def of_task(task: str) -> Recipe:
        other, trail = f"{name.partition('/')[0]}/{task}", (*chain, name)
        if other in trail:
            raise SpecError(f"{where}: `like` leads back to itself ({' → '.join([*trail, other])}): name another task")
        if not folder.joinpath(f"{other}.toml").is_file():
            raise SpecError(f"{where}: `like` {quote(task)}: no recipe {other} ships: name a task that has one")
        return read_shipped(folder, other, trail)

    if recipe.mini is not None and recipe.mini.like:
        recipe = recipe.mini_over(_with_mini(of_task(recipe.mini.like), where, recipe.mini.like))
    return recipe.over(of_task(recipe.like)) if recipe.like else recipe


def _with_mini(other: Recipe, where: str, task: str) -> Recipe:
    """Refuse to be like settings for mini that there are not."""
    if other.mini is None:
        raise SpecError(
            f"{where}: `mini.like` {quote(task)}: that recipe has no part for mini: name a task whose has one"
        )
    return other


def packaged_recipe(place: str, method: str, task: str) -> Recipe | None:
    """The recipe that another package ships: recipes/<method>/<task>.toml in its own folder.

    Args:
        place: "module:object", where the package registers the method; nothing of it is imported.

    Raises:
        SpecError: as `shipped_recipe`.
    """
    name = f"{method}/{recipe_task(task)}"
    for folder in _package_folders(place.partition(":")[0].partition(".")[0]):
        if (folder / f"{name}.toml").is_file():
            return read_shipped(folder, name)
    return None


def _package_folders(module: str) -> list[Path]:
    """The folders of recipes that a top-level package may have; none of a single file."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return []
    return [Path(place) / "recipes" for place in (spec.submodule_search_locations if spec else None) or ()]


def read_recipe(path: Path) -> Recipe:
    """Read a user's own recipe file.

    Raises:
        SpecError: the file cannot be read, is not TOML, or holds an unknown or wrong key.
    """
    named = f"`recipe` {shorten(str(path))}"
    recipe = parse_recipe(read_text(path, SpecError, "name a TOML file as baselines/recipes has", named), named)
    if recipe.like or (recipe.mini is not None and recipe.mini.like):
        raise SpecError(f"{named}: `like` is for the recipes that ship: write the settings out")
    return recipe


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
