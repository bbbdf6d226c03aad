"""`iceb tune`: trials of a third-party method, errors and paired tests, what is refused, and the recipe."""

import json
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

import iceb
from iceb.base.errors import MethodError, SpecError
from iceb.baselines.recipes import packaged_recipe, read_recipe
from iceb.cli.main import run
from iceb.cli.tune import document, result_lines
from iceb.mini.world import class_names
from iceb.models.sources import find
from iceb.running.recipe_settings import with_recipe
from iceb.tuning.asking import TuneAsk, carry_out, plan_tuning
from iceb.tuning.estimates import estimate_trials
from iceb.tuning.protocol import PROTOCOL
from iceb.tuning.record import Numbers, Trial, Tuning, read_tuning
from iceb.tuning.search import Search
from iceb.tuning.validation import refuse_scored, scored_classes, validation, validation_classes


@dataclass(frozen=True)
class Nudge:
    """A method of somebody else's."""

    ridge: float = 0.5
    layers: tuple[int, ...] = (1,)
    keep: tuple[str, ...] = ()

    card: ClassVar[iceb.MethodCard] = iceb.MethodCard(name="nudge", version=1, paper="", kinds=("replace",), touches=())

    def __post_init__(self):
        if self.ridge <= 0:
            raise MethodError(f"nudge ridge {self.ridge}: must be positive")

    def edit(self, bundle, requests, *, context):
        raise AssertionError("a fake scorer stands in the place of edits")


def fake_numbers(strength, count: int) -> Numbers:
    """Made-up changes of `count` requests and 184 classes, better by `strength`; the same noise for every trial."""
    noise = np.random.default_rng(count)
    edited = np.clip(0.5 + strength + noise.normal(0, 0.2, count), -1, 1)
    kept = np.clip(-0.1 + noise.normal(0, 0.05, PROTOCOL.holdout), -1, 1)
    means = {"source2dest": edited.mean(), "source_forget": 0.5, "holdout_delta": kept.mean()}
    score = (edited.mean() + kept.mean()) / 2
    return Numbers(**means, score=score, edited=tuple(edited), kept=tuple(kept), edit_seconds=1, seconds=2)


@pytest.fixture
def scorer_calls(monkeypatch) -> list[tuple[float, int]]:
    """The calls of a scorer that likes ridge 2 best, and needs no model."""
    calls: list[tuple[float, int]] = []

    def numbers(search, chosen, count):
        calls.append((chosen.params["ridge"], count))
        return fake_numbers(-abs(chosen.params["ridge"] - 2) / 10, count)

    monkeypatch.setattr(Search, "_numbers", numbers)
    return calls


def ask(tmp_path, **more) -> TuneAsk:
    common = {"method": Nudge, "cache": tmp_path / "cache", "out": tmp_path / "out"}
    return TuneAsk(**{**common, "settings": {"ridge": (0.5, 1.0, 2.0, 4.0)}, **more})


def test_trials_begin_with_the_defaults_and_try_each_other_value(tmp_path):
    planned = plan_tuning(ask(tmp_path)).search
    assert [(each.what, each.settings["ridge"]) for each in planned.trial_plan] == [
        ("own", 0.5),
        ("grid", 1.0),
        ("grid", 2.0),
        ("grid", 4.0),
    ]
    assert planned.protocol == replace(PROTOCOL, trials=4)  # the space holds no more
    many = plan_tuning(ask(tmp_path, settings={"ridge": tuple(range(1, 30))})).search
    assert (len(many.trial_plan), many.protocol) == (8, PROTOCOL)


def test_a_space_of_a_file_has_a_start(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text('why = "the ridge decides"\n\n[start]\nlayers = [1, 2]\n\n[grid]\nridge = [1.0, 2.0]\n')
    found = plan_tuning(ask(tmp_path, settings={}, space=path)).search.trial_plan
    assert [(each.what, dict(each.settings)) for each in found] == [
        ("own", {"ridge": 0.5, "layers": (1,)}),
        ("start", {"ridge": 0.5, "layers": (1, 2)}),
        ("grid", {"ridge": 1.0, "layers": (1, 2)}),
        ("grid", {"ridge": 2.0, "layers": (1, 2)}),
    ]
    path.write_text("why = 1\ngird = {}\n")
    with pytest.raises(SpecError, match=r"`space` .*space\.toml: why.*keys are why, start and grid"):
        plan_tuning(ask(tmp_path, settings={}, space=path))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"settings": {"rigde": (1.0,)}}, "unknown setting of method nudge 'rigde': did you mean ridge"),
        ({"settings": {"ridge": ("a",)}}, "method nudge: ridge='a'"),
        ({"settings": {"ridge": ()}}, "ridge has no values"),
        ({"settings": {}}, "nothing says what to try of nudge"),
        ({"num_edits": (151,)}, "`num_edits` 151"),
        ({"num_edits": (10, 10)}, "each once, in ascending order"),
        ({"recipe": "published"}, "`recipe` published: no recipe of nudge ships"),
        ({"trials": 0}, "`trials` 0"),
        ({"limit": 0}, "`limit` 0"),
        ({"method": "uec"}, "unknown method 'uec'"),
    ],
)
def test_what_is_asked_wrongly_is_refused_before_any_edit(tmp_path, more, message):
    with pytest.raises(SpecError, match=message):
        plan_tuning(ask(tmp_path, **more))
    assert not (tmp_path / "out").exists()


def test_nothing_that_a_table_scores_is_tuned_on(tmp_path):
    tried = validation(10)
    refuse_scored(tried)
    for label in (min(scored_classes()), class_names().index("golf ball")):  # of AICE, and of objects10
        other = replace(tried, labels=(label, *tried.labels[1:]))
        with pytest.raises(SpecError, match="tuning reads 1 classes that tasks score"):
            refuse_scored(other)
    with pytest.raises(SpecError, match="what it retains names 1 scored concept"):
        plan_tuning(ask(tmp_path, settings={"keep": (("dhole",),)}))


def test_the_best_trial_becomes_a_recipe_that_runs_take(tmp_path, scorer_calls):
    lines: list[str] = []
    tuned = carry_out(plan_tuning(ask(tmp_path)), lines.append)
    assert len(scorer_calls) == 12
    assert (tuned.best.trial.settings["ridge"], tuned.record.name) == (2.0, "unregistered.nudge.json")
    recipe = read_recipe(tuned.recipe)
    assert (dict(recipe.settings("mini")), dict(recipe.params)) == ({"ridge": 2.0}, {})
    assert recipe.mini.how.startswith(
        "tuned: trial 2 of 4 trials by `iceb tune` (unregistered.nudge.json), mean edit_score"
    )
    assert " ± " in recipe.mini.how
    chosen = with_recipe(Nudge, "aice", find("mini"), {}, tuned.recipe)
    assert (chosen.params["ridge"], chosen.part) == (2.0, "tuned for mini")
    found = "\n".join(result_lines(tuned))
    assert "best: trial 2, by 0.050 before trial 1 (paired over classes, p = " in found
    assert "too high by its choice" in found
    assert document(tuned)["best"] == 2
    json.dumps(document(tuned))


def test_a_dry_run_with_json_prints_the_plan_as_json_alone(tmp_path, capsys):
    options = ["--set", "ridge=0.1,1", "--dry-run", "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out")]
    assert run(["tune", "uce", *options, "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["method"], found["protocol"]["edits"], said.err) == ("uce", [10, 50, 150], "")
    assert [each["number"] for each in found["trials"]] == list(range(len(found["trials"])))
    assert {each["settings"]["ridge"] for each in found["trials"]} >= {0.1, 1}
    assert not (tmp_path / "out").exists()


def test_a_tuning_that_was_killed_goes_on_where_it_was(tmp_path, scorer_calls, monkeypatch):
    kept = Search._numbers

    def stop_early(search, chosen, count):
        if len(scorer_calls) == 4:
            raise KeyboardInterrupt
        return kept(search, chosen, count)

    with monkeypatch.context() as patch:
        patch.setattr(Search, "_numbers", stop_early)
        with pytest.raises(KeyboardInterrupt):
            carry_out(plan_tuning(ask(tmp_path)))
    record = tmp_path / "out" / "unregistered.nudge.json"
    assert sum(len(trial.at) for trial in read_tuning(record).trials) == 4
    assert not record.with_suffix(".toml").exists()
    assert carry_out(plan_tuning(ask(tmp_path))).tuning.is_complete
    assert len(scorer_calls) == len(set(scorer_calls)) == 12
    carry_out(plan_tuning(ask(tmp_path)))
    assert len(scorer_calls) == 12


def test_trials_of_other_code_are_made_again(tmp_path, scorer_calls, monkeypatch):
    carry_out(plan_tuning(ask(tmp_path)))
    monkeypatch.setattr("iceb.running.method_runner.code_digest", lambda *_: "c" * 64)
    carry_out(plan_tuning(ask(tmp_path)))
    assert len(scorer_calls) == 24


def test_a_value_that_the_method_refuses_is_a_failed_trial(tmp_path, scorer_calls):
    tuned = carry_out(plan_tuning(ask(tmp_path, settings={"ridge": (1.0, -1.0)})))
    assert tuned.tuning.is_complete
    assert "nudge ridge -1.0: must be positive" in "\n".join(result_lines(tuned))


def test_another_number_of_prompts_is_named_in_the_recipe(tmp_path, scorer_calls):
    tuned = carry_out(plan_tuning(ask(tmp_path, num_edits=(2,), limit=4)))
    how = read_recipe(tuned.recipe).mini.how
    assert how.startswith(
        "tuned otherwise than by the protocol ([2] numbers of edits, 4 prompts, 4 holdout classes): trial"
    )
    assert tuned.best.estimate is None
    assert "fewer than ten classes" in "\n".join(result_lines(tuned))


def tuning_of(*trials: Trial) -> Tuning:
    protocol = {**PROTOCOL.document(), "trials": len(trials)}
    return Tuning(method="m", protocol=protocol, validation_sha256="v", model="1", trials=trials)


def drawn_trial(draw: np.random.Generator, shift: float, by_class: np.ndarray) -> Trial:
    """Made-up changes: of each class its own, of each image more."""
    known, at = validation_classes(), {}
    for count in PROTOCOL.edits:
        edited = 0.5 + shift + by_class[list(known.dests[:count])] + draw.normal(0, 0.1, count)
        kept = -0.1 + by_class[list(known.holdout)] + draw.normal(0, 0.1, PROTOCOL.holdout)
        score = float(edited.mean() + kept.mean()) / 2
        rest = dict.fromkeys(("source2dest", "source_forget", "holdout_delta", "edit_seconds", "seconds"), 0.0)
        at[count] = Numbers(score=score, edited=tuple(edited), kept=tuple(kept), **rest)
    return Trial(what="grid", settings={"shift": shift}, at=at)


def test_errors_and_paired_tests_cover_what_was_drawn():
    """Of 200 made-up tunings the interval of a score, and of a difference, hold the truth in 95 ± 5 %."""
    hits, apart = 0, 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        by_class, other = draw.normal(0, 0.2, (2, 1000))
        trials = [
            drawn_trial(draw, shift, each) for shift, each in ((0.0, by_class), (0.3, 0.5 * by_class + 0.5 * other))
        ]
        first, _ = estimate_trials(tuning_of(*trials))
        hits += first.estimate.low <= 0.2 <= first.estimate.high
        apart += first.below is not None and first.below.low <= 0.15 <= first.below.high
    assert 0.9 <= hits / 200 <= 0.995
    assert 0.9 <= apart / 200 <= 0.995


def test_the_score_is_the_mean_of_the_halves_and_the_paired_one_has_less_error():
    draw = np.random.default_rng(1)
    by_class = draw.normal(0, 0.2, 1000)
    first, second = estimate_trials(tuning_of(drawn_trial(draw, 0.0, by_class), drawn_trial(draw, 0.1, by_class)))
    assert second.below is None
    assert first.estimate.value == pytest.approx(first.score, abs=1e-12)
    assert first.below.value == pytest.approx(second.score - first.score, abs=1e-12)
    assert first.below.stderr < first.estimate.stderr


def test_a_package_ships_recipes_in_a_folder_of_its_own(tmp_path, monkeypatch):
    folder = tmp_path / "iceb_nudges" / "recipes" / "nudge"
    folder.mkdir(parents=True)
    (tmp_path / "iceb_nudges" / "__init__.py").write_text("raise AssertionError('nothing is imported')\n")
    (folder / "aice.toml").write_text('how = "published: mine"\n\n[params]\nridge = 3.0\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    found = packaged_recipe("iceb_nudges.method:Nudge", "nudge", "neighbours")  # edits AICE's requests
    assert (found.label("mini"), dict(found.params)) == ("published", {"ridge": 3.0})
    assert packaged_recipe("iceb_nudges.method:Nudge", "nudge", "artists") is None
    assert packaged_recipe("no_such_module:Nudge", "nudge", "aice") is None
