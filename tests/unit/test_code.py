"""The digest of Python code counts what it computes and nothing else, under every version of Python."""

import ast
from pathlib import Path

import pytest

from iceb.base import code
from iceb.base.code import _syntax_text, file_digest, imported_modules, modules_digest, reachable_modules

PLAIN = "def f(x: int) -> int:\n    return x + 1\n"


@pytest.fixture
def digest_as_file(tmp_path):
    """The digest of a text as a Python file."""

    def write(text):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text)
        return file_digest(path)

    return write


@pytest.mark.parametrize(
    "same",
    [
        "# a comment\ndef f(x: int) -> int:\n\n    return (x + 1)  # another\n",
        '"""A module."""\n\ndef f(x: int) -> int:\n    """One more."""\n    return x + 1\n',
        f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from numpy import ndarray\n{PLAIN}",
    ],
)
def test_comments_docstrings_layout_and_imports_for_types_do_not_count(digest_as_file, same):
    before = PLAIN if "typing" not in same else f"from typing import TYPE_CHECKING\n{PLAIN}"
    assert digest_as_file(same) == digest_as_file(before)


@pytest.mark.parametrize(
    "other",
    [
        "def f(x: int) -> int:\n    return x + 2\n",
        "def f(x: int) -> int:\n    return x + 1.0\n",
        "def f(x: int) -> int:\n    return x - 1\n",
        "def f(x: int) -> int:\n    'one'\n    return x + 1, 'one'\n",
        "def g(x: int) -> int:\n    return x + 1\n",
        "@cache\ndef f(x: int) -> int:\n    return x + 1\n",
    ],
)
def test_whatever_changes_what_is_computed_counts(digest_as_file, other):
    assert digest_as_file(other) != digest_as_file(PLAIN)


def test_fields_that_newer_versions_of_python_add_empty_do_not_count():
    node = ast.parse(PLAIN)
    before = _syntax_text(node)
    function = node.body[0]
    function._fields = (*function._fields, "type_params")
    function.type_params = []
    assert _syntax_text(node) == before


def test_a_file_that_is_not_python_counts_by_its_bytes(digest_as_file):
    assert digest_as_file("{% if x %}\n") != digest_as_file("{% if y %}\n")


def test_imports_are_found_inside_functions_with_the_packages_they_lie_in(tmp_path):
    path = tmp_path / "m.py"
    path.write_text(
        "def f():\n    from iceb.methods.common.attention.state_moments import gram\n    import iceb.base.rewriting\n"
    )
    assert imported_modules(path) == (
        "iceb.base",
        "iceb.base.rewriting",
        "iceb.methods",
        "iceb.methods.common",
        "iceb.methods.common.attention",
        "iceb.methods.common.attention.state_moments",
    )


def test_a_module_reaches_what_its_imports_import_and_nothing_that_changes_no_number():
    found = set(reachable_modules(["iceb.methods.emcid"]))
    assert found >= {"iceb.models.drawing", "iceb.models.threads", "iceb.mini.grammar", "iceb.base.digest"}
    assert not {name for name in found if name.startswith(code.LEFT_OUT)}


def test_a_reworded_message_is_no_new_code():
    """The words of an advice on memory, and the quoting of values in messages, once stood in every image's key."""
    found = reachable_modules(["iceb.models.generator", "iceb.methods.emcid"])
    assert not {"iceb.base.messages", "iceb.base.out_of_memory", "iceb.base.errors"} & set(found)


def test_modules_outside_the_digests_multiply_no_matrices():
    """The product W M of closed forms once moved into iceb.specs: a change of it would have left stale edits."""
    left_out = [Path(code.__file__).parents[1].joinpath(*name.split(".")[1:]) for name in code.LEFT_OUT]
    files = [path for place in left_out for path in (*place.rglob("*.py"), place.with_suffix(".py")) if path.is_file()]
    assert len(files) > 30
    nodes = {path: ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for path in files}
    assert [path for path, found in nodes.items() if any(isinstance(node, ast.MatMult) for node in found)] == []
    assert "iceb.models.right_product" in reachable_modules(["iceb.methods.uce"])


def test_a_change_in_a_module_that_is_imported_changes_the_digest(monkeypatch):
    changed = code.module_file("iceb.mini.grammar")
    before = modules_digest(("iceb.methods.emcid",)), modules_digest(("iceb.methods.finetune",))
    monkeypatch.setattr(code, "file_digest", lambda path: "new" if path == changed else file_digest(path))
    after = tuple(modules_digest.__wrapped__((name,)) for name in ("iceb.methods.emcid", "iceb.methods.finetune"))
    assert after[0] != before[0]
    assert after[1] == before[1]  # finetune reads no captions


def test_a_module_that_is_not_there_is_an_error():
    with pytest.raises(ModuleNotFoundError, match=r"iceb\.base\.nothing"):
        reachable_modules(["iceb.base.nothing"])
