"""What somebody else's code raised is told with the place in that code."""

import importlib
import re
import sys

import pytest

from iceb.base.errors import MethodError
from iceb.base.frames import describe, place_of
from iceb.base.messages import first_line, reason
from iceb.cli.option_names import with_options

PACKAGE = {
    "__init__.py": "from iceb_far.inner import deep\n\n\ndef edit():\n    return deep()\n",
    "inner.py": "import json\n\n\ndef deep():\n    return json.loads('{')\n",
}


@pytest.fixture
def far(tmp_path, monkeypatch):
    """A package of somebody else: it calls itself, and a library that raises."""
    folder = tmp_path / "iceb_far"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("iceb_far")
    for name in [name for name in sys.modules if name.startswith("iceb_far")]:
        del sys.modules[name]


def raise_in(call) -> Exception:
    with pytest.raises(Exception, match=r".") as caught:
        call()
    return caught.value.with_traceback(caught.tb.tb_next)  # without this file's own frame


def test_the_location_is_the_packages_last_frame_and_not_the_librarys(far):
    error = raise_in(far.edit)
    assert place_of(error) == "iceb_far/inner.py:5, in deep"
    assert re.fullmatch(r"JSONDecodeError: .* \(iceb_far/inner\.py:5, in deep\)", describe(error))


def test_errors_of_the_core_have_no_location():
    from iceb.base.rewriting import Rewriter

    error = raise_in(lambda: Rewriter({"a": "b"})(None)).with_traceback(None)
    assert place_of(error) == ""
    assert describe(MethodError("no  layer\nfits")) == "MethodError: no layer fits"


def test_what_a_library_says_names_no_option():
    """Hugging Face advises `token=<your_token>`, which became --set 'token=<your_token>'."""
    advice = "log in, or pass `token=<your_token>`; `model` is gated"
    foreign = OSError(advice)
    for said in (describe(foreign), reason(foreign), first_line(foreign)):
        assert "'token=<your_token>'; 'model' is gated" in said
        assert with_options(said) == said
    assert with_options(describe(MethodError("`num_edits` 0"))) == "MethodError: --num-edits 0"
