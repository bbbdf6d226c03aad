"""Keys of edits: whatever changes an edit changes its key, and comments do not."""

import sys
import types
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from iceb.registry import Registered
from iceb.running.methods import ChosenMethod, code_digest
from iceb.specs.methods import Edit, MethodCard
from iceb.specs.requests import EditRequest


@dataclass(frozen=True)
class Method:
    rate: float = 0.1
    captions: str | None = None
    card: ClassVar[MethodCard] = MethodCard("m", 1, "", ("replace",), ())

    def edit(self, bundle: Any, requests: Any, *, scratch: Any) -> Edit:
        return Edit()


CAT = EditRequest("r/0", "cat", ("dog",), ("{}",), 1)
BOAT = EditRequest("r/1", "boat", ("car",), ("{}",), 2)


def key(bundle, method=None, requests=(CAT, BOAT), package="p", version="1"):
    return ChosenMethod(Registered("methods", "m", package, version, "p:m"), method or Method(), "").key(
        bundle, requests
    )


def test_everything_that_changes_an_edit_is_in_its_key(tiny_sd, tiny_sd21):
    keys = {
        key(tiny_sd),
        key(tiny_sd, Method(rate=0.2)),
        key(tiny_sd, requests=(CAT,)),
        key(tiny_sd, requests=(BOAT, CAT)),
        key(tiny_sd, package="q"),
        key(tiny_sd, version="2"),
        key(tiny_sd21),
    }
    assert len(keys) == 7
    assert key(tiny_sd) == key(tiny_sd, Method(rate=0.1))


def test_a_file_that_a_setting_names_counts_by_its_content(tiny_sd, tmp_path):
    file = tmp_path / "captions.txt"
    file.write_text("a cat")
    before = key(tiny_sd, Method(captions=str(file)))
    file.write_text("a dog")
    assert key(tiny_sd, Method(captions=str(file))) != before


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module in a file of its own, whose text can be changed."""

    def write(text):
        code_digest.cache_clear()
        (tmp_path / "alone.py").write_text(text)
        found = types.ModuleType("alone")
        found.__file__ = str(tmp_path / "alone.py")
        monkeypatch.setitem(sys.modules, "alone", found)
        return code_digest("alone", "M")

    return write


def test_code_counts_without_comments_and_layout(module):
    plain = module("def f(x):\n    return x + 1\n")
    assert module("# a comment\ndef f(x):\n\n    return (x + 1)\n") == plain
    assert module("def f(x):\n    return x + 2\n") != plain


def test_a_packages_other_modules_count_too():
    import iceb.baselines.controls
    import iceb.baselines.recipes  # noqa: F401

    assert code_digest("iceb.baselines.controls", "A") == code_digest("iceb.baselines.recipes", "B")


def test_code_typed_into_an_interpreter_goes_by_its_name():
    assert code_digest("no_such_module", "M") != code_digest("no_such_module", "N")
