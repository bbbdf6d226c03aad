"""Docstrings: every public module, class and function has one, whose first line can be read by itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("iceb", "methods", "metrics", "baselines", "tools", "benchmarks")
LONGEST = 100  # characters of a first line
RIDDLES = ("The same", "What ", "How ", "Which ", "Where ", "When ", "As ", "Like ")  # beginnings that lack a subject

# Longer ones, with the reason.
LONG = dict.fromkeys(
    (
        *(f"tools/vectors/cross_attention.py:{method}_cases" for method in ("mace", "rece", "speed")),
        *(f"tools/vectors/text_encoder.py:{method}_cases" for method in ("null_space", "refact")),
    ),
    "a formula, which is written into tests/vectors",
)

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def objects() -> Iterator[tuple[str, Documented, bool]]:
    """file:name of every module, class, function and method, its syntax, and whether it is public."""
    for top in TOP:
        for path in sorted((ROOT / top).rglob("*.py")):
            where, tree = path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))
            yield where, tree, True
            yield from members(tree, f"{where}:", True)


def members(node: Documented, prefix: str, public: bool) -> Iterator[tuple[str, Documented, bool]]:
    """The classes and functions of a module or class, and their members."""
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            seen = public and not child.name.startswith("_")
            yield f"{prefix}{child.name}", child, seen
            if isinstance(child, ast.ClassDef):
                yield from members(child, f"{prefix}{child.name}.", seen)


def fault_of(line: str) -> str:
    """Describe what is wrong with a first line; "" if nothing is."""
    if not line.endswith((".", "…")):
        return "ends without a period"
    if line.startswith(RIDDLES):
        return "begins without a subject"
    return "is too long" if len(line) > LONGEST else ""


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("Return the rows of a table.", ""),
        ("UNet conditioning, one row per sample.", ""),
        ("What the denoiser is told about each row of a batch.", "begins without a subject"),
        ("The same, knowing which of its settings differ.", "begins without a subject"),
        ("Return the rows", "ends without a period"),
        ("Rows." + 100 * " and rows.", "is too long"),
    ],
)
def test_a_first_line_is_a_short_sentence_with_a_subject(line, fault):
    assert fault_of(line) == fault


def test_every_public_object_has_a_docstring():
    assert [name for name, node, public in objects() if public and not ast.get_docstring(node)] == []


def test_every_first_line_can_be_read_by_itself():
    first = {name: text.splitlines()[0] for name, node, _ in objects() if (text := ast.get_docstring(node))}
    faults = {name: f"{fault}: {line}" for name, line in first.items() if (fault := fault_of(line))}
    assert {name: fault for name, fault in faults.items() if name not in LONG} == {}
    assert sorted(set(LONG) - set(faults)) == []
