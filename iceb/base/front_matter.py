"""Read the YAML front matter of a page: data cards and method cards declare themselves there."""

from collections.abc import Hashable
from typing import Any

import yaml

from iceb.base.errors import IcebError
from iceb.base.messages import quote

OPENING, CLOSING = "---\n", "\n---\n"


class _Loader(yaml.SafeLoader):
    """A loader of YAML's plain types that refuses a key that stands twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.YAMLError(f"the key {quote(twice[0])} stands twice")
        return super().construct_mapping(node, deep)


def split_page(text: str, where: str, kind: type[IcebError]) -> tuple[dict[Any, Any], str]:
    """Split a page into the fields of its front matter and its body.

    Args:
        where: the page's name, for messages.
        kind: the error to raise.

    Raises:
        IcebError: of this kind: no front matter, not YAML, a key that stands twice, or no mapping of keys.

    >>> split_page("---\\nname: time\\n---\\nBody.", "card.md", IcebError)
    ({'name': 'time'}, 'Body.')
    """
    front, found, body = text.removeprefix(OPENING).partition(CLOSING)
    if not (found and text.startswith(OPENING)):
        raise kind(f"{where}: must open with YAML front matter between two lines of '---'")
    try:
        fields = yaml.load(front, _Loader)
    except yaml.YAMLError as error:
        raise kind(f"{where}: the front matter is not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(fields, dict):
        raise kind(f"{where}: the front matter is {quote(fields, 80)}: must be lines of 'key: value'")
    return fields, body
