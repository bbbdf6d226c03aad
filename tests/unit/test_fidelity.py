"""The comparison with the published curves: fidelity, orders, missing results, and the page made of them."""

import re

import pytest

from iceb.base.fields import defaults_of
from iceb.baselines.recipes import shipped_recipe
from iceb.leaderboard.published import read_published
from iceb.registry import load
from tools import fidelity as tool
from tools.comparison.anchors import ANCHORS, OTHERS, anchors, anchors_note
from tools.comparison.both_sides import ALTERNATIVES, COUNTS, METHODS, PAPER, UNEDITED, BothSides, Measured, fidelity
from tools.comparison.notes import STEPS, esd_note, idle_note
from tools.comparison.orders import orders, swapped_pairs
from tools.comparison.page import fidelity_line, page_text

CEILING = 0.9  # prompt_swap's source2dest


def of_ratio(ratio: float, *, falls: bool = False) -> float:
    """The value of a made score that is `ratio` times its own `before` (see `concept_values` in conftest)."""
    return ratio / (2 - ratio) if falls else ratio / (2 + ratio)


def published_params(method: str) -> dict:
    """All settings of a run of published settings on mini, as its result records them."""
    return {**defaults_of(load("methods", method)), **shipped_recipe(method, "aice").settings("mini", "published")}


@pytest.fixture
def paper():
    (found,) = [each for each in read_published() if (each.paper, each.task) == (PAPER, "aice")]
    return found


@pytest.fixture
def copies(make_result, paper):
    """Makes results of published settings whose normalised numbers are the published ones, moved by `moved`."""

    def make(moved=None):
        printed = {(row.method, row.num_edits, row.metric): row.value for row in paper.rows}
        some = [make_result("prompt_swap", count, {"source2dest": CEILING}, paper="") for count in COUNTS]
        for name, ours in METHODS.items():
            params = published_params(ours)
            for count in COUNTS:
                edited = "source_forget" if name == "ESD" else "source2dest"
                ratio = printed[name, count, edited] / UNEDITED["edited"] + (moved or {}).get((name, count), 0.0)
                scores = {
                    edited: of_ratio(ratio, falls=True) if name == "ESD" else ratio * CEILING,
                    "holdout_delta": of_ratio(printed[name, count, "holdout_delta"] / UNEDITED["holdout"]),
                    "edit_score": None if name == "ESD" else printed[name, count, "edit_score"],
                }
                some.append(make_result(ours, count, scores, params=params, reaches_dest=name != "ESD"))
        return some

    return make


@pytest.fixture
def sides(paper):
    return lambda some: BothSides(paper, Measured.of([each.result for each in some]))


def test_results_on_the_published_curves_have_fidelity_zero(copies, sides):
    both = sides(copies())
    assert len(both.pairs()) == 40
    assert fidelity(both.pairs()) == pytest.approx(0.0, abs=1e-12)
    assert all(each.swaps == 0 for each in orders(both, "edit_score"))
    assert both.missing == []


def test_fidelity_is_the_mean_absolute_difference_over_the_forty_numbers(copies, sides):
    pairs = sides(copies({("TIME", 50): 0.4, ("ESD", 300): -0.2})).pairs()
    assert fidelity(pairs) == pytest.approx(0.6 / 40)
    assert fidelity(pairs, ("EMCID", "UCE", "TIME")) == pytest.approx(0.4 / 24)
    assert fidelity(pairs, ("ReFACT", "ESD")) == pytest.approx(0.2 / 16)
    assert fidelity_line(pairs) == "fidelity 0.015"


def test_a_missing_result_is_named_and_no_number_is_given(copies, sides):
    some = [each for each in copies() if (each.result.method.name, each.result.num_edits) != ("uce", 100)]
    both = sides(some)
    assert both.missing == ["uce, published: at 100 edits"]
    assert fidelity_line(both.pairs()) == "fidelity not computed: 2 of 40 numbers are missing"
    assert "- uce, published: at 100 edits" in page_text(both)


def test_without_the_ceiling_no_method_has_an_edited_number(copies, sides):
    both = sides([each for each in copies() if each.result.method.name != "prompt_swap"])
    assert both.missing == ["prompt_swap: at 10, 50, 100, 300 edits"]
    assert fidelity_line(both.pairs()) == "fidelity not computed: 16 of 40 numbers are missing"


def test_rows_of_other_settings_do_not_stand_for_published_ones(make_result, copies, sides):
    some = [each for each in copies() if (each.result.method.name, each.result.num_edits) != ("emcid", 10)]
    params = published_params("emcid")
    scores = {"source2dest": 0.5, "holdout_delta": -0.1, "edit_score": 0.2}
    some.append(make_result("emcid", 10, scores, params=params | {"rate": 0.3}))
    assert sides(some).missing == ["emcid, published: at 10 edits"]


def test_another_row_that_the_figure_may_show_stands_beside_and_counts_for_nothing(make_result, copies, sides):
    scores = {"source2dest": 0.9, "holdout_delta": 0.0, "edit_score": 0.4}
    other = [make_result("uce-emcid", count, scores, params=published_params("uce-emcid")) for count in COUNTS]
    both = sides([*copies(), *other])
    assert fidelity(both.pairs()) == pytest.approx(0.0, abs=1e-12)
    (row,) = ALTERNATIVES
    assert fidelity(both.pairs(row.rows)) > 0.4
    assert f"### {row.title} (`{row.row}`)" in page_text(both)


def test_of_several_runs_of_a_row_the_mean_counts(copies, sides):
    some = [*copies({("EMCID", 10): 0.2}), *copies({("EMCID", 10): -0.2})]
    assert fidelity(sides(some).pairs()) == pytest.approx(0.0, abs=1e-12)


def test_swaps_are_kendalls_distance():
    best = ["EMCID", "UCE", "TIME", "ReFACT"]
    assert len(swapped_pairs(best, best[::-1])) == 6
    assert swapped_pairs(best, ["EMCID", "TIME", "UCE", "ReFACT"]) == [("UCE", "TIME")]
    assert swapped_pairs(best, best) == []


def test_a_swap_that_the_figures_reading_cannot_tell_is_counted_apart(copies, sides):
    """At 300 edits UCE, TIME and ReFACT have lost everything on both sides: their order there is noise."""
    (last,) = [each for each in orders(sides(copies()), "edit_score") if each.num_edits == 300]
    assert last.blurred == {("UCE", "TIME"), ("UCE", "ReFACT"), ("TIME", "ReFACT")}
    assert (last.swaps, last.certain_swaps) == (0, 0)


def test_the_page_says_what_the_numbers_say(copies, sides):
    text = page_text(sides(copies({("TIME", 50): 0.4})))
    assert "**fidelity 0.010**" in text
    assert "- TIME's edited at 50 edits: published -0.003, mini 0.397." in text
    assert "- TIME edits more on mini than published: by 0.100 on average." in text
    assert "The orders are equal at 4 of 4 numbers of edits, and 0 swaps apart at most." in text
    assert "| 50 | -0.003 | 0.397 | +0.400 | -1.000 * | -1.000 | 0.000 |" in text


def test_anchors_are_the_same_mean_with_other_numbers_for_what_mini_has(copies, sides):
    pairs = sides(copies()).pairs()
    found = anchors(pairs)
    assert found["no edit"] == pytest.approx(sum(abs(pair.published) for pair in pairs) / 40)
    assert found == anchors(sides(copies({("UCE", 10): 0.3})).pairs())
    of_refact = [pair for pair in pairs if pair.printed == "ReFACT"]
    places = {(pair.num_edits, pair.number): pair.published for pair in of_refact}
    others = {
        place: sorted(p.published for p in pairs if (p.num_edits, p.number) == place and p not in of_refact)
        for place in places
    }
    gaps = [abs(value - sum(others[place][1:3]) / 2) for place, value in places.items()]
    assert anchors(pairs, ("ReFACT",))[OTHERS] == pytest.approx(sum(gaps) / 8)


def test_noise_loses_all_of_the_holdout_and_reaches_no_destination(copies, sides):
    pairs = [pair for pair in sides(copies()).pairs() if pair.printed == "UCE"]
    gaps = [abs(pair.published + (pair.number == "holdout")) for pair in pairs]
    assert anchors(sides(copies()).pairs(), ("UCE",))["noise"] == pytest.approx(sum(gaps) / 8)


def test_the_page_says_which_anchors_are_nearer_than_mini(copies, sides):
    *_, exact = anchors_note(sides(copies()).pairs())
    assert exact.count("nearer to the published curves than every anchor") == 7
    *_, said = anchors_note(sides(copies({("ReFACT", count): 2.0 for count in COUNTS})).pairs())
    (line,) = [
        each for each in said.splitlines() if each.startswith("- ReFACT: 1.000, further from the published curves ")
    ]
    assert all(name in line for name in ANCHORS)


def test_esd_with_its_authors_steps_is_what_its_recipe_says():
    said = shipped_recipe("esd", "aice").how_on("mini", "published")
    fields = [[f"{value:.2f}" for value in row] for row in zip(*STEPS.values(), strict=True)]
    forget, forgot, lost, loses = ("{}, {} and {}".format(*row) for row in fields)
    assert f"source_forget {forgot} and holdout_delta {loses}, with ten {forget}, {lost}" in said


def test_the_estimate_of_esd_moves_its_numbers_alone(copies, sides):
    (said,) = esd_note(sides(copies()))
    found = re.search(r"its difference would be (\S+) and the fidelity (\S+): an estimate", said)
    assert float(found[2]) == pytest.approx(float(found[1]) / 5, abs=1e-3)
    assert list(esd_note(sides([each for each in copies() if each.result.num_edits != 50]))) == []


def test_a_method_that_does_nothing_is_named_beside_the_orders(copies, sides):
    assert list(idle_note(sides(copies()))) == []
    (said,) = idle_note(tool.committed_sides())
    assert said.startswith("ReFACT has its place on mini because it does nothing there")


def test_the_tool_reads_runs_and_prints_the_fidelity_last(copies, tmp_path, capsys):
    for place, each in enumerate(copies({("UCE", 10): 0.8})):
        each.save(tmp_path / str(place) / "result.json")
    assert tool.main(["--runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "fidelity 0.020"
    (tmp_path / "0" / "result.json").unlink()  # prompt_swap at 10 edits
    assert tool.main(["--runs", str(tmp_path)]) == 2
    said = capsys.readouterr().out.splitlines()
    assert "missing: prompt_swap: at 10 edits" in said
    assert said[-1] == "fidelity not computed: 4 of 40 numbers are missing"


def test_runs_in_no_folder_are_refused_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        tool.main(["--runs", str(tmp_path / "none")])
    assert left.value.code == 2
    assert "is not a folder: name the one that" in capsys.readouterr().err.splitlines()[-1]
