"""Compare a result's settings with the recipe that ships now, not with that of its day."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from iceb import registry
from iceb.base.digest import plain
from iceb.base.errors import SpecError
from iceb.base.fields import default_of
from iceb.baselines.recipes import shipped_recipe
from iceb.specs.records import MethodRecord
from iceb.specs.results import Result


def changed_settings(result: Result) -> dict[str, Any]:
    """Return the settings that differ from the shipped recipe, or else from the defaults.

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
    """Return the method's defaults by setting; none if it cannot be loaded here."""
    try:
        kind = registry.load("methods", f"{method.package}/{method.name}")
    except SpecError:
        return {}
    made = {field.name: default_of(field) for field in dataclasses.fields(kind)}
    return {name: value for name, value in made.items() if value is not dataclasses.MISSING}
