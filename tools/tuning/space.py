"""The trials of a method, enumerated from its search space (baselines/tuning/space.toml)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from iceb.base.errors import SpecError
from iceb.base.readers import parse_toml
from iceb.base.suggestions import unknown
from iceb.baselines.recipes import shipped_recipe
from iceb.specs.runs import Scalar
from tools.tuning.protocol import FAMILY, PROTOCOL, TASK, Protocol

FOLDER = Path(__file__).parents[2] / "baselines" / "tuning"
SPACE = FOLDER / "space.toml"
ATTEMPTS = 1000  # designs that are drawn until one holds no point twice

Settings = Mapping[str, Scalar]


class Space(BaseModel):
    """The settings that may be tried of a method."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    why: str = Field(min_length=1)
    start: Settings = Field(default_factory=dict)  # over the published settings: what shipped before
    grid: Mapping[str, tuple[Scalar, ...]]  # over the start


@dataclass(frozen=True)
class Planned:
    """A trial to be made: settings, and what they are."""

    what: str  # "published", "own" (of a definition that nobody published), "start" or "grid"
    settings: Settings


@cache
def spaces() -> Mapping[str, Space]:
    """Every method's search space.

    Raises:
        SpecError: the file is not TOML; a pydantic error names a wrong key.
    """
    text = SPACE.read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Space]).validate_python(parse_toml(text, SPACE.name, SpecError))


def planned_trials(method: str, protocol: Protocol = PROTOCOL) -> list[Planned]:
    """List a method's trials: the published settings, the start, then points of the grid, all different.

    Raises:
        SpecError: the method has no search space or no recipe.
    """
    if method not in spaces():
        raise SpecError(unknown(f"method in {SPACE.name}", method, spaces()))
    recipe, space = shipped_recipe(method, TASK), spaces()[method]
    if recipe is None:
        raise SpecError(f"no recipe {method}/{TASK} ships: write baselines/recipes/{method}/{TASK}.toml first")
    published = recipe.settings(FAMILY, "published")
    start = {**published, **space.start}
    found = [Planned("published" if recipe.has_published else "own", published)]
    found += [Planned("start", start)] if start != published else []
    left = protocol.trials - len(found)
    taken = [each.settings for each in found]
    seed = int(hashlib.sha256(method.encode()).hexdigest()[:8], 16)
    return [
        *found,
        *(Planned("grid", {**start, **point}) for point in grid_points(space.grid, left, seed, start, taken)),
    ]


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
    raise SpecError(f"a grid of {prod(map(len, grid.values()))} points gave no {count} different ones: widen it")


def _all_points(grid: Mapping[str, Sequence[Scalar]]) -> list[Settings]:
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def _shuffle(values: Sequence[Scalar], count: int, draw: np.random.Generator) -> list[Scalar]:
    """`count` values in a random order, each about equally often."""
    rounds = [draw.permutation(len(values)) for _ in range(-(-count // len(values)))]
    return [values[int(place)] for place in np.concatenate(rounds)[:count]]
