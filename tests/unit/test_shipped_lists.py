"""Lists of names to retain on mini: what they hold, and how a setting names one."""

from pathlib import Path

import pytest

from iceb.base.errors import SpecError
from iceb.baselines.shipped_lists import MARK, list_names, with_shipped_lists
from iceb.datasets import EMBEDDED, open_dataset
from iceb.models.sources import find
from iceb.running.recipe_settings import with_recipe
from tools.mini import make_retained

RETAINED_ON_ROAD = 39


def names_of(name):
    path = with_shipped_lists({"retain_file": f"{MARK}{name}"})["retain_file"]
    return Path(path).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["artists", "celebrities"])
def test_the_lists_that_ship_hold_no_name_that_their_tasks_score_but_as_preserved(name):
    names = names_of(name)
    assert names == getattr(make_retained, name)()
    for task in (name, "styles"):
        assert not set(names) & open_dataset(task, EMBEDDED).scored_names()


def test_of_a_list_of_artists_some_preserved_names_are_told_and_others_not():
    """What the card and the metrics' pages say of it."""
    retained = set(names_of("artists"))
    lists = open_dataset("artists", EMBEDDED).lists
    preserved = {size: {image.name for image in each.drawn["preserved"]} for size, each in lists.items()}
    found = {size: (len(retained & names), len(names)) for size, names in preserved.items()}
    assert {size: of for size, (_, of) in found.items()} == dict.fromkeys(lists, 100)
    assert (min(found.values())[0], max(found.values())[0]) == (7, 25)
    assert (len(retained), len(retained & set().union(*preserved.values()))) == (224, 94)


def test_persons_to_retain_stand_in_rows_of_another_task_whose_recipes_name_no_list():
    retained = {name.lower() for name in names_of("celebrities")}
    assert len(retained & open_dataset("road", EMBEDDED).scored_names()) == RETAINED_ON_ROAD
    recipes = Path(__file__).parents[2] / "baselines" / "recipes"
    assert not [path for path in recipes.glob("*/road.toml") if MARK in path.read_text(encoding="utf-8")]


def test_a_list_that_does_not_ship_is_refused():
    assert list_names() == ["artists", "celebrities"]
    with pytest.raises(SpecError, match="`domain` 'shipped:cats': no such list ships: there are artists, celebrities"):
        with_shipped_lists({"domain": f"{MARK}cats"})
    assert with_shipped_lists({"domain": "mine.txt", "steps": 3}) == {"domain": "mine.txt", "steps": 3}


def test_a_setting_may_name_a_list_that_ships():
    settings = {"retain_file": f"{MARK}artists"}
    method = with_recipe("uce", "aice", find("mini", "float32"), settings, None)
    assert method.changed == ("retain_file",)
    assert str(method.params["retain_file"]).startswith("sha256:")
    assert len(Path(method.method.retain_file).read_text(encoding="utf-8").splitlines()) == 224
