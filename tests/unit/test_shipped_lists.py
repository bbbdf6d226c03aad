"""Lists of names to retain on mini: what they hold, and how a setting names one."""

from pathlib import Path

import pytest

from iceb.base.errors import SpecError
from iceb.baselines.shipped_lists import MARK, list_names, with_shipped_lists
from iceb.datasets import EMBEDDED, open_dataset
from iceb.models.sources import find
from iceb.running.recipe_settings import with_recipe
from tools.mini import make_retained


@pytest.mark.parametrize("name", ["artists", "celebrities"])
def test_the_lists_that_ship_hold_no_name_that_a_task_scores(name):
    path = with_shipped_lists({"retain_file": f"{MARK}{name}"})["retain_file"]
    names = Path(path).read_text(encoding="utf-8").splitlines()
    assert names == getattr(make_retained, name)()
    for task in (name, "styles"):
        assert not set(names) & open_dataset(task, EMBEDDED).scored_names()


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
