"""A sweep as requested: a run of each combination of method, task, number of edits and settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from iceb import registry
from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.baselines.recipes import read_recipe
from iceb.running.plan import Ask
from iceb.running.recipe_settings import recipe_of
from iceb.running.setting_types import fit_settings
from iceb.running.sweeps.cell_command import cell_command
from iceb.specs.checks import check_int
from iceb.specs.recipes import Which
from iceb.specs.runs import MOST_COUNTED, Scalar

Recipe = str | Path | None  # as `Ask.recipe`
WORDS = get_args(Which)
FIELDS = {"methods": "method", "tasks": "task", "num_edits": "num_edits", "recipes": "recipe"}  # their options' fields


@dataclass(frozen=True)
class SweepAsk:
    """A sweep as requested by name.

    Attributes:
        recipes: as `Ask.recipe`; methods that have no recipe run once, with their own settings.
        settings: of each method, by its name.
        common: fields of `Ask` that all runs share.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    num_edits: tuple[int, ...]
    recipes: tuple[Recipe, ...] = (None,)
    settings: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    common: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, option in FIELDS.items():
            values: Sequence[object] = getattr(self, name)
            if not values or len(set(values)) != len(values):
                said = quote(",".join(map(str, values)))
                raise SpecError(f"`{option}` {said}: name one or more, each once, separated by commas")
        for count in self.num_edits:
            check_int(count, "`num_edits`", 1, MOST_COUNTED)

    def check_names(self) -> None:
        """Refuse unknown names, settings that a method does not have, and recipes that cannot be read.

        Raises:
            SpecError: as it says.
        """
        for task in self.tasks:
            registry.find("tasks", task)
        for method in self.methods:
            registry.find("methods", method)
        for recipe in self.recipes:
            if recipe is not None and recipe not in WORDS:
                read_recipe(Path(recipe))
        for method, settings in self.settings.items():
            if settings:
                fit_settings(method, registry.load("methods", method), settings)

    def asks(self) -> Iterator[Ask]:
        """Make what is asked of each run, in an order in which later runs find what earlier ones made.

        Task by task, for images before the edit are of a task; within it method by method, and the largest number of
        edits first, whose images before, text states and value vectors the smaller numbers need a part of.
        """
        for task in self.tasks:
            for method in self.methods:
                for recipe in self._recipes(method, task):
                    for count in sorted(self.num_edits, reverse=True):
                        yield self._ask(task, method, count, recipe)

    def _recipes(self, method: str, task: str) -> list[Recipe]:
        """The recipes to run a method with; its own settings once in the place of those that it cannot have."""
        has_recipe = recipe_of(registry.find("methods", method), task) is not None
        return list(dict.fromkeys(None if each in WORDS and not has_recipe else each for each in self.recipes))

    def _ask(self, task: str, method: str, count: int, recipe: Recipe) -> Ask:
        named: dict[str, Any] = {"task": task, "method": method, "num_edits": count, "recipe": recipe}
        ask = Ask(**named, settings=self.settings.get(method, {}), **self.common)
        return replace(ask, command=cell_command(ask))
