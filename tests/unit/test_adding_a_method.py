"""The guide's example is a method: its package and its code do what the guide says of them."""

import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from iceb.base.errors import IcebError
from iceb.baselines.recipes import parse_recipe
from iceb.models.checking import check_edit
from iceb.models.right_product import right_product
from iceb.specs.method_cards import parse_card
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef

GUIDE = Path(__file__).parents[2] / "docs" / "adding_a_method.md"
LION = EditRequest("guide/0", "lion", ("hen",), ("{}",), 1)
BOAT = EditRequest("guide/1", "boat", ("car",), ("{}",), 2)


def block(language: str, name: str) -> str:
    """The code block that begins with a file's name."""
    found = re.search(rf"```{language}\n# {re.escape(name)}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"the guide has no block {name}"
    return found.group(1)


class Kept:
    """A scratch in memory that counts what was computed."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}

    def depends_on(self, *settings: str) -> "Kept":
        return self

    def array(self, key: Any, compute: Any) -> Any:
        return self.arrays.setdefault(str(key), compute()) if str(key) not in self.arrays else self.arrays[str(key)]


@pytest.fixture(scope="module")
def nudge() -> Any:
    """The guide's class."""
    module = ModuleType("iceb_nudge")
    sys.modules["iceb_nudge"] = module  # where a dataclass looks for its own names
    exec(compile(block("python", "iceb_nudge.py"), str(GUIDE), "exec"), module.__dict__)
    yield module.__dict__["Nudge"]
    del sys.modules["iceb_nudge"]


def test_the_package_registers_the_class_under_its_cards_name(nudge):
    package = tomllib.loads(block("toml", "pyproject.toml"))
    assert package["project"]["entry-points"]["iceb.methods"] == {nudge.card.name: f"iceb_nudge:{nudge.__name__}"}


def test_the_cards_page_declares_what_the_code_does(nudge):
    found = re.search(r"````markdown\n(.*?)````", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    card = parse_card(found[1], "card.md")
    assert replace(card, formula=" ".join(card.formula.split())) == nudge.card


def test_the_recipe_names_settings_of_the_method(nudge):
    recipe = parse_recipe(block("toml", "nudge.toml"), "nudge.toml")
    assert nudge(**recipe.settings("mini")).ridge > 0


def test_the_example_edits_what_it_declares_on_every_layout(nudge, tiny):
    kept = Kept()
    edit = nudge().edit(tiny, (LION, BOAT), context=MethodContext(kept))
    assert check_edit(edit, tiny, nudge.card) is edit
    assert len(kept.arrays) == 1
    ((_, matrix),) = edit.right.items()
    assert all(right_product(tiny.parameter(name), matrix).equal(new) for name, new in edit.weights.items())
    assert any(not tiny.parameter(name).equal(new) for name, new in edit.weights.items())


def test_the_source_answers_more_like_its_destination_and_what_is_kept_stays(nudge, tiny_sd):
    from iceb.methods.common.attention import StateReader, from_last_token

    edit = nudge(ridge=0.01).edit(tiny_sd, (LION,), context=MethodContext(Kept()))
    lion, hen, blank = StateReader(tiny_sd)(["lion", "hen", ""])
    source, dest = from_last_token(lion, hen)
    for name, new in edit.weights.items():
        old, new = tiny_sd.parameter(name).double(), new.double()
        assert (source @ new.T - dest @ old.T).norm() < 0.7 * (source @ old.T - dest @ old.T).norm()
        assert (blank.rows @ (new - old).T).norm() < 0.1 * (source @ (new - old).T).norm()


def test_the_example_keeps_the_contracts_small_print(nudge, tiny_sd, tmp_path):
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    assert not nudge().edit(tiny_sd, (), context=MethodContext(Kept())).weights
    with pytest.raises(IcebError, match="holds no text"):
        nudge(keep_file=str(empty)).check(ModelRef("mini", "iceb/mini", "0" * 40))
    with pytest.raises(IcebError, match=r"keep_file .*none\.txt: cannot be read"):
        nudge(keep_file=str(tmp_path / "none.txt")).check(ModelRef("mini", "iceb/mini", "0" * 40))
    with pytest.raises(IcebError, match="must be positive"):
        nudge(ridge=0.0)
    settings = dict(nudge.card.quick)
    assert nudge(**settings) == nudge(**settings)
