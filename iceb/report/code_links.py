"""Links from a method's page to its code and to the parts that it shares with other methods."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

ROOT = "../.."  # of the repository, from docs/methods
SHARED = "iceb.methods.common."  # modules that several methods share
EDITING = "editing.py"  # where a method's edit is computed, if that has a file of its own


def code_lines(method: type) -> list[str]:
    """Return the lines of a method's page on its code; none for a class that is not of this repository.

    >>> from iceb.baselines.controls import Unedited
    >>> code_lines(Unedited)
    ['- code: [baselines/controls.py](../../baselines/controls.py)']
    """
    if not method.__module__.startswith("iceb."):
        return []
    place, file = method.__module__.removeprefix("iceb.").replace(".", "/"), Path(inspect.getfile(method))
    if file.name != "__init__.py":
        return [f"- code: {_link(f'{place}.py')}"]
    names = [f"{place}/__init__.py", *([f"{place}/{EDITING}"] if (file.parent / EDITING).is_file() else [])]
    shared = sorted({name for each in file.parent.glob("*.py") for name in _shared_names(each)})
    parts = [_link(f"methods/common/{_file_name(file.parent.parent / 'common', name)}") for name in shared]
    return [f"- code: {', '.join(map(_link, names))}", *([f"- shared parts: {', '.join(parts)}"] if parts else [])]


def _shared_names(file: Path) -> Iterator[str]:
    """Name the shared modules that a file imports, by their first part: attention, corpora."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(SHARED) and f"{node.module}." != SHARED:
            yield f"{node.module}".removeprefix(SHARED).partition(".")[0]


def _file_name(common: Path, name: str) -> str:
    return f"{name}/" if (common / name).is_dir() else f"{name}.py"


def _link(place: str) -> str:
    return f"[{place}]({ROOT}/{place})"
