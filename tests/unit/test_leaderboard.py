"""Tables hold comparable rows, every count has its ranks, pages are byte-stable, unfit results are refused."""

import dataclasses
import itertools
from pathlib import Path

import pytest

from iceb.base.digest import plain
from iceb.base.errors import CheckFailed, ResultError, SpecError, StoreError
from iceb.base.fields import defaults_of
from iceb.baselines.recipes import recipe_names, shipped_recipe
from iceb.leaderboard.adding import AddedResults, add_all
from iceb.leaderboard.collect import collect, place, refusal
from iceb.leaderboard.finding import row_name
from iceb.leaderboard.pages import check, page_name, pages, render_pages, write
from iceb.leaderboard.published import parse
from iceb.leaderboard.rank import NO_BETTER, Row, tables
from iceb.leaderboard.render import render
from iceb.leaderboard.row_lines import costs, setting
from iceb.leaderboard.settings_diff import NamedSettings, named_settings
from iceb.models.sources import find
from iceb.registry import load
from iceb.running.recipe_settings import with_recipe
from iceb.specs.effects import EffectsRecord
from iceb.specs.records import IntervalRecord
from iceb.specs.run_records import PluginRecord
from iceb.specs.runs import MeasureRef
from iceb.specs.shown_intervals import shown_interval

GOLDEN = Path(__file__).parents[1] / "golden" / "leaderboard.md"
OTHER = {"residual": "output", "captions": f"sha256:{'ab' * 32}"}


def save_result(folder, *some):
    for one in some:
        one.save(folder / "results" / place(one.result))
    return folder


def add_results(folder, *sources, task=None) -> AddedResults:
    (folder / "results").mkdir(parents=True, exist_ok=True)
    return add_all(folder, sources, lambda name: task)


def files_in(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def page_of(some, task, note=""):
    return render(
        "Arbitrary ImageNet Concept Editing (aice) on mini", tables([one.result for one in some], task), (), note
    )


def small_table(make_result):
    """All that a page shows: ties, a reproduction, a stray count, an eraser, a control, two versions of a metric."""
    foreign = {"package": "uce-iceb", "params": {"ridge": 0.5}, "concepts": 12}
    first = make_result("emcid", 10, {"edit_score": 0.20, "holdout_delta": -0.01, "dest_forget": 0.1}, concepts=12)
    older = make_result("refact", 10, {"edit_score": 0.15, "holdout_delta": -0.1, "dest_forget": 0.2}, concepts=12)
    return [
        make_result("emcid", 1, {"edit_score": 0.30}, stderr=None),
        first,
        first.from_run(finished="2026-01-02T00:00:00Z", device="another", threads=2),
        make_result("uce", 10, {"edit_score": 0.19, "holdout_delta": -0.20}, **foreign),
        make_result("uce", 7, {"edit_score": 0.90}, **foreign),
        older.with_score("dest_forget", version=1),
        make_result("mace", 10, {"edit_score": 0.005, "holdout_delta": -0.00001}, concepts=12),
        make_result("unedited", 10, {"edit_score": 0.0, "holdout_delta": 0.0}, stderr=0.0, paper="", concepts=12),
        make_result("emcid", 10, {"edit_score": 0.05, "holdout_delta": 0.0}, params=OTHER, changed=OTHER, concepts=12),
        make_result("esd", 10, {"edit_score": None, "holdout_delta": -0.1}, reaches_dest=False),
    ]


def test_a_column_has_the_decimals_that_its_middle_error_needs(make_result, task):
    some = [
        make_result("emcid", 10, {"edit_score": 0.25, "holdout_delta": -0.0000123}, stderr=0.00004),
        make_result("uce", 10, {"edit_score": 0.15, "holdout_delta": -0.001}, stderr=0.00002),
        make_result("refact", 10, {"edit_score": 0.05}, stderr=0.01),
    ]
    text = page_of(some, task)
    assert all(each in text for each in ("-0.000012 ± 0.000040 |", "-0.001000 ± 0.000020 |"))
    first = make_result("emcid", 10, {"edit_score": 0.0000123}, stderr=0.00001)
    rest = [make_result(name, 10, {"edit_score": 0.05}, stderr=0.01) for name in ("uce", "refact")]
    assert "| 0.000 ± 0.000 |" in page_of([first, *rest], task)


def test_a_row_says_in_its_name_which_settings_it_has(result, task):
    """By the recipe that ships now, whatever the run itself recorded: it may have had another one."""
    recipe = shipped_recipe("emcid", "aice")
    tuned, published = recipe.settings("mini"), recipe.settings("mini", "published")
    other = {**published, "edit_weight": 0.75}
    some = [result("emcid", 10, params=params) for params in (tuned, published, other)]
    text = render("t", tables(some, task))
    for name in (
        "emcid, tuned for mini with MEMIT's residual",
        "emcid, published",
        "emcid, published (edit_weight=0.75)",
    ):
        assert f"| 1–3 | a | {name} | – | 0 | – | 0.250" in text
        assert f"- **{name}** version 1" in text


def test_settings_that_the_recipe_has_by_the_number_of_edits_are_of_one_row(result, task):
    """MACE's weight of 10 celebrities is not that of 100: its published row has both, each beside its command."""
    found = []
    for count, value in ((10, 8e4), (100, 2e5)):
        record = with_recipe("mace", "celebrities", find("mini"), {}, "published", count).record
        assert (record.by_num_edits, record.params["preserve_weight"]) == (("preserve_weight",), value)
        made = result("mace", count, params=record.params)
        method = made.method.model_copy(update={"by_num_edits": record.by_num_edits})
        found.append(made.model_copy(update={"method": method}))
        of_task = made.task.model_copy(update={"name": "celebrities"})
        assert row_name(found[-1].model_copy(update={"task": of_task})) == "mace, published"
    (row,) = tables(found, task)[0].order
    assert (sorted(row.cells), "preserve_weight" in row.params) == ([10, 100], False)
    text = setting(row)
    assert "  - at 10 with `preserve_weight=80000.0`: " in text
    assert "  - at 100 with `preserve_weight=200000.0`: " in text


def test_a_setting_that_a_method_got_later_stands_at_its_default_in_earlier_runs(result, task):
    full = plain({**defaults_of(load("methods", "emcid")), **shipped_recipe("emcid", "aice").settings("mini")})
    earlier = {name: value for name, value in full.items() if name != "judge"}
    assert full["judge"] == ""
    (row,) = tables([result("emcid", 10, params=earlier), result("emcid", 100, params=full)], task)[0].order
    assert sorted(row.cells) == [10, 100]
    other = result("emcid", 100, params={**full, "judge": "clip"})
    assert len(tables([result("emcid", 10, params=earlier), other], task)[0].order) == 2


def test_a_setting_that_the_user_gives_is_not_the_recipes_by_the_number_of_edits():
    chosen = with_recipe("mace", "celebrities", find("mini"), {"preserve_weight": 1.0}, "published", 10)
    assert chosen.record.by_num_edits == ()
    assert chosen.record.changed == {"preserve_weight": 1.0}


def test_a_variant_never_carries_a_methods_bare_name(result):
    """A row with the bare name of a method of a paper would read as the published algorithm."""
    for name in recipe_names():
        method, task = name.split("/")
        if task != "aice" or method == "embedding_swap":  # a control of ours, whose settings nobody chose
            continue
        recipe = shipped_recipe(method, task)
        for which in ("tuned", "published") if recipe.has_published else ("tuned",):
            params = {**defaults_of(load("methods", method)), **recipe.settings("mini", which)}
            found = named_settings(result(method, params=params))
            assert found == NamedSettings(recipe.label("mini", which), {}, recipe.ours("mini", which)), method
            assert found.part.startswith(("published", "tuned for mini")), method


def test_the_methods_fidelity_and_the_change_of_the_weights_stand_in_the_table(result, task):
    found = result("uce", 10)
    method = found.method.model_copy(update={"fidelity": "faithful"})
    model = found.model.model_copy(update={"relative_change": 0.01234})
    text = render("t", tables([found.model_copy(update={"method": method, "model": model})], task))
    assert "| rank | ties | method | fidelity | reproductions | ‖ΔW‖/‖W‖ |" in text
    assert "| faithful | 0 | 0.0123 | 0.250" in text


def test_rows_without_an_error_stand_in_the_order_of_their_values(make_result, task):
    some = [
        make_result(name, 1, {"edit_score": value}, stderr=None)
        for name, value in (("emcid", -0.004), ("rece", None), ("uce", 0.372))
    ]
    some.append(make_result("unedited", 1, {"edit_score": 0.0}, stderr=None, paper=""))
    (table,) = tables([each.result for each in some], task)
    assert [entry.row.method for entry in table.ranked[1]] == ["uce", "emcid", "rece", "unedited"]


def test_a_row_with_a_recipe_shows_its_digest_and_reason(result, task):
    found = result("emcid", 10, recipe="mine.toml")
    facts = {"recipe_sha256": "ab" * 32, "recipe_how": "tuned on <ten>"}
    found = found.model_copy(update={"method": found.method.model_copy(update=facts)})
    assert "recipe mine.toml (sha256 abababab: tuned on &lt;ten>): `{}`" in render("t", tables([found], task))


def test_settings_that_no_recipe_names_are_compared_with_the_defaults(result):
    params = {"keys": False, "ridge": 0.5}
    assert named_settings(result("uce-emcid", params={**params, "ridge": 0.1}, changed={})).changed == {"keys": False}
    assert named_settings(result("uce-emcid", params=params, changed={"keys": False})).changed == params


def test_of_a_method_that_is_not_installed_the_settings_stand_that_its_run_recorded(result):
    found = result("far", package="far-away", params={"a": 1, "b": 2}, changed={"b": 2})
    assert named_settings(found) == NamedSettings("", {"b": 2})


def guide_of(some, task):
    return render("t", tables(some, task)).split("### ")[1]


def with_effects(made, edits, **fields):
    return made.model_copy(update={"effects": EffectsRecord(edits=edits), **fields})


def test_a_guide_links_the_task_the_headline_and_says_what_the_controls_do(result, task):
    controls = [result(name, 10, paper="") for name in ("unedited", "prompt_swap")]
    guide = guide_of([result("emcid", 10), *controls], task)
    assert "[aice](../docs/tasks/aice.md)" in guide
    assert "- [edit_score](../docs/metrics/edit_score.md) ranks, at each number" in guide
    assert (
        "(`prompt_swap`: the destination written into the prompt; `unedited`: the model as it is). `prompt_swap` is"
        in guide
    )
    foreign = [one.model_copy(update={"task": one.task.model_copy(update={"name": "far/paint"})}) for one in controls]
    assert "docs/tasks" not in guide_of(foreign, dataclasses.replace(task, name="paint"))


@pytest.mark.parametrize(
    ("edits", "fields", "said"),
    [
        (1, {}, ("All rows are of one seed",)),
        (10, {}, ("Edits are made one at a time", "Each edit is made once")),
        (40, {}, ("Edits are made one at a time",)),  # four times each, as RoAD has it
        (1, {"replicates": 3}, ("Draws are disjoint sets",)),
    ],
)
def test_a_guide_says_how_edits_were_made_and_from_how_many_seeds(result, task, edits, fields, said):
    guide = guide_of([with_effects(result("emcid", 10), edits, **fields), result("unedited", 10, paper="")], task)
    every = (
        "All rows are of one seed",
        "Edits are made one at a time",
        "Each edit is made once",
        "Draws are disjoint sets",
    )
    assert tuple(words for words in every if words in guide) == said


def test_errors_of_edits_made_alone_are_over_edits_too(result, task):
    alone, together = (guide_of([with_effects(result("emcid", 10), edits)], task) for edits in (10, 1))
    assert "± is one standard error over concepts and edits; " in alone
    assert "± is one standard error over concepts; " in together


def test_a_guide_says_which_twin_stands_for_a_published_network(result, task):
    made = result("emcid", 10, {"edit_score": 0.2, "holdout_delta": 0.1})
    assert "compare with no paper's" not in guide_of([made], task)
    twin = {kind: MeasureRef(id="perceptual_mini@1", revision="ab") for kind in ("lpips_alex", "lpips_alex_64")}
    kinds = dict(zip(("edit_score", "holdout_delta"), twin.items(), strict=True))
    scores = tuple(each.model_copy(update={"measures": dict([kinds[each.metric]])}) for each in made.scores)
    guide = guide_of([made.model_copy(update={"scores": scores})], task)
    assert "edit_score, holdout_delta: measured by `perceptual_mini`" in guide.replace("\\_", "_")
    assert "not by LPIPS. The numbers are on another scale and compare with no paper's." in guide
    assert "It stands for lpips" in guide.replace("\\_", "_")


def places(some, task, count):
    (table,) = tables([one.result for one in some], task)
    return [(entry.place, entry.row.method) for entry in table.ranked[count]]


def test_rows_that_no_test_tells_apart_share_their_ranks(make_result, task):
    assert places(small_table(make_result), task, 10) == [
        ("1–2", "emcid"),
        ("1–2", "uce"),
        ("3", "refact"),
        ("4", "emcid"),
        (NO_BETTER, "mace"),
        ("–", "esd"),
        ("control", "unedited"),
    ]


@pytest.mark.parametrize(
    ("value", "stderr", "place"), [(0.05, 0.01, "1"), (0.02, 0.01, NO_BETTER), (-0.2, 0.01, NO_BETTER)]
)
def test_a_row_is_ranked_only_when_it_is_proven_better_than_unedited(make_result, task, value, stderr, place):
    unedited = make_result("unedited", 10, {"edit_score": 0.0}, stderr=0.0, paper="")
    assert places([make_result("emcid", 10, {"edit_score": value}, stderr=stderr), unedited], task, 10)[0] == (
        place,
        "emcid",
    )


def test_where_unedited_was_not_run_every_row_is_ranked_and_the_page_says_so(make_result, task):
    some = [make_result("emcid", 10, {"edit_score": -0.2}), make_result("emcid", 1, {"edit_score": 0.1}, stderr=None)]
    assert places(some, task, 10) == [("1", "emcid")]
    assert "At 1 and 10 edits it was not run: every row with a score is ranked there." in page_of(some, task)


def test_a_result_at_a_number_of_edits_that_the_task_does_not_declare_ranks_nothing(make_result, task):
    """A stray result at 301 edits once took the ranks of all rows that had none there."""
    some = [make_result("emcid", 10, {"edit_score": 0.25}), make_result("uce", 10, {"edit_score": 0.1})]
    before = places(some, task, 10)
    stray = make_result("uce", 301, {"edit_score": 0.9})
    assert places([*some, stray], task, 10) == before == [("1", "emcid"), ("2", "uce")]
    assert places([*some, stray], task, 301) == [("–", "uce")]
    text = page_of([*some, stray], task)
    assert "| method | 10 | 301 (not ranked) |" in text
    assert text.index("| emcid | 0.250 ± 0.010 (1) | – |") < text.index("| uce | 0.100 ± 0.010 (2) | 0.900 ± 0.010 |")
    assert "### All metrics at 301 edits (not ranked)" in text


def test_every_declared_count_has_ranks_of_its_own(make_result, task):
    some = [
        make_result(name, count, {"edit_score": value})
        for count, values in ((1, (0.3, 0.1)), (10, (0.1, 0.3)))
        for name, value in zip(("emcid", "uce"), values, strict=True)
    ]
    assert places(some, task, 1) == [("1", "emcid"), ("2", "uce")]
    assert places(some, task, 10) == [("1", "uce"), ("2", "emcid")]


def test_the_headline_stands_between_unedited_and_the_ceiling(make_result, task):
    controls = [
        make_result(name, 10, {"edit_score": value}, stderr=0.0, paper="")
        for name, value in (("unedited", 0.0), ("prompt_swap", 0.4))
    ]
    some = [make_result("emcid", 10, {"edit_score": 0.3}), *controls]
    with_ceiling = dataclasses.replace(task, ceiling="prompt_swap")
    text = page_of(some, with_ceiling)
    assert "| of ceiling ↑ | edit_score ↑ |" in text
    assert "| 0.75 | 0.300 ± 0.010 |" in text
    more = page_of([*some, make_result("uce", 10, {"edit_score": 0.5})], with_ceiling)
    assert "| 0.75 | 0.300 ± 0.010 |" in more
    assert "of ceiling" not in page_of(some, task)
    assert "of ceiling" not in page_of(some[:2], with_ceiling)


def test_an_eraser_has_no_rank_and_a_dash_where_a_metric_asks_for_the_destination(make_result, task):
    assert "| – | – | esd | – | 0 | – | – | -0.100 ± 0.010 | – | – |" in page_of(small_table(make_result), task)


def test_the_page_does_not_depend_on_the_order_of_the_results(make_result, task):
    some = small_table(make_result)[:5]
    assert len({page_of(order, task) for order in itertools.permutations(some)}) == 1


def test_the_page_is_the_golden_page(make_result, task):
    assert page_of(small_table(make_result), task, "What a maintainer notes.") == GOLDEN.read_text(encoding="utf-8")


def test_the_time_of_an_edit_stands_on_the_page_of_the_cold_task_alone(result, task):
    """Rows of other tasks share what a method computed before, so that theirs is no cost of an edit."""
    (cold,) = tables([result("emcid")], task)
    shared = dataclasses.replace(cold, identity=dataclasses.replace(cold.identity, task="styles"))
    said, found = costs(cold)
    assert "| emcid | 12.5 | 30 of 100 |" in found
    assert "a new cache that holds the images before the edit and nothing else" in said
    said, found = costs(shared)
    assert "| emcid | 30 of 100 |" in found
    assert "edit (s)" not in found
    assert "What an edit takes stands on the page of AICE alone" in said


def test_intervals_are_those_that_a_result_records_and_the_page_says_by_which_method(make_result, task):
    made = make_result("emcid", 10, {"edit_score": 0.25, "source2dest": 0.4}, concepts=24)
    score, other = (each.model_copy(update={"interval": None}) for each in made.result.scores)
    old = made.with_fields(scores=(score, other), reduction_version=1)
    chosen = IntervalRecord(method="bca", low=0.111, high=0.333, clusters=20.0)
    new = old.with_fields(scores=(score.model_copy(update={"interval": chosen}), other), reduction_version=2)
    by_t, by_choice = page_of([old], task), page_of([new], task)
    assert f"[{score.low:.3f}, {score.high:.3f}]" in by_t
    assert "Intervals are by Student's t over concepts, which is all that these results record, and too short" in by_t
    assert "[0.111, 0.333]" in by_choice
    assert "Intervals are by BCa over what was drawn at random, and by Student's t where draws, seeds or" in by_choice
    assert other.low is not None
    assert shown_interval(other, new.result) is None  # it records that this score has none
    uce = make_result("uce", 10, concepts=24)
    uce = uce.with_score("edit_score", interval=None).with_fields(reduction_version=1)
    assert "; of results that record no such interval, Student's t over concepts, and" in page_of([new, uce], task)


@pytest.mark.parametrize("change", [{"steps": 20}, {"data": "0" * 64}])
def test_results_that_differ_in_identity_never_share_a_table(result, task, change):
    assert len(tables([result("emcid"), result("uce", **change)], task)) == 2


def test_published_noise_is_of_the_device_that_draws_it(result, task):
    def with_device(device: str, noise: str):
        made = result()
        sampling = dataclasses.replace(made.sampling, noise=noise)
        return made.model_copy(update={"sampling": sampling, "execution": {"device": device}})

    assert len(tables([with_device("cpu", "per_image"), with_device("cuda:1", "per_image")], task)) == 1
    found = tables(
        [with_device("cpu", "upstream"), with_device("cuda:1", "upstream"), with_device("cuda:0", "upstream")], task
    )
    assert [each.identity.noise_from for each in found] == ["cpu", "cuda"]


def test_one_more_metric_splits_no_table_and_rows_without_it_show_a_dash(make_result, task):
    some = [
        make_result("emcid", 10, {"edit_score": 0.2, "source2dest": 0.4}),
        make_result("uce", 10, {"edit_score": 0.1}),
    ]
    text = page_of(some, task)
    assert "| rank | ties | method | fidelity | reproductions | ‖ΔW‖/‖W‖ | edit_score ↑ | source2dest ↑ |" in text
    assert "| 2 | b | uce | – | 0 | – | 0.100 ± 0.010 | – |" in text


def test_two_versions_of_a_metric_are_two_columns_and_so_are_two_judges(make_result, task):
    text = page_of(small_table(make_result), task)
    assert "| dest_forget v1 ↓ | dest_forget v2 ↓ |" in text
    judge = {"imagenet_classifier": MeasureRef(id="vit_mini@2", revision="7" * 64)}
    some = [make_result("emcid", 10), make_result("uce", 10).with_score("edit_score", measures=judge)]
    assert "| edit_score v1 (iceb, vit_mini@1) ↑ | edit_score v1 (iceb, vit_mini@2) ↑ |" in page_of(some, task)
    photos = [{"references": {"photos": digit * 64}} for digit in "12"]
    some = [
        make_result(name, 10).with_score("edit_score", **each)
        for name, each in zip(("emcid", "uce"), photos, strict=True)
    ]
    assert f"photos {12 * '1'}) ↑ | edit_score v1" in page_of(some, task)


@pytest.mark.parametrize("fields", [{"package": "zzz"}, {"package": "zzz", "version": 99}, {"version": 0}])
def test_a_score_of_an_unknown_package_or_version_takes_no_ranks(make_result, task, fields):
    some = [
        make_result("emcid", 10, {"edit_score": 0.2}),
        *(make_result(n, 10).with_score("edit_score", **fields) for n in ("a", "b")),
    ]
    assert places(some, task, 10) == [("1", "emcid"), ("–", "a"), ("–", "b")]


def test_of_two_judges_the_one_of_most_results_ranks(make_result, task):
    judge = {"imagenet_classifier": MeasureRef(id="zzz@9", revision="7" * 64)}
    stray = make_result("uce", 10, {"edit_score": 0.9}).with_score("edit_score", measures=judge)
    assert places([make_result("emcid", 10), make_result("mace", 10), stray], task, 10)[-1] == ("–", "uce")


def test_the_same_run_with_another_score_is_refused(make_result, task, tmp_path):
    boards = tmp_path / "boards"
    add_results(boards, make_result(scores={"edit_score": 0.25}).save(tmp_path / "run" / "result.json"), task=task)
    better = make_result(scores={"edit_score": 0.4}).save(tmp_path / "again" / "result.json")
    with pytest.raises(ResultError, match=r"says it is the run of .* and has another score of metric edit_score"):
        add_results(boards, better, task=task)


def test_a_run_from_the_cache_counts_as_no_reproduction_wherever_it_is_filed(make_result, task):
    first = make_result("emcid", 10)
    later = first.from_run(finished="2026-01-02T00:00:00Z")
    assert tables([first.result, later.result], task)[0].order[0].cells[10].reproductions == 1
    cost = first.result.cost.model_copy(update={"images_drawn": 0, "images_found": 30})
    with pytest.raises(ResultError, match="took images or edits from a cache, so it reproduces nothing"):
        tables([first.result, later.with_fields(cost=cost).result], task)


def test_a_score_without_an_error_has_no_rank(make_result, task):
    some = [
        make_result("emcid", 1, {"edit_score": 0.4070001}, stderr=None),
        make_result("uce", 1, {"edit_score": 0.407}, stderr=None),
    ]
    assert places(some, task, 1) == [("no error", "emcid"), ("no error", "uce")]


def test_passes_in_another_precision_are_a_row_of_their_own_that_says_so(make_result, task):
    plain = make_result("emcid", 10)
    half = plain.with_fields(method=plain.result.method.model_copy(update={"precision": "bfloat16"}))
    assert half.result.method.label == "emcid (--precision=bfloat16)"
    half = half.with_fields(id=half.result.spec.id)
    assert half.result.id != plain.result.id
    assert "emcid (--precision=bfloat16)" in page_of([plain, half], task)


def test_results_of_another_task_version_are_refused(result, task):
    other = result()
    other = other.model_copy(update={"task": other.task.model_copy(update={"version": 2})})
    with pytest.raises(ResultError, match="version 2"):
        tables([other], task)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"limit": 3}, "partial"),
        ({"dirty": True}, "uncommitted"),
        ({"error": "disk full"}, "failed"),
        ({"scores": {"alias2dest": None}}, "no metric has a value"),
        ({"retained": ("tabby cat", "hen")}, r"retains names 2 scored concepts \(tabby cat, hen\)"),
    ],
)
def test_an_unfit_result_is_refused_with_its_reason(make_result, tmp_path, change, word):
    unfit = make_result(**change)
    assert refusal(unfit.result)
    with pytest.raises(ResultError, match=word):
        add_results(tmp_path / "boards", unfit.save(tmp_path / "run" / "result.json"))
    with pytest.raises(ResultError, match=word):
        collect(save_result(tmp_path / "other", unfit) / "results")


@pytest.mark.parametrize(("dirty", "refused"), [(True, True), (False, False), (None, False)])
def test_a_result_of_uncommitted_code_of_another_package_is_refused(make_result, dirty, refused):
    facts = {"version": "0.1.0", "names": ("dataset far",), "code": "c" * 64, "commit": "d" * 40}
    found = make_result().with_fields(plugins=(PluginRecord(package="iceb-far", dirty=dirty, **facts),))
    said = refusal(found.result)
    assert (said is not None) == refused
    assert not refused or said.startswith("it was made from uncommitted code of iceb-far (dirty: true): commit it")


def test_a_result_in_the_wrong_place_is_refused(make_result, tmp_path):
    make_result().save(tmp_path / "results" / "mine.json")
    with pytest.raises(ResultError, match="move it to"):
        collect(tmp_path / "results")


def test_adding_copies_the_result_and_its_table_byte_for_byte(make_result, task, tmp_path):
    run = make_result().save(tmp_path / "run" / "result.json")
    run.write_text(run.read_text().replace('"error": null', '"newer": 1, "error":  null'))
    (target,) = add_results(tmp_path / "boards", run, task=task).results
    assert target == tmp_path / "boards" / "results" / place(make_result().result)
    assert target.read_bytes() == run.read_bytes()
    assert target.with_suffix(".parquet").read_bytes() == (run.parent / "per_concept.parquet").read_bytes()


def test_adding_one_again_changes_nothing_from_a_run_or_from_the_board_itself(make_result, task, tmp_path):
    boards = tmp_path / "boards"
    run = make_result().save(tmp_path / "run" / "result.json")
    (target,) = add_results(boards, run, task=task).results
    before = files_in(boards)
    for source in (run, run.parent, target):
        again = add_results(boards, source, task=task)
        assert (again.results, again.pages) == ((target,), ())
    assert files_in(boards) == before


def test_a_metric_that_was_added_to_a_run_replaces_its_result_and_never_goes_again(make_result, task, tmp_path):
    boards = tmp_path / "boards"
    short = make_result(scores={"edit_score": 0.2}).save(tmp_path / "short" / "result.json")
    whole = make_result(scores={"edit_score": 0.2, "source2dest": 0.4}).save(tmp_path / "whole" / "result.json")
    (target,) = add_results(boards, short, task=task).results
    assert add_results(boards, whole, task=task).results == (target,)
    assert target.read_bytes() == whole.read_bytes()
    assert len(list((boards / "results").rglob("*.json"))) == 1
    with pytest.raises(ResultError, match=r"is the same run and has more metrics \(source2dest\)"):
        add_results(boards, short, task=task)


LATER = {"finished": "2026-02-01T00:00:00Z", "device": "another", "threads": 8}


def test_another_run_that_agrees_is_kept_beside_the_first_and_counted(make_result, task, tmp_path):
    boards = tmp_path / "boards"
    first = make_result(scores={"edit_score": 0.25})
    near = make_result(scores={"edit_score": 0.25 + 5e-5}).from_run(**LATER)
    other_code = make_result(scores={"edit_score": 0.25 - 2e-7}, code="0" * 64).from_run(**LATER)
    (one,) = add_results(boards, first.save(tmp_path / "a" / "result.json"), task=task).results
    (two,) = add_results(boards, near.save(tmp_path / "b" / "result.json"), task=task).results
    (three,) = add_results(boards, other_code.save(tmp_path / "c" / "result.json"), task=task).results
    assert two == one.with_suffix(".r2.json")
    assert three == boards / "results" / place(other_code.result) != one
    assert len(collect(boards / "results")) == 3
    text = (boards / "aice.md").read_text(encoding="utf-8")
    assert "| – | – | emcid | – | 2 | – | 0.250 ± 0.010 |" in text
    assert text.count("at 2, reproduced: `iceb evaluate` (commit adb5f113dce6, another, 8 threads, 2026-02-01)") == 2


def test_the_first_finished_run_is_the_row_shown_whichever_was_added_first(make_result, task):
    first, later = make_result(), make_result(scores={"edit_score": 0.25005}).from_run(**LATER)
    for some in ([first, later], [later, first]):
        (table,) = tables([one.result for one in some], task)
        assert table.order[0].cells[2].first == first.result


@pytest.mark.parametrize(("move", "code"), [(2e-4, "9" * 64), (-2e-4, "9" * 64), (2e-4, "0" * 64)])
def test_another_run_that_disagrees_is_refused_with_metric_and_both_numbers(make_result, task, tmp_path, move, code):
    boards = tmp_path / "boards"
    add_results(boards, make_result(scores={"edit_score": 0.25}).save(tmp_path / "a" / "result.json"), task=task)
    before = files_in(boards)
    other = make_result(scores={"edit_score": 0.25 + move}, code=code).from_run(**LATER)
    numbers = f"value is {0.25 + move:g} against 0.25, further apart than 0.0001 allows"
    with pytest.raises(ResultError, match=rf"metric edit_score: {numbers}.*raise its version"):
        add_results(boards, other.save(tmp_path / "b" / "result.json"), task=task)
    assert files_in(boards) == before


def test_other_settings_or_another_version_are_another_row_and_no_reproduction(make_result, task):
    other = make_result(scores={"edit_score": 0.1}, params={"rate": 0.5})
    (table,) = tables([make_result().result, other.result], task)
    assert [row.cells[2].reproductions for row in table.order] == [0, 0]


def test_a_run_that_drew_nothing_reproduces_nothing(make_result, task, tmp_path):
    boards = tmp_path / "boards"
    add_results(boards, make_result().save(tmp_path / "a" / "result.json"), task=task)
    idle = make_result().from_run(**LATER)
    idle = idle.with_fields(cost=idle.result.cost.model_copy(update={"images_drawn": 0}))
    with pytest.raises(ResultError, match="it took images or edits from a cache"):
        add_results(boards, idle.save(tmp_path / "b" / "result.json"), task=task)


def test_a_copy_is_not_counted_as_a_reproduction(make_result, tmp_path):
    folder = save_result(tmp_path, make_result())
    make_result().save(folder / "results" / place(make_result().result, 2))
    with pytest.raises(ResultError, match="is a copy of"):
        collect(folder / "results")


def test_partial_results_are_skipped_with_a_line_and_the_page_is_written(make_result, task, tmp_path):
    boards = tmp_path / "boards"
    good, partial = make_result("emcid", 10), make_result("emcid", 10, limit=3)
    sources = [good.save(tmp_path / "a" / "result.json").parent, partial.save(tmp_path / "b" / "result.json")]
    found = add_results(boards, *sources, task=task)
    assert found.results == (boards / "results" / place(good.result),)
    assert found.skipped == (f"skipped {sources[1]}: {refusal(partial.result)}",)
    assert boards / "aice.md" in found.pages
    assert "| too few concepts | – | emcid | – | 0 |" in (boards / "aice.md").read_text(encoding="utf-8")
    with pytest.raises(ResultError, match="nothing to add"):
        add_results(boards, sources[1], make_result(limit=4).save(tmp_path / "c" / "result.json"), task=task)


@pytest.mark.parametrize("fault", ["dirty", "forged", "disagrees", "the page cannot be written"])
def test_results_are_added_all_or_none(make_result, task, tmp_path, monkeypatch, fault):
    """Also where one of them replaces the same run's result that had fewer metrics."""
    boards = tmp_path / "boards"
    add_results(boards, make_result("emcid", 10).save(tmp_path / "old" / "result.json"), task=task)
    good = make_result("emcid", 10, {"edit_score": 0.25, "source2dest": 0.3}).save(tmp_path / "a" / "result.json")
    other = make_result("uce", 10, dirty=fault == "dirty")
    if fault == "forged":
        other = other.with_score("edit_score", value=0.3)
    if fault == "disagrees":
        other = make_result("emcid", 10, {"edit_score": 0.3}).from_run(**LATER)
    if fault == "the page cannot be written":
        monkeypatch.setattr("iceb.leaderboard.adding.write", lambda *_: (_ for _ in ()).throw(StoreError("no space")))
    before = files_in(boards)
    with pytest.raises((ResultError, StoreError)):
        add_results(boards, good, other.save(tmp_path / "b" / "result.json"), task=task)
    assert files_in(boards) == before


def test_check_passes_after_writing_and_names_what_drifted(make_result, task, tmp_path, monkeypatch):
    monkeypatch.setattr("iceb.leaderboard.pages.read_published", list)
    some = small_table(make_result)
    texts = render_pages(tmp_path, lambda name: task, [one.result for one in some])
    with pytest.raises(CheckFailed, match=r"aice\.md is missing"):
        check(tmp_path, texts)
    assert write(tmp_path, texts) == [tmp_path / "aice.md", tmp_path / "figures" / "aice.svg"]
    assert write(tmp_path, texts) == []
    check(tmp_path, texts)
    page = tmp_path / "aice.md"
    page.write_text(page.read_text().replace("0.300", "0.900"))
    with pytest.raises(CheckFailed, match="differs from its results"):
        check(tmp_path, texts)
    write(tmp_path, texts)
    (tmp_path / "old.md").write_text("left")
    with pytest.raises(CheckFailed, match=r"old\.md is made by no result"):
        check(tmp_path, texts)


def test_a_maintainers_note_stands_on_its_page_which_needs_no_result(task, tmp_path, monkeypatch):
    monkeypatch.setattr("iceb.leaderboard.pages.read_published", list)
    (tmp_path / "notes").mkdir()
    assert render_pages(tmp_path, lambda name: task, []) == {}
    (tmp_path / "notes" / "aice.md").write_text("Rows come later.\n")
    (text,) = render_pages(tmp_path, lambda name: task, []).values()
    assert "(aice) on mini\n\nRows come later.\n\nNo result" in text
    assert render_pages(tmp_path, lambda name: task, [], only="other") == {}

    def unknown(name):
        raise SpecError(f"unknown task {name!r}")

    with pytest.raises(SpecError, match="unknown task 'aice'"):
        render_pages(tmp_path, unknown, [])


@pytest.mark.parametrize("field", ["command", "device"])
def test_texts_in_a_result_cannot_break_the_page(make_result, task, field):
    hostile = make_result("emcid", 10).from_run(**{field: "a|b`c\n# big <script>"})
    text = page_of([hostile], task)
    assert "\n# big" not in text
    assert "<script" not in text.replace("`iceb evaluate a|b'c # big <script>`", "").replace(
        "`a|b'c # big <script>`", ""
    )


PAPER = """
paper = "arXiv:1"
title = "A paper"
task = "aice"
family = "sd14"
figure = "Figure 3"
how_read = "by eye"
protocol = "50 steps"
unit = "probability"
rows = [
  {method = "EMCID", num_edits = 10, metric = "m", value = 0.25, uncertainty = 0.004, evidence = "", verified = true},
  {method = "UCE", num_edits = 50, metric = "m", value = 0.5, evidence = "printed", verified = false, note = "hidden"},
]
"""


def test_published_numbers_make_a_page_of_their_own(task):
    texts = pages({}, [parse(PAPER, "p.toml")], lambda name: task)
    assert list(texts) == [page_name("aice", "sd14")]
    text = texts["aice-sd14.md"]
    assert "| EMCID | 0.250 ± 0.004 | – |" in text
    assert "| UCE | – | 0.500 * |" in text
    assert "- UCE, m at 50 edits: hidden" in text
    assert "Figure 3" in text
    assert "by eye" in text


@pytest.mark.parametrize("bad", ["paper = ", PAPER.replace("figure", "fig"), PAPER.replace("0.25,", '"a",')])
def test_a_damaged_published_file_is_named(bad):
    with pytest.raises(ResultError, match=r"published/p\.toml"):
        parse(bad, "p.toml")


@pytest.mark.parametrize(
    ("package", "paper", "control"), [("iceb", "", True), ("theirs", "", False), ("iceb", "p", False)]
)
def test_a_method_without_a_paper_is_a_control_only_of_ours(package, paper, control):
    assert Row("swap", 1, package, "1", paper, "own", "", {}, NamedSettings("", {}), {}).control is control
