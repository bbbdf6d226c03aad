"""Compare a result's settings with the recipe that ships now, not with that of its day."""

from collections.abc import Mapping
from typing import Any

from iceb import registry
from iceb.base.errors import SpecError
from iceb.base.fields import defaults_of, differing
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
    changed = [name for name in differing(method.params, shipped) if name in shipped or name in method.changed]
    return {**{name: method.params[name] for name in changed}, **method.passes}


def _defaults(method: MethodRecord) -> Mapping[str, Any]:
    """Return the method's defaults by setting; none if it cannot be loaded here."""
    try:
        return defaults_of(registry.load("methods", f"{method.package}/{method.name}"))
    except SpecError:
        return {}
