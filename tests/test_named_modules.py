"""Docstrings name modules of iceb that are there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAPPED = ("methods", "metrics", "baselines")  # folders at the top that are installed under iceb
ROOMS = sorted(path.name for path in (ROOT / "iceb").iterdir() if path.is_dir() and path.name[0].isalpha())
DOTTED = re.compile(rf"\biceb((?:\.(?:{'|'.join([*MAPPED, *ROOMS])})\b)(?:\.[a-zA-Z_]\w*)*)")
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def is_there(parts: list[str]) -> bool:
    """Whether the parts behind `iceb` lead to a module, or to a word in the source of the last module."""
    place = ROOT if parts[0] in MAPPED else ROOT / "iceb"
    while parts and (place / parts[0]).is_dir():
        place, parts = place / parts[0], parts[1:]
    source = place / f"{parts[0]}.py" if parts else place / "__init__.py"
    source, parts = (source, parts[1:]) if source.is_file() else (place / "__init__.py", parts)
    return not parts or re.search(rf"\b{parts[0]}\b", source.read_text(encoding="utf-8")) is not None


def named_modules() -> Iterator[tuple[str, str]]:
    """File and dotted name of every module or object that a docstring names in full."""
    for top in ("iceb", *MAPPED):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
                yield from ((path.relative_to(ROOT).as_posix(), name[1:]) for name in DOTTED.findall(text or ""))


@pytest.mark.parametrize("name", ["methods.uce_debias", "specs.reduction.Score", "base.errors"])
def test_a_name_leads_to_a_module_or_to_what_it_defines(name):
    assert is_there(name.split("."))


@pytest.mark.parametrize("name", ["methods.uce.debias_rounds", "specs.nothing", "statistics.gone.mean"])
def test_a_name_that_leads_nowhere_is_found(name):
    assert not is_there(name.split("."))


def test_every_module_that_a_docstring_names_is_there():
    assert [f"{path}: iceb.{name}" for path, name in named_modules() if not is_there(name.split("."))] == []
