"""Read a method's card: a page with a MethodCard as front matter, and sections for the method's page.

A section "What it computes", first if there is one, holds the formula in a block of text; the others are its notes.
"""

import json
import re
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from iceb.base.errors import SpecError
from iceb.base.front_matter import split_page
from iceb.base.messages import quote
from iceb.base.readers import read_text
from iceb.base.suggestions import unknown
from iceb.specs.methods import MethodCard

FORMULA = "## What it computes\n"
BLOCK = re.compile(r"\s*```text\n(.*?)\n```(?:\n|$)(.*)", re.DOTALL)
IN_BODY = ("formula", "notes")
KEYS = tuple(field.name for field in fields(MethodCard) if field.name not in IN_BODY)
REQUIRED = tuple(field.name for field in fields(MethodCard) if field.default is MISSING)
MAPPINGS = ("variants", "quick")  # in a card key: value, in MethodCard pairs


def read_card(module: str, name: str = "card.md") -> MethodCard:
    """Read the card beside a module: `card: ClassVar[MethodCard] = read_card(__file__)`.

    Args:
        module: the module's `__file__`.
        name: the card's path from the module's folder.

    Raises:
        SpecError: the card cannot be read, or is not as `parse_card` says.
    """
    path = Path(module).parent / name
    where = f"method card {path}"
    return parse_card(read_text(path, SpecError, "write it, and name it in the package-data", where), where)


def parse_card(text: str, where: str) -> MethodCard:
    """Parse a card's page.

    Args:
        where: the page's name, for messages.

    Raises:
        SpecError: no front matter, or a key that is missing, unknown or wrong; or a body that does not begin with a
            section.
    """
    declared, body = split_page(text, where, SpecError)
    for key in declared:
        if key not in KEYS:
            raise SpecError(f"{where}: {unknown('key', str(key), KEYS)}")
    if missing := [key for key in REQUIRED if key not in declared]:
        raise SpecError(f"{where}: lacks {', '.join(missing)}: a card must have {', '.join(REQUIRED)}")
    for key in MAPPINGS:
        if not isinstance(declared.setdefault(key, {}), dict):
            raise SpecError(f"{where}: {key} is {quote(declared[key], 80)}: must be lines of 'setting: …'")
        declared[key] = list(declared[key].items())
    return _validate({**declared, **_sections(body, where)}, where)


@cache
def _adapter() -> TypeAdapter[MethodCard]:
    return TypeAdapter(MethodCard)


def _validate(declared: dict[Any, Any], where: str) -> MethodCard:
    """Make the card.

    By JSON, since pydantic's strict reading takes JSON's lists for tuples, and no text for a number.

    Raises:
        SpecError: a value of the wrong type.
    """
    try:
        return _adapter().validate_json(json.dumps(declared, default=str), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        got = f"{place} is {quote(first['input'], 80)}: " if place else ""
        raise SpecError(f"{where}: {got}{first['msg'].removeprefix('Value error, ')}") from error


def _sections(body: str, where: str) -> dict[str, str]:
    """Split a card's body into the formula and the sections after it.

    Raises:
        SpecError: it does not begin with a section, or the formula is not in a block of text.
    """
    rest, formula = body.strip(), ""
    if rest.startswith(FORMULA):
        found = BLOCK.match(rest.removeprefix(FORMULA))
        if found is None:
            raise SpecError(f"{where}: the section 'What it computes' must begin with a block from ```text to ```")
        formula, rest = found[1], found[2].strip()
    if rest and not rest.startswith("## "):
        raise SpecError(f"{where}: {quote(rest, 80)} stands in no section: begin it with a line '## …'")
    return {"formula": formula, "notes": rest}
