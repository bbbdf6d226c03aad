"""The label of a row: a method's name with its settings, short enough for a table."""

import json
from collections.abc import Mapping


def method_label(name: str, changed: Mapping[str, object], part: str = "") -> str:
    """A method's name with some settings, short enough for a table; a file is eight digits of its digest.

    >>> method_label("emcid", {"residual": "output", "layers": (9, 10), "captions": "sha256:" + 64 * "a"})
    'emcid (residual=output, layers=[9, 10], captions=sha256:aaaaaaaa)'
    >>> method_label("emcid", {}, "published")
    'emcid, published'
    """
    name = f"{name}, {part}" if part else name
    if not changed:
        return name
    return f"{name} ({', '.join(f'{setting}={_short(value)}' for setting, value in changed.items())})"


def _short(value: object) -> str:
    if isinstance(value, str):
        return value[:15] if value.startswith("sha256:") else value
    return json.dumps(value)
