"""docs/keys.md lists what is in each key: every field that the code puts into one stands on the page."""

from pathlib import Path

from iceb.models.environment import DRAWING, environment
from iceb.running.methods import choose

PAGE = (Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")


def section(title):
    """The text below one heading of the page."""
    (found,) = [part for part in PAGE.split("\n## ") if part.startswith(title)]
    return found


def missing(names, title):
    return [name for name in names if f"`{name}`" not in section(title)]


def test_every_field_of_the_environment_stands_on_the_page(tiny_sd):
    assert missing(environment(tiny_sd), "Environment") == []


def test_the_modules_that_draw_stand_on_the_page():
    names = ",".join(name.rpartition(".")[2] for name in DRAWING)
    assert f"`iceb/models/{{{names}}}.py`" in section("Environment")


def test_every_field_of_an_edits_key_stands_on_the_page(tiny_sd):
    assert missing([*choose("unedited", {})._identity(tiny_sd), "params", "requests"], "Edit") == []
