"""Parse option values: `--set NAME=VALUE`, `--dtype` and numbers of edits."""

import json
import re
from collections.abc import Sequence
from typing import get_args

from iceb.base.errors import SpecError
from iceb.base.messages import quote, shorten
from iceb.base.readers import parse_json
from iceb.specs.checks import check_text
from iceb.specs.runs import Atom, Dtype, Scalar

COUNT = re.compile(r"-?[0-9]{1,18}")
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
    raise SpecError(
        f"--set {name} {quote(value)}: must be a number, a text, true, false, null, or a flat list of these"
    )


def dtype(text: str) -> Dtype:
    """Parse the number format of `--dtype`.

    Raises:
        SpecError: it is none of those allowed.
    """
    for known in DTYPES:
        if text == known:
            return known
    raise SpecError(f"--dtype {shorten(text)}: must be one of {', '.join(DTYPES)}")


def value_lists(texts: Sequence[str]) -> dict[str, tuple[Scalar, ...]]:
    """Parse values to try of settings from NAME=V1,V2 texts.

    A comma inside brackets or quotes separates nothing.

    Raises:
        SpecError: as `settings`, or no value.

    >>> value_lists(["rate=0.1,1", "layers=[7,8],[9]", "mode=sum"])
    {'rate': (0.1, 1), 'layers': ((7, 8), (9,)), 'mode': ('sum',)}
    """
    found: dict[str, tuple[Scalar, ...]] = {}
    for text in texts:
        ((name, whole),) = settings([f"{text.partition('=')[0]}={json.dumps(text.partition('=')[2])}"]).items()
        if name in found:
            raise SpecError(f"--set {quote(name)}: given twice; name its values in one")
        if "=" not in text or not str(whole).strip():
            raise SpecError(f"--set {quote(text)}: must be NAME=VALUE,VALUE…, for example --set ridge=0.1,1")
        found[name] = tuple(parse_value(name, part.strip()) for part in _parts(str(whole)))
    return found


def _parts(text: str) -> list[str]:
    """Split at the commas that stand in no brackets and no quotes."""
    depth, quoted, start, found = 0, False, 0, []
    for place, character in enumerate(text):
        quoted ^= character == '"'
        depth += 0 if quoted else (character in "[{") - (character in "]}")
        if character == "," and not depth and not quoted:
            found.append(text[start:place])
            start = place + 1
    return [*found, text[start:]]


def counts(text: str, option: str) -> tuple[int, ...]:
    """Parse whole numbers that are separated by commas.

    Raises:
        SpecError: a part is none.

    >>> counts("10, 50", "--num-edits")
    (10, 50)
    """
    return tuple(parse_count(part, option) for part in text.split(","))


def parse_count(text: str, option: str = "--num-edits") -> int:
    """Parse a number of edits.

    Raises:
        SpecError: it is no whole number.
    """
    if COUNT.fullmatch(text.strip()) is None:
        raise SpecError(f"{option} {quote(text)}: must be a whole number, or several with commas, as in 1,10,100")
    return int(text)
