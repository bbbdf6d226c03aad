"""Parse option values: `--set NAME=VALUE` and `--dtype`."""

import json
from collections.abc import Sequence
from typing import get_args

from iceb.base.errors import SpecError
from iceb.base.messages import quote, shorten
from iceb.base.readers import parse_json
from iceb.specs.checks import check_text
from iceb.specs.runs import Atom, Dtype, Scalar

DTYPES: tuple[Dtype, ...] = get_args(Dtype)


def settings(texts: Sequence[str]) -> dict[str, Scalar]:
    """Parse a method's settings from NAME=VALUE texts.

    Raises:
        SpecError: a text without "=", a name given twice, or a value that is neither a scalar nor a flat list.

    >>> settings(["rate=0.2", "layers=[7, 8]", "objective=esd"])
    {'rate': 0.2, 'layers': (7, 8), 'objective': 'esd'}
    """
    found: dict[str, Scalar] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise SpecError(f"--set {quote(text)}: must be NAME=VALUE, for example --set steps=50")
        if name in found:
            raise SpecError(f"--set {quote(name)}: given twice; give it once")
        found[name] = parse_value(name, value.strip())
    return found


def parse_value(name: str, text: str) -> Scalar:
    """Parse a value as JSON if it is JSON (numbers, true, false, null, lists), else keep the text.

    Raises:
        SpecError: a JSON object or a nested list, a number that is not finite or beyond 64 bits, or a text that
            nobody can read.
    """
    try:
        value = parse_json(text, f"--set {name}", SpecError)
    except SpecError as error:
        if not isinstance(error.__cause__, json.JSONDecodeError):
            raise
        check_text(text, f"--set {name}")
        return text
    if isinstance(value, list):
        return tuple(_atom(name, item) for item in value)
    return _atom(name, value)


def _atom(name: str, value: object) -> Atom:
    if isinstance(value, str):
        check_text(value, f"--set {name}")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise SpecError(f"--set {name}: must be a number, a text, true, false, null, or a flat list of these")


def dtype(text: str) -> Dtype:
    """Parse the number format of `--dtype`.

    Raises:
        SpecError: it is none of those allowed.
    """
    for known in DTYPES:
        if text == known:
            return known
    raise SpecError(f"--dtype {shorten(text)}: must be one of {', '.join(DTYPES)}")
