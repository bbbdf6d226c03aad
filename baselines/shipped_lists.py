"""Lists of names that methods retain on mini; a recipe or a user names one as "shipped:artists".

baselines/retained/<name>.txt, a name a line: names of mini's world that no list of the tasks for which they are made
edits or scores, but as preserved, so that what is scored says something about concepts that no method was told to keep.
"artists" is made for artists, styles and ablation; of its names 94 are preserved in some list of `artists`.
"celebrities" is made for celebrities; other tasks edit persons of it. They are written by
`python tools/mini/make_retained.py`.
"""

from collections.abc import Mapping
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable

from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.specs.runs import Scalar

MARK = "shipped:"


def list_names() -> list[str]:
    """Names of the lists that ship, sorted."""
    return sorted(file.name.removesuffix(".txt") for file in _folder().iterdir() if file.name.endswith(".txt"))


def with_shipped_lists(settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Settings with the path of a shipped list in the place of its name.

    Raises:
        SpecError: no such list ships.
    """
    return {name: _path(name, value) for name, value in settings.items()}


def _path(name: str, value: Scalar) -> Scalar:
    if not isinstance(value, str) or not value.startswith(MARK):
        return value
    wanted = value.removeprefix(MARK)
    if wanted not in list_names():
        raise SpecError(f"`{name}` {quote(value)}: no such list ships: there are {', '.join(list_names())}")
    with as_file(_folder() / f"{wanted}.txt") as path:
        return str(path)


def _folder() -> Traversable:
    return files("iceb.baselines").joinpath("retained")
