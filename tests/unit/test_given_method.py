"""Methods given as classes and objects: what runs them, what names them, and what their results may not do."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

import iceb
from iceb.base.errors import SpecError
from iceb.baselines.controls import PromptSwap
from iceb.leaderboard.collect import refusal
from iceb.models.sources import find
from iceb.running.given_method import find_given
from iceb.running.interpreted_code import interpreted_digest
from iceb.running.recipe_settings import with_recipe
from iceb.runs.folder import read_result

RESULTS = Path(__file__).parents[2] / "leaderboards" / "results" / "aice"


@dataclass(frozen=True)
class Mine:
    """Write the destination, as often as asked."""

    times: int = 1

    card: ClassVar[iceb.MethodCard] = iceb.MethodCard(name="mine", version=1, paper="", kinds=("replace",), touches=())

    def edit(self, bundle, requests, *, context):
        return iceb.Edit(rewrites={request.source: request.dests[0] for request in requests})


def test_a_class_and_an_object_that_none_registers_are_methods():
    given = find_given(Mine)
    assert (given.entry.package, given.is_object, given.choose({"times": 2}).params) == (
        "unregistered",
        False,
        {"times": 2},
    )
    chosen = with_recipe(Mine(times=3), "aice", find("mini"), {}, None)
    assert (chosen.params, chosen.changed, chosen.record.label) == ({"times": 3}, ("times",), "mine (times=3)")
    assert with_recipe(Mine, "aice", find("mini"), {}, None).changed == ()


def test_a_registered_class_is_its_name():
    by_class, by_name = (with_recipe(each, "aice", find("mini"), {}, None) for each in (PromptSwap, "prompt_swap"))
    assert by_class.record == by_name.record


def test_a_card_with_the_name_of_another_method_is_refused():
    card = iceb.MethodCard(name="uce", version=1, paper="", kinds=("replace",), touches=())
    with pytest.raises(SpecError, match="its card has the name of iceb/uce, another method"):
        find_given(dataclass(frozen=True)(type("Uce", (), {"card": card, "edit": lambda *_: None})))


CELL = """
from dataclasses import dataclass
K = 3
def helper(x):
    return x * K
@dataclass(frozen=True)
class Typed:
    rate: float = 1.0
    def edit(self, x):
        return [helper(each) for each in x]
"""


def typed_class(text: str) -> type:
    session = {"__name__": "a_session"}
    exec(text, session)
    return session["Typed"]


def test_a_class_of_a_notebook_is_known_by_its_code_and_what_that_names():
    known = interpreted_digest(typed_class(CELL))
    assert interpreted_digest(typed_class(f"# a comment\n\n{CELL}")) == known
    for old, new in (
        ("K = 3", "K = 4"),
        ("x * K", "x + K"),
        ("rate: float = 1.0", "rate: float = 2.0"),
        ("[helper", "[-helper"),
    ):
        assert interpreted_digest(typed_class(CELL.replace(old, new))) != known


HEAD = """
import functools
import threading
from dataclasses import dataclass
from pathlib import Path
import numpy as np
import torch
"""
NAMES = """
class Typed:
    def edit(self, x):
        return W
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("W = np.array([1.0, 2.0])", "W = np.array([1.0, 3.0])"),
        ("W = np.array([1, 2])", "W = np.array([[1, 2]])"),
        ("W = torch.tensor([1.0, 2.0])", "W = torch.tensor([1.0, 3.0])"),
        ("W = torch.tensor([1.0], dtype=torch.bfloat16)", "W = torch.tensor([1.0], dtype=torch.float16)"),
        ("W = torch.nn.Linear(2, 2)\nW.weight.data[:] = 1\nW.bias.data[:] = 1", "W = torch.nn.Identity()"),
        ("W = Path('a')", "W = Path('b')"),
        ("W = functools.partial(max, 1)", "W = functools.partial(max, 2)"),
        ("W = [lambda x: x + 1]", "W = [lambda x: x - 1]"),
        ("W = {'f': lambda x: x + 1}", "W = {'f': lambda x: x * 1}"),
        ("@functools.lru_cache\ndef W(x):\n    return x + 1", "@functools.lru_cache\ndef W(x):\n    return x - 1"),
        ("def W(x):\n    return x\nW.rate = 1", "def W(x):\n    return x\nW.rate = 2"),
        (
            "@dataclass\nclass Config:\n    rate: float\nW = Config(1.0)",
            "@dataclass\nclass Config:\n    rate: float\nW = Config(2.0)",
        ),
        ("@torch.no_grad()\ndef W(x):\n    return x + 1", "@torch.no_grad()\ndef W(x):\n    return x - 1"),
        ("W = [0]\nW.append(W)", "W = [1]\nW.append(W)"),
        ("a, b = [1], [1]\nW = (a, a, b)", "a, b = [1], [1]\nW = (a, b, b)"),
        ("W = (1).__add__", "W = (2).__add__"),
        ("W = [1].append", "W = [2].append"),
        ("W = np.float64(1)", "W = np.float64(2)"),
        ("W = np.exp", "W = np.log"),
    ],
)
def test_a_changed_object_of_a_notebook_is_a_changed_method(old, new):
    known, again, other = (interpreted_digest(typed_class(HEAD + each + NAMES)) for each in (old, old, new))
    assert known == again != other


def test_an_object_without_readable_content_is_refused_by_its_name():
    with pytest.raises(
        SpecError, match=r"Typed names 'W', whose content cannot be read \(_thread.lock: .*make it inside"
    ):
        interpreted_digest(typed_class(f"{HEAD}W = [threading.Lock()]{NAMES}"))
    unread = NAMES.replace("return W", "return x.W")
    assert interpreted_digest(typed_class(f"{HEAD}W = threading.Lock(){unread}"))


def test_a_run_of_no_registered_method_stands_on_no_leaderboard():
    result = read_result(next((RESULTS / "uce").glob("0010-*.json")))
    method = result.method.model_copy(update={"package": "unregistered"})
    assert refusal(result) is None
    assert "no package registers its method" in refusal(result.model_copy(update={"method": method}))
