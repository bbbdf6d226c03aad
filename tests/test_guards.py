"""Guards hold under `python -O`, which leaves every assert out."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOP = ("iceb", "methods", "metrics", "baselines")


def test_no_guard_is_an_assert():
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{node.lineno}: {ast.unparse(node)}"
        for top in TOP
        for path in sorted((ROOT / top).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
    ]
    assert not found, "\n".join(found)
