"""Choose the trials of a method: the settings to begin with, and points of a grid."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from iceb.base.errors import SpecError
from iceb.base.messages import quote, shorten
from iceb.base.readers import parse_toml, read_text
from iceb.base.suggestions import unknown
from iceb.baselines.recipes import shipped_recipe
from iceb.specs.recipes import Recipe, Which
from iceb.specs.results import first_problem
from iceb.specs.runs import Scalar
from iceb.tuning.protocol import FAMILY, PROTOCOL, TASK, Protocol

FOLDER = Path(str(files("iceb.baselines").joinpath("tuning")))  # the suite's own records and spaces
SPACE = FOLDER / "space.toml"
ATTEMPTS = 1000  # designs that are drawn until one holds no point twice
LAYOUT = "keys are why, start and grid; [grid] lists the values of each setting: ridge = [0.1, 1.0]"

Settings = Mapping[str, Scalar]


class Space(BaseModel):
    """The settings that may be tried of a method."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    why: str = Field(min_length=1)
    start: Settings = Field(default_factory=dict)  # over the first trial's
    grid: Mapping[str, tuple[Scalar, ...]]  # over the start


@dataclass(frozen=True)
class Planned:
    """A trial to be made: settings, and what they are."""

    what: str  # "published", "own" (of a definition that nobody published), "start" or "grid"
    settings: Settings


@cache
def spaces() -> Mapping[str, Space]:
    """The search spaces of the suite's own methods.

    Raises:
        SpecError: the file is not TOML; a pydantic error names a wrong key.
    """
    text = SPACE.read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Space]).validate_python(parse_toml(text, SPACE.name, SpecError))


def read_space(path: Path) -> Space:
    """Read a search space from a TOML file: why, [start] and [grid].

    Raises:
        SpecError: it cannot be read, is not TOML, or has a key that is missing, unknown or wrong.
    """
    named = f"`space` {shorten(str(path))}"
    return _checked_space(parse_toml(read_text(path, SpecError, LAYOUT, named), named, SpecError), named)


def grid_space(grid: Mapping[str, Sequence[Any]]) -> Space:
    """Make a search space of values that somebody typed.

    Raises:
        SpecError: a setting has no values.
    """
    plain = {name: tuple(values) for name, values in grid.items()}
    return _checked_space({"why": "values that were named by hand", "grid": plain}, "`settings`")


def _checked_space(document: Mapping[str, Any], named: str) -> Space:
    try:
        found = Space.model_validate(document)
    except ValidationError as error:
        raise SpecError(f"{named}: {first_problem(error)}: {LAYOUT}") from error
    if empty := [name for name, values in found.grid.items() if not values]:
        raise SpecError(f"{named}: {empty[0]} has no values: {LAYOUT}")
    if not found.grid and not found.start:
        raise SpecError(f"{named}: nothing to try: {LAYOUT}")
    return found


def begin_with(recipe: Recipe | None, which: Which = "published") -> Planned:
    """The first trial: a recipe's settings for mini, or a method's defaults."""
    if recipe is None:
        return Planned("own", {})
    published = which == "published" and recipe.has_published
    return Planned("published" if published else "own", recipe.settings(FAMILY, which))


def planned_trials(method: str, protocol: Protocol = PROTOCOL) -> list[Planned]:
    """List the trials of a method of the suite, all different.

    Raises:
        SpecError: the method has no search space or no recipe.
    """
    if method not in spaces():
        raise SpecError(unknown(f"method in {SPACE.name}", method, spaces()))
    recipe = shipped_recipe(method, TASK)
    if recipe is None:
        raise SpecError(f"no recipe {method}/{TASK} ships: write baselines/recipes/{method}/{TASK}.toml first")
    return trials_of(method, spaces()[method], begin_with(recipe), protocol)


def trials_of(method: str, space: Space, first: Planned, protocol: Protocol = PROTOCOL) -> list[Planned]:
    """List the trials of a search: the first, the start, then points of the grid, all different.

    Args:
        method: decides which points are chosen.

    Returns:
        `protocol.trials` of them, or as many as there are.
    """
    start = {**first.settings, **space.start}
    found = [first]
    found += [Planned("start", start)] if start != first.settings else []
    taken = [each.settings for each in found]
    seed = int(hashlib.sha256(method.encode()).hexdigest()[:8], 16)
    points = grid_points(space.grid, protocol.trials - len(found), seed, start, taken)
    return [*found, *(Planned("grid", {**start, **point}) for point in points)][: protocol.trials]


def fit_protocol(protocol: Protocol, trials: Sequence[Planned]) -> Protocol:
    """The protocol with as many trials as there are, where the space holds fewer than its budget."""
    return replace(protocol, trials=min(protocol.trials, len(trials)))


def grid_points(
    grid: Mapping[str, Sequence[Scalar]], count: int, seed: int, start: Settings, taken: Sequence[Settings]
) -> list[Settings]:
    """Choose different points of a grid, in which every value is taken about equally often.

    Args:
        taken: settings that are tried already.
    """
    free = [point for point in _all_points(grid) if {**start, **point} not in taken]
    if len(free) <= count:
        return free
    draw = np.random.default_rng(seed)
    for _ in range(ATTEMPTS):
        columns = {name: _shuffle(values, count, draw) for name, values in grid.items()}
        points: list[Settings] = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        if all(point in free for point in points) and all(points.count(point) == 1 for point in points):
            return points
    raise SpecError(
        f"a grid of {prod(map(len, grid.values()))} points gave no {count} different ones ({quote(dict(grid), 80)}): "
        "widen it"
    )


def _all_points(grid: Mapping[str, Sequence[Scalar]]) -> list[Settings]:
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def _shuffle(values: Sequence[Scalar], count: int, draw: np.random.Generator) -> list[Scalar]:
    """`count` values in a random order, each about equally often."""
    rounds = [draw.permutation(len(values)) for _ in range(-(-count // len(values)))]
    return [values[int(place)] for place in np.concatenate(rounds)[:count]]
