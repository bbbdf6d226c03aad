"""Convert setting values to the types of a method's fields, or refuse them."""

import dataclasses
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, get_type_hints

from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.base.suggestions import unknown
from iceb.specs.checks import check_setting
from iceb.specs.results import first_problem

LISTS = ("tuple_type", "list_type")  # pydantic's error types for "this should be a list"


def fitting_value(method: str, kind: type, name: str, value: Any) -> Any:
    """Convert `value` to the field's annotation: a list to a tuple, an integer to a float or a word.

    Raises:
        SpecError: it is of another kind.
    """
    try:
        made = _validate(TypeAdapter(get_type_hints(kind)[name]), value)
        for part in made if isinstance(made, tuple) else (made,):
            check_setting(part, f"method {method}: {name}={quote(value)}")
        return made
    except ValidationError as error:
        reason = first_problem(error).removeprefix("the whole: ") + _as_list(name, value, error)
        raise SpecError(f"method {method}: {name}={quote(value)}: {reason} (iceb show method {method})") from error
    except (PydanticSchemaGenerationError, NameError):
        return value  # an annotation that pydantic cannot check, left to the method


def _validate(field: TypeAdapter[Any], value: Any) -> Any:
    """Validate a value; read a number as a word of digits where only that fits, as in `variant=2025`."""
    try:
        return field.validate_python(value)
    except ValidationError:
        if type(value) is int:
            with suppress(ValidationError):
                return field.validate_python(str(value))
        raise


def _as_list(name: str, value: Any, error: ValidationError) -> str:
    """Show how the value is written as a list; "" if no list is expected."""
    if isinstance(value, tuple | list) or not any(each["type"] in LISTS for each in error.errors()):
        return ""
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
    return f""": write `{name}={json.dumps(parts, ensure_ascii=False, separators=(",", ":"))}`"""


def fit_settings(name: str, kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Convert settings to the types of a method's fields.

    Raises:
        SpecError: the method has no such setting, or a value is of the wrong kind.
    """
    names = [field.name for field in dataclasses.fields(kind) if field.init]
    for setting in settings:
        if setting not in names:
            raise SpecError(unknown(f"setting of method {name}", setting, names, f"iceb show method {name}"))
    return {key: fitting_value(name, kind, key, value) for key, value in settings.items()}
