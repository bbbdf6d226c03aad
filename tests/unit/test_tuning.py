"""Tuning: the trials of a method, their record, and recipes that are the best of it."""

import pytest

from iceb.base.errors import SpecError
from iceb.baselines.recipes import parse_recipe, recipe_names, shipped_recipe
from iceb.datasets import EMBEDDED, open_dataset
from iceb.mini.captions import corpus
from iceb.mini.mentions import every_class
from iceb.models.sources import find
from iceb.registry import load
from iceb.specs.recipes import MiniPart, Recipe, RecipePart
from iceb.tuning.adoption import adopted_recipe, how_line
from iceb.tuning.protocol import FAMILY, PROTOCOL, score_name
from iceb.tuning.record import Numbers, Trial, Tuning, read_tuning, write_tuning
from iceb.tuning.space import FOLDER, SPACE, grid_points, planned_trials, spaces
from iceb.tuning.validation import validation_classes
from tools.tune_mini import parse_explored

RECIPE = """\
how = "published: the paper"

[params]
layers = [0, 1]
rate = 0.2

[mini]
how = "tuned: by hand"

[mini.params]
rate = 3.0

[mini.published]
how = "fewer captions"

[mini.published.params]
caption_count = 5

[sdxl]
how = "published: elsewhere"

[sdxl.params]
layers = [3]
"""
PUBLISHED = {"layers": (0, 1), "rate": 0.2, "caption_count": 5}


def numbers(score: float) -> Numbers:
    return Numbers(
        source2dest=2 * score, source_forget=0.5, holdout_delta=0.0, score=score, edit_seconds=1.0, seconds=2.0
    )


def tuning_of(*scores: float | None, best: dict | None = None) -> Tuning:
    """A record of as many trials: the first is published, one without a score failed."""
    trials = [
        Trial(
            what="grid" if place else "published",
            settings={**PUBLISHED, **(best or {"rate": float(place)})} if place else PUBLISHED,
            at={} if score is None else {count: numbers(score) for count in PROTOCOL.edits},
            error="at 10 edits: no" if score is None else "",
        )
        for place, score in enumerate(scores)
    ]
    protocol = {**PROTOCOL.document(), "trials": len(trials)}
    return Tuning(method="m", protocol=protocol, validation_sha256="v", model="1" * 64, trials=tuple(trials))


SAME = {"emcid-ns": [(1, 5)]}  # the grid's moment_weight 0 is the default, which baselines/README.md says


def same_trials(method, trials):
    """Pairs of trials whose settings are the same with the method's defaults filled in."""
    cls = load("methods", method)
    whole = [cls(**each.settings) for each in trials]
    return [(i, j) for j in range(len(whole)) for i in range(j) if whole[i] == whole[j]]


@pytest.mark.parametrize("method", list(spaces()))
def test_every_method_has_the_same_budget_of_different_trials_that_it_accepts(method):
    found = planned_trials(method)
    assert len(found) == PROTOCOL.trials
    assert same_trials(method, found) == SAME.get(method, [])
    assert found[0].settings == shipped_recipe(method, "aice").settings("mini", "published")
    assert found == planned_trials(method)
    for each in found:
        load("methods", method)(**each.settings)  # an unknown or forbidden setting raises


def test_the_trials_of_emcid_ns_that_have_a_score_are_five():
    """Of equal settings one; two failed, for the space that they may write into was too small."""
    record = read_tuning(FOLDER / "emcid-ns.json")
    assert [number for number, trial in enumerate(record.trials) if trial.error] == [4, 6]
    assert record.trials[1].score(PROTOCOL.edits) == record.trials[5].score(PROTOCOL.edits)
    assert {method for method, space in spaces().items() if not space.start} == {"finetune", "refact"}


def test_captions_name_every_class_of_the_validation_holdout():
    """The classes that they never name are AICE's own, so that recipes are chosen where preservation is easiest."""
    unseen = {prompt.label for prompt in open_dataset("aice", EMBEDDED).shared_prompts(1) if "unseen" in prompt.tags}
    holdout = {*validation_classes().holdout}
    assert (len(unseen), len(holdout)) == (122, PROTOCOL.holdout)
    assert not unseen & holdout
    said = {label for text in corpus() for label in every_class().classes(text)}
    assert holdout <= said
    assert not unseen & said


def test_points_of_a_grid_take_every_value_about_equally_often():
    grid = {"a": (1, 2, 3), "b": (True, False)}
    points = grid_points(grid, 6, 7, {}, [])
    assert sorted(point["a"] for point in points) == [1, 1, 2, 2, 3, 3]
    assert sum(point["b"] for point in points) == 3
    taken = [{"a": 1, "b": True}, {"a": 2, "b": True}, {"a": 3, "b": True}]
    assert grid_points(grid, 6, 7, {}, taken) == [{"a": value, "b": False} for value in (1, 2, 3)]


def test_a_record_is_read_as_it_was_written(tmp_path):
    tuning = tuning_of(0.1, None, 0.3)
    write_tuning(tmp_path / "m.json", tuning)
    assert read_tuning(tmp_path / "m.json") == tuning
    assert read_tuning(tmp_path / "none.json") is None
    (tmp_path / "m.json").write_text("[]")
    with pytest.raises(SpecError, match=r"m\.json: is no record of a tuning"):
        read_tuning(tmp_path / "m.json")


def test_the_best_trial_is_the_one_with_the_largest_mean_score():
    assert tuning_of(0.1, None, 0.3, 0.2).best[0] == 2
    assert tuning_of(0.3, 0.3).best[0] == 0  # of equals the first, the published settings
    assert tuning_of(None).best is None


def test_the_best_trial_of_erasing_is_the_one_that_forgets_and_keeps_most():
    """edit_score of a method that loses its destinations is best where it does nothing."""
    idle, eraser = numbers(0.0).model_copy(update={"source_forget": 0.0}), numbers(-0.1)
    trials = [
        Trial(what="grid", settings={"rate": float(place)}, at=dict.fromkeys(PROTOCOL.edits, each))
        for place, each in enumerate((idle, eraser))
    ]
    tuning = tuning_of(0.0).model_copy(update={"trials": tuple(trials)})
    assert (tuning.best[0], tuning.best_eraser[0]) == (0, 1)
    assert tuning.best_eraser[2] == pytest.approx(0.25)
    assert tuning_of(0.1, 0.3, 0.3).best_eraser[0] == 0  # all forget alike, and the first of equals is another trial


def test_the_adopted_recipe_has_a_part_for_erasing_where_another_trial_is_best_there():
    tuning = tuning_of(0.1, 0.3)
    more = tuning.trials[0].model_copy(
        update={"at": {count: numbers(0.1).model_copy(update={"source_forget": 0.9}) for count in PROTOCOL.edits}}
    )
    tuning = tuning.model_copy(update={"trials": (more, tuning.trials[1])})
    text = adopted_recipe(RECIPE, tuning)
    recipe = parse_recipe(text, "x")
    assert recipe.settings("mini") == {**PUBLISHED, "rate": 1.0}
    assert {**recipe.params, **recipe.mini.erase.params} == PUBLISHED
    assert recipe.mini.erase.how.startswith("published: on mini no other of 2 trials")
    assert adopted_recipe(text, tuning) == text


def test_a_trial_that_lacks_a_number_of_edits_has_no_score():
    trial = Trial(what="grid", settings={}, at={10: numbers(0.1), 50: numbers(0.3)})
    assert trial.score((10, 50)) == pytest.approx(0.2)
    assert trial.score((10, 50, 150)) is None


def test_the_adopted_recipe_is_the_best_trial_and_nothing_else_changes():
    tuning = tuning_of(0.1, 0.3, best={"layers": (1,), "caption_count": 7})
    text = adopted_recipe(RECIPE, tuning)
    before, after = parse_recipe(RECIPE, "x"), parse_recipe(text, "x")
    assert after.settings("mini") == {"layers": (1,), "rate": 0.2, "caption_count": 7}
    assert after.how_on("mini") == how_line(tuning)
    assert after.how_on("mini").startswith("tuned: trial 1 of 2 trials by tools/tune_mini.py")
    assert "published settings 0.100. Other than in these: caption_count, layers" in after.how_on("mini")
    assert (after.sdxl, after.params, after.mini.published) == (before.sdxl, before.params, before.mini.published)
    assert adopted_recipe(text, tuning) == text


def test_where_the_published_settings_are_best_the_recipe_carries_their_name():
    recipe = parse_recipe(adopted_recipe(RECIPE, tuning_of(0.3, 0.1)), "x")
    assert recipe.settings("mini") == PUBLISHED
    assert recipe.label("mini") == "published"


def test_a_recipe_without_a_part_for_mini_gets_one():
    text = adopted_recipe('how = "published: x"\n\n[params]\nrate = 0.2\n', tuning_of(0.1, 0.3))
    assert parse_recipe(text, "x").settings("mini") == {**PUBLISHED, "rate": 1.0}


def test_an_unfinished_tuning_is_not_adopted():
    tuning = tuning_of(0.1, 0.3)
    unfinished = tuning.model_copy(update={"trials": tuning.trials[:1]})
    with pytest.raises(SpecError, match="the tuning of m is not complete"):
        adopted_recipe(RECIPE, unfinished)


def test_an_eraser_is_tuned_for_a_score_of_its_own_name():
    assert score_name(load("methods", "emcid").card) == "edit_score"
    assert score_name(load("methods", "esd").card) == "erase_score"


def test_settings_to_explore_stand_on_the_recipes_named_first():
    assert parse_explored("layers=[7, 8],rate=2") == ("tuned", {"layers": [7, 8], "rate": 2}, "layers=[7, 8],rate=2")
    assert parse_explored("published,rate=2")[:2] == ("published", {"rate": 2})
    assert parse_explored("as-shipped") == ("tuned", {}, "as shipped")


def mismatches(tuning: Tuning, recipe: Recipe) -> list[str]:
    """Say where a recipe and its record disagree: the budget, the trials, or the best of them."""
    planned = [dict(each.settings) for each in planned_trials(tuning.method)]
    found = [] if tuning.is_complete else ["not every trial of the budget has numbers"]
    if dict(tuning.protocol) != PROTOCOL.document():
        found.append(f"its protocol is {dict(tuning.protocol)}, not {PROTOCOL.document()}")
    if [dict(trial.settings) for trial in tuning.trials] != planned:
        found.append(f"its trials are not those of {SPACE.name}")
    if tuning.best is not None and recipe.settings(FAMILY) != dict(tuning.best[1].settings):
        found.append("the recipe's settings for mini are not its best trial")
    erase = recipe.mini.erase if recipe.mini is not None else None
    eraser = tuning.best_eraser
    if (None if erase is None else {**recipe.params, **erase.params}) != (eraser and dict(eraser[1].settings)):
        found.append("the recipe's settings for tasks that erase are not its best trial by erase_score")
    return found


def test_each_recipe_is_the_best_trial_of_its_record_on_the_shipped_weights():
    records = [read_tuning(path) for path in sorted(FOLDER.glob("*.json"))]
    own = [tuning for tuning in records if tuning.model == find("mini").ref.revision]
    found = {tuning.method: mismatches(tuning, shipped_recipe(tuning.method, "aice")) for tuning in own}
    assert {method: lines for method, lines in found.items() if lines} == {}


ERASING = ("ablation", "artists", "celebrities", "objects", "objects10", "styles")  # by their headlines


NAMES = ("artists", "celebrities", "styles")  # of people; methods that retain others are given a list of them


def test_recipes_of_tasks_that_erase_have_the_best_trial_by_erase_score():
    """Whatever the method; what a recipe's [mini.params] says lies over the trial."""
    names = [name for name in recipe_names() if name.partition("/")[2] in ERASING]
    assert len(names) > 30
    for name in names:
        method, _, task = name.partition("/")
        recipe, tuning = shipped_recipe(method, task), read_tuning(FOLDER / f"{method}.json")
        _, best, _ = tuning.best_by("erase_score")
        assert recipe.mini.score == "erase_score", name
        assert "the best by erase_score" in recipe.how_on("mini"), name
        found = recipe.settings("mini")
        differing = {
            setting for setting in {*found, *best.settings} if found.get(setting) != best.settings.get(setting)
        }
        listed = {"retain_file", "domain", "preserve_weight"} if task in NAMES else set()
        assert differing <= {"concept_type", "anchor", "segmenter", *listed}, name  # what the task's concepts are


def test_recipes_of_other_tasks_have_the_best_trial_by_edit_score():
    for name in recipe_names():
        recipe = shipped_recipe(*name.split("/"))
        if name.partition("/")[2] not in ERASING and recipe.mini is not None:
            assert recipe.mini.score == "", name


def test_a_recipe_that_is_not_the_best_trial_is_reported():
    planned = planned_trials("time")
    trials = [
        Trial(what=each.what, settings=each.settings, at={count: numbers(score) for count in PROTOCOL.edits})
        for each, score in zip(planned, (0.1, 0.2, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0), strict=True)
    ]
    tuning = tuning_of(0.0).model_copy(
        update={"method": "time", "protocol": PROTOCOL.document(), "trials": tuple(trials)}
    )
    recipe = shipped_recipe("time", "aice")
    erase = RecipePart(how="tuned", params=planned[0].settings)  # all of them forget alike
    best, other = (
        recipe.model_copy(
            update={"params": {}, "mini": MiniPart(how="tuned", params=planned[number].settings, erase=erase)}
        )
        for number in (2, 3)
    )
    assert mismatches(tuning, best) == []
    assert mismatches(tuning, other) == ["the recipe's settings for mini are not its best trial"]
    idle = best.model_copy(update={"mini": best.mini.model_copy(update={"erase": None})})
    problem = "the recipe's settings for tasks that erase are not its best trial by erase_score"
    assert mismatches(tuning, idle) == [problem]
    fewer = tuning.model_copy(update={"trials": tuple(trials[:-1])})
    problems = ["not every trial of the budget has numbers", "its trials are not those of space.toml"]
    assert mismatches(fewer, best) == problems
