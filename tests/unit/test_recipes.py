"""Recipes: known keys only, and settings of the embedded model laid over the published ones."""

import hashlib

import pytest

from iceb.base.errors import SpecError
from iceb.baselines.recipes import parse_recipe, read_recipe, read_shipped, recipe_names, shipped_recipe
from iceb.datasets import EMBEDDED, open_dataset
from iceb.mini.styles import style_names
from iceb.registry import load
from iceb.specs.recipes import UNTUNED
from iceb.specs.schedules import edit_batches

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


def test_settings_of_a_number_of_edits_hold_up_to_it_and_lie_under_minis():
    counted = f"{GOOD}[by_num_edits]\n5 = {{moment_weight = 50, layers = [1]}}\n"
    published = '[mini.published]\nhow = "fewer"\n[mini.published.params]\ncaption_count = 5'
    recipe = parse_recipe(counted + published, "x")
    assert recipe.settings("sd14", num_edits=5) == {"layers": (1,), "moment_weight": 50}
    assert recipe.settings("sd14", num_edits=6) == recipe.settings("sd14") == {"layers": (7, 8), "moment_weight": 4000}
    assert recipe.settings("mini", num_edits=1) == {"layers": (1,), "moment_weight": 100}
    assert recipe.settings_of_count("mini", num_edits=1) == {"layers": (1,)}
    found = recipe.settings("mini", "published", 1)
    assert found == {"layers": (1,), "moment_weight": 50, "caption_count": 5}


def test_maces_weights_of_celebrities_are_those_of_its_four_configurations():
    """baselines.md 5.2: 8e3 / 5e4 / 8e4 / 2e5 at 1 / 5 / 10 / 100 celebrities."""
    recipe = shipped_recipe("mace", "celebrities")
    weights = [recipe.settings("mini", "published", count)["preserve_weight"] for count in (1, 5, 10, 100)]
    assert weights == [8e3, 5e4, 8e4, 2e5]
    assert "preserve_weight" not in recipe.settings("mini", "tuned", 1)


@pytest.mark.parametrize("name", [n for n in recipe_names() if n.split("/")[1] in ("artists", "celebrities", "styles")])
def test_a_tuned_recipe_that_retains_names_or_leaves_them_out_says_that_no_trial_did(name):
    recipe = shipped_recipe(*name.split("/"))
    named = [each for each in ("retain_file", "domain") if each in recipe.settings("mini", "published")]
    assert ("which no trial had" in recipe.how_on("mini")) == bool(named)


@pytest.mark.parametrize("task", ["artists", "celebrities", "styles"])
def test_tuned_settings_for_names_retain_the_list_that_the_published_ones_retain(task):
    """Else a tuned row differs from the published one in more than was tuned; MACE's domain no trial weighed."""
    lists = {}
    for name in recipe_names():
        if name.endswith(f"/{task}"):
            recipe = shipped_recipe(*name.split("/"))
            for each in ("retain_file", "domain"):
                published, tuned = (recipe.settings("mini", which).get(each) for which in ("published", "tuned"))
                assert tuned == (None if each == "domain" else published), name
                lists.update({name.partition("/")[0]: published} if published else {})
    names = "shipped:celebrities" if task == "celebrities" else "shipped:artists"
    found = {"artists": {"mace", "rece", "speed", "uce"}, "celebrities": {"mace", "rece", "speed", "uce"}}
    assert lists == dict.fromkeys(found.get(task, {"mace", "uce"}), names)


def test_uce_retained_celebrities_and_no_captions_in_maces_table():
    """baselines.md 5.6: MACE's authors gave it the celebrities that they retain; of 2023's program all else."""
    recipe = shipped_recipe("uce", "celebrities")
    found = recipe.settings("mini", "published")
    assert found == {
        **shipped_recipe("uce", "aice").params,
        "retain_file": "shipped:celebrities",
    }
    assert load("methods", "uce")(**found).caption_count == 0
    assert "--set retain_file=FILE" in recipe.how


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("mace/celebrities", "published"),
        ("uce/celebrities", "published defaults"),
        ("esd/celebrities", "published defaults"),
        ("uce/objects", "published defaults"),  # towards the task's destination, where theirs is a blank
        ("esd/objects", "published defaults"),
        ("uce/styles", "published for artists"),
        ("esd/artists", "published for styles"),
        ("mace/artists", "published for a hundred artists"),
        ("mace/styles", "published for a hundred artists"),  # their list, but also at ten
        ("rece/objects10", "published for two hard objects"),
        ("ablation/artists", "published for one style"),
    ],
)
def test_a_row_is_named_published_alone_where_it_was_published_for_the_task(name, label):
    recipe = shipped_recipe(*name.split("/"))
    assert recipe.label("mini", "published") == recipe.label("sd14") == label


@pytest.mark.parametrize("name", recipe_names())
def test_what_was_not_published_for_the_task_is_not_named_published_alone(name):
    recipe = shipped_recipe(*name.split("/"))
    other = any(words in recipe.how for words in ("table of this task are not published", "nobody published", "Nobody"))
    if recipe.has_published and other and not name.endswith("/aice"):  # EMCID's own task, see baselines/README.md
        assert recipe.label("sd14") != "published"


def test_published_settings_that_no_trial_betters_are_not_named_tuned():
    """Of SPEED's trials on AICE its authors' settings for instances are the best by erase_score."""
    for task in ("artists", "celebrities"):
        recipe = shipped_recipe("speed", task)
        assert recipe.label("mini") == "published for aice"
        assert recipe.settings("mini")["threshold"] == 0.1
        assert recipe.settings("mini")["filtered"]
    assert shipped_recipe("speed", "aice").label("mini") == "tuned for mini with captions"  # by edit_score


@pytest.mark.parametrize("task", ["ablation", "artists", "styles"])
def test_concept_ablations_published_settings_are_those_of_its_scripts(task):
    """baselines.md 4.2, 4.3 and 13.6: all commands say --hflip, that for styles --noaug."""
    method = load("methods", "ablation")(**shipped_recipe("ablation", task).settings("sd14", "published"))
    assert method.effective_rate == pytest.approx(1.6e-5)
    assert (method.steps, method.batch, method.total_steps, method.prior) == (100, 8, 0, False)
    assert (method.images, method.draw_scheduler, method.draw_steps, method.guidance) == (1000, "dpm++", 25, 6.0)
    assert (method.loss, method.parameter_group, method.variant, method.seed) == (
        *("model-based", "cross-attn", "diffusers", 42),
    )
    assert (method.decay, method.clip, method.flip, method.resolution) == (1e-2, 1.0, True, 512)
    assert method.augment == (task == "ablation")  # of its instances alone


def test_mace_trains_styles_of_a_mixed_list_as_styles_without_masks():
    """baselines.md 5.1 and 5.2: "a photo in the style of", and no masks; all else as instances."""
    requests = {
        r.source: r for batch in edit_batches(open_dataset("ablation", EMBEDDED).schedule(10)) for r in batch.requests
    }
    method = load("methods", "mace")(**shipped_recipe("mace", "ablation").settings("mini"))
    for source, request in requests.items():
        concept = method.concept(request)
        assert concept.kind == ("style" if source in {*style_names()} else "object"), source
        begins = "a photo in the style of " if concept.kind == "style" else "a photo of the "
        assert concept.image_prompt == f"{begins}{source}"


def test_maces_settings_for_classes_erased_alone_are_those_of_one_object():
    found, one = (shipped_recipe("mace", task).settings("sd14") for task in ("objects10", "objects"))
    assert found == one
    assert found["rate"] == 1e-5
    assert not shipped_recipe("mace", "objects10").has_published


@pytest.mark.parametrize("which", ["published", "tuned"])
@pytest.mark.parametrize("task", ["ablation", "artists", "styles"])
def test_concept_ablation_trains_styles_to_paintings_and_instances_to_their_class(task, which):
    """baselines.md 4.1: every style's prompts are of paintings; an instance's anchor is its own."""
    from iceb.methods.ablation.concepts import concepts_of

    method = load("methods", "ablation")(**shipped_recipe("ablation", task).settings("mini", which))
    data = open_dataset(task, EMBEDDED)
    requests = {each.source: each for batch in edit_batches(data.schedule(10)) for each in batch.requests}
    concepts = concepts_of([*requests.values()], method)
    styles = [concept for concept in concepts if concept.type == "style"]
    assert {concept.target for concept in styles} == ({*requests} & {*style_names()})
    assert len(styles) == (5 if task == "ablation" else 10)
    assert all("painting" in text for concept in styles for text in concept.anchor.prompts)
    for concept in concepts:
        if concept.type == "object":
            assert concept.anchor.prompts[0] == f"An image of {requests[concept.target].dest}"
            assert concept.targets[0] == f"An image of {concept.target}"


@pytest.mark.parametrize("name", recipe_names())
def test_published_settings_on_the_embedded_model_are_accepted_by_the_method(name):
    recipe = shipped_recipe(*name.split("/"))
    for count in (None, *recipe.by_num_edits):
        load("methods", name.split("/")[0])(**recipe.settings("mini", "published", count))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[params]\nlayers = [1]", "how: Field required"),
        (
            GOOD.replace("[params]", "[parameters]"),
            "unknown key 'parameters': keys are how, like, params, by_num_edits, mini, sdxl;",
        ),
        (GOOD.replace('how = "tuned on a curve"', ""), "mini.how: Field required"),
        (
            'how = "x"\n[mini]\nstrength = 0.3',
            "of [mini]: keys are how, params, published, like, ours, score, erase; settings go under [mini.params]",
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


AICE = """
how = "published: the paper"
[params]
steps = 100
rate = 1
[mini]
how = "tuned: trial 1"
[mini.params]
rate = 9
"""
STYLES = """
how = "published for styles"
[params]
steps = 50
kind = "style"
[mini]
how = "tuned for mini on AICE"
like = "aice"
[mini.params]
kind = "style"
"""


def recipe_of(tmp_path, name, **texts):
    """A recipe of method m, of these files."""
    (tmp_path / "m").mkdir(exist_ok=True)
    for task, text in texts.items():
        (tmp_path / "m" / f"{task}.toml").write_text(text, encoding="utf-8")
    return read_shipped(tmp_path, f"m/{name}")


def test_settings_for_mini_may_be_those_of_another_task_in_place_of_the_recipes_own(tmp_path):
    recipe = recipe_of(tmp_path, "styles", aice=AICE, styles=STYLES)
    assert recipe.settings("mini") == {"steps": 100, "rate": 9, "kind": "style"}
    assert recipe.settings("mini", "published") == {"steps": 50, "kind": "style"}
    assert recipe.label("mini") == "tuned for mini on aice"
    assert recipe.how_on("mini") == "tuned for mini on AICE: tuned: trial 1"


def test_a_recipe_may_be_like_the_best_trial_by_another_score(tmp_path):
    aice = f'{AICE}[mini.erase]\nhow = "tuned: trial 2"\n[mini.erase.params]\nsteps = 3\n'
    styles = STYLES.replace('like = "aice"', 'like = "aice"\nscore = "erase_score"')
    recipe = recipe_of(tmp_path, "styles", aice=aice, styles=styles)
    assert recipe.settings("mini") == {"steps": 3, "rate": 1, "kind": "style"}
    assert recipe.how_on("mini") == "tuned for mini on AICE: tuned: trial 2"
    same = recipe_of(tmp_path, "styles", aice=AICE)  # one trial is the best by both
    assert same.settings("mini") == {"steps": 100, "rate": 9, "kind": "style"}


def test_a_recipe_like_another_says_only_what_differs(tmp_path):
    text = 'how = "nobody published any"\nlike = "aice"\n[params]\nsteps = 7'
    recipe = recipe_of(tmp_path, "objects", aice=AICE, objects=text)
    assert recipe.settings("sd14") == {"steps": 7, "rate": 1}
    assert recipe.settings("mini") == {"steps": 7, "rate": 9}
    assert (recipe.has_published, recipe.label("sd14"), recipe.label("mini")) == (False, "", "tuned for mini on aice")


def test_like_goes_on_to_what_the_other_is_like(tmp_path):
    text = 'how = "as for styles"\nlike = "styles"'
    recipe = recipe_of(tmp_path, "artists", aice=AICE, styles=STYLES, artists=text)
    assert recipe.settings("sd14") == {"steps": 50, "kind": "style"}
    assert recipe.settings("mini") == {"steps": 100, "rate": 9, "kind": "style"}
    assert recipe.how_on("mini") == "tuned for mini on aice: tuned: trial 1"


def test_the_digest_of_a_recipe_covers_what_it_is_like(tmp_path):
    first = recipe_of(tmp_path, "styles", aice=AICE, styles=STYLES).sha256
    assert recipe_of(tmp_path, "styles").sha256 == first
    assert recipe_of(tmp_path, "styles", aice=AICE.replace("9", "8")).sha256 != first
    assert len(first) == 64


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"styles": STYLES}, "recipe m/styles: `like` 'aice': no recipe m/aice ships"),
        (
            {"styles": STYLES, "aice": 'how = "published"'},
            "recipe m/styles: `mini.like` 'aice': that recipe",
        ),
        (
            {"styles": 'how = "x"\nlike = "aice"', "aice": 'how = "x"\nlike = "styles"'},
            "recipe m/aice: `like` leads back to itself (m/styles → m/aice → m/styles)",
        ),
        ({"styles": 'how = "x"\nlike = "styles"'}, "recipe m/styles: `like` leads back to itself"),
    ],
)
def test_a_recipe_like_none_is_refused(tmp_path, texts, said):
    with pytest.raises(SpecError) as caught:
        recipe_of(tmp_path, "styles", **texts)
    assert str(caught.value).startswith(said)


def test_a_users_own_recipe_writes_its_settings_out(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(STYLES, encoding="utf-8")
    with pytest.raises(SpecError, match="`like` is for the recipes that ship"):
        read_recipe(path)


def test_a_task_of_anothers_requests_has_its_recipes():
    assert shipped_recipe("emcid", "neighbours") == shipped_recipe("emcid", "aice")


@pytest.mark.parametrize("name", recipe_names())
def test_what_was_tuned_on_another_task_was_tuned(name):
    recipe = shipped_recipe(*name.split("/"))
    if recipe.mini is not None and recipe.mini.like:
        assert recipe.how_on("mini").startswith("tuned for mini on ")
        assert UNTUNED not in recipe.how_on("mini")
