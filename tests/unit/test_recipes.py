"""Recipes: known keys only, and settings of the embedded model laid over the published ones."""

import hashlib

import pytest

from iceb.base.errors import SpecError
from iceb.baselines.recipes import parse_recipe, read_recipe, recipe_names, shipped_recipe
from iceb.registry import load

GOOD = """
how = "as published"
[params]
layers = [7, 8]
moment_weight = 4000
[mini]
how = "tuned on a curve"
[mini.params]
moment_weight = 100
"""


def test_settings_of_the_embedded_model_lie_over_the_published_ones():
    recipe = parse_recipe(GOOD, "x")
    assert recipe.settings("sd14") == {"layers": (7, 8), "moment_weight": 4000}
    assert recipe.settings("mini") == {"layers": (7, 8), "moment_weight": 100}


def test_published_settings_run_whole_on_the_embedded_model_but_for_counts():
    recipe = parse_recipe(f'{GOOD}[mini.published]\nhow = "fewer"\n[mini.published.params]\ncaption_count = 5', "x")
    assert recipe.settings("mini", "published") == {"layers": (7, 8), "moment_weight": 4000, "caption_count": 5}
    assert recipe.how_on("mini", "published") == "as published; on mini: fewer"
    assert parse_recipe(GOOD, "x").settings("mini", "published") == {"layers": (7, 8), "moment_weight": 4000}


@pytest.mark.parametrize("name", recipe_names())
def test_published_settings_on_the_embedded_model_are_accepted_by_the_method(name):
    recipe = shipped_recipe(*name.split("/"))
    load("methods", name.split("/")[0])(**recipe.settings("mini", "published"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[params]\nlayers = [1]", "how: Field required"),
        (
            GOOD.replace("[params]", "[parameters]"),
            "unknown key 'parameters': keys are how, params, mini, sdxl;",
        ),
        (GOOD.replace('how = "tuned on a curve"', ""), "mini.how: Field required"),
        (
            'how = "x"\n[mini]\nstrength = 0.3',
            "unknown key 'strength' of [mini]: keys are how, params, published; settings go under [mini.params]",
        ),
        (GOOD.replace("[mini.params]", "[mini]"), "not TOML"),
        (
            f'{GOOD}[mini.published]\nhow = "fewer"\n[mini.published.params]\nrate = 0.1',
            "mini.published.params: rate=0.1 is no count tied to a model's size: allowed are counts caption_count, ",
        ),
        (
            f'{GOOD}[mini.published]\nhow = "fewer"\n[mini.published.params]\ncaptions = "mine.txt"',
            "captions='mine.txt' is no count tied to a model's size",
        ),
        ("how = as published", "not TOML"),
        ("how = ''", "how: String should have at least 1 character"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(text, said):
    with pytest.raises(SpecError) as caught:
        parse_recipe(text, "recipe x")
    assert str(caught.value).startswith("recipe x: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_of_the_users_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert read_recipe(path) == parse_recipe(GOOD, "x")


def test_a_recipe_knows_the_digest_of_its_text_and_why_its_settings_were_chosen():
    recipe = parse_recipe(GOOD, "x")
    assert recipe.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert (recipe.how_on("sd14"), recipe.how_on("mini")) == ("as published", "tuned on a curve")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SpecError, match=r"`recipe` .*none\.toml: cannot be read \(No such file"):
        read_recipe(tmp_path / "none.toml")


def test_a_method_without_a_recipe_has_none():
    assert shipped_recipe("unedited", "aice") is None


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_says_how_it_was_chosen(name):
    recipe = shipped_recipe(*name.split("/"))
    assert recipe is not None
    assert len(recipe.how) > 20


@pytest.mark.parametrize("family", ["sd14", "sdxl", "mini"])
@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_is_one_its_method_takes(name, family):
    method, task = name.split("/")
    recipe = shipped_recipe(method, task)
    assert recipe is not None
    load("methods", method)(**recipe.settings(family))  # an unknown or forbidden setting raises
