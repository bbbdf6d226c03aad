"""Which settings of a result are not those that ship now; what a run recorded is measured by the recipe of its day."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from iceb import registry
from iceb.base.digest import plain
from iceb.base.errors import SpecError
from iceb.baselines.recipes import shipped_recipe
from iceb.specs.records import MethodRecord
from iceb.specs.results import Result


def changed_settings(result: Result) -> dict[str, Any]:
    """The settings that are not as in the recipe that ships, nor, where it names none, as the defaults.

    Of a method that is not installed the defaults are unknown: what the run itself recorded as changed stands for them.

    Raises:
        SpecError: the recipe's file is malformed.
    """
    method = result.method
    recipe = shipped_recipe(method.name, result.task.name)
    shipped = {**_defaults(method), **(recipe.settings(result.model.family) if recipe else {})}
    recorded = method.changed or {}

    def differs(name: str, value: Any) -> bool:
        return plain(value) != plain(shipped[name]) if name in shipped else name in recorded

    return {**{name: value for name, value in method.params.items() if differs(name, value)}, **method.passes}


def _defaults(method: MethodRecord) -> Mapping[str, Any]:
    """The method's defaults, by the names of its settings; none where it cannot be loaded here."""
    try:
        kind = registry.load("methods", f"{method.package}/{method.name}")
    except SpecError:
        return {}
    made = {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        for field in dataclasses.fields(kind)
    }
    return {name: value for name, value in made.items() if value is not dataclasses.MISSING}
