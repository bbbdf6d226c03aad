"""Orders of methods here against those of published tables: pairs, swaps, certain ones, and the committed page."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from iceb import registry
from iceb.baselines.recipes import shipped_recipe
from iceb.baselines.shipped_lists import with_shipped_lists
from iceb.leaderboard.published import Published, PublishedColumn, read_published
from iceb.leaderboard.rank import NO_BETTER, TOO_FEW
from iceb.leaderboard.unranked import DEGENERATE
from tools import published_orders as tool
from tools.comparison.both_sides import Measured
from tools.comparison.matched_rows import ALONE, CONTROLS, NOT_OURS, comparisons
from tools.comparison.published_orders import SCORES, STAYS, count_once
from tools.comparison.published_page import Standing, table_part, totals
from tools.retained_names import LISTS, entry_of, scored_others

HEADER = {
    "paper": "a",
    "title": "t",
    "task": "celebrities",
    "task_title": "t",
    "family": "sd14",
    "figure": "Table 1",
    "how_read": "typed",
    "protocol": "p",
    "exact": True,
    "ours": {"UCE": "uce", "MACE": "mace", "ESD-x": "esd", "ESD-u": "esd"},
    "columns": {"Acc_e": {"unit": "%", "better": "lower"}, "Acc_s": {"unit": "%", "better": "higher"}},
}


class Rows(Measured):
    """Rows with values and intervals that are given."""

    def __init__(self, values):
        found = {}
        for (row, count, metric), (value, half) in values.items():
            interval = SimpleNamespace(low=value - half, high=value + half)
            score = SimpleNamespace(value=value, interval=interval)
            found.setdefault((row, count), {})[metric] = score
        rows = {key: [SimpleNamespace(score=scores.get)] for key, scores in found.items()}
        object.__setattr__(self, "by_row", rows)


def table(score="Acc_e", **printed):
    rows = [
        {"method": name, "num_edits": 10, "metric": score, "value": value, "evidence": "printed", "verified": True}
        for name, value in printed.items()
    ]
    return Published.model_validate({**HEADER, "rows": rows})


def compare(printed, ours, score="Acc_e"):
    values = {(row, 10, SCORES["celebrities"][score]): each for row, each in ours.items()}
    return list(comparisons([table(score, **printed)], {"celebrities": Rows(values)}))


PRINTED = {"UCE": 1.0, "MACE": 2.0, "ESD-x": 9.0, "ESD-u": 0.5, "FMN": 90.0, "SD v1.4": 95.0}


def test_the_published_order_has_no_swap():
    ours = {"uce, published defaults": (0.1, 0.01), "mace, published": (0.2, 0.01), "esd, published": (0.3, 0.01)}
    (found,) = compare(PRINTED, {**ours, "unedited": (0.9, 0.01)})
    assert found.order("published") == found.order("value") == ("UCE", "MACE", "ESD-x")
    assert (len(found.pairs), found.swaps) == (3, [])
    assert found.control is not None
    assert found.control.printed == "SD v1.4"


def test_swaps_are_certain_where_the_intervals_do_not_touch():
    ours = {"uce, published": (0.4, 0.05), "mace, published": (0.1, 0.05), "esd, published": (0.38, 0.05)}
    (found,) = compare(PRINTED, ours)
    swapped = [(one.printed, other.printed) for one, other in found.swaps]
    assert swapped == [("UCE", "MACE"), ("UCE", "ESD-x")]
    assert [(one.printed, other.printed) for one, other in found.certain_swaps] == swapped[:1]


def test_equal_numbers_of_a_table_have_no_order():
    ours = {"uce, published": (0.4, 0.0), "mace, published": (0.1, 0.0)}
    (found,) = compare({"UCE": 0.0, "MACE": 0.0}, ours)
    assert (found.pairs, found.swaps) == ([], [])


def test_equal_numbers_here_have_no_order_either():
    ours = {"uce, published": (0.1, 0.0), "mace, published": (0.1, 0.0), "esd, published": (0.3, 0.0)}
    (found,) = compare(PRINTED, ours)
    assert (len(found.pairs), found.swaps, len(found.certain_agreements)) == (2, [], 2)


def test_equal_numbers_are_joined_in_an_order():
    ours = {"uce, published": (0.0, 0.0), "mace, published": (0.0, 0.0), "esd, published": (-0.3, 0.0)}
    (found,) = compare({"UCE": 2.0, "MACE": 1.0, "ESD-x": 1.0}, ours)
    assert found.order("published") == ("MACE = ESD-x", "UCE")
    assert found.order("value") == ("ESD-x", "UCE = MACE")


IDLE = {"uce, published": (0.9, 0.01), "mace, published": (0.5, 0.01), "esd, published": (0.3, 0.01)}


@pytest.mark.parametrize(("score", "apart"), [("Acc_s", 2), ("Acc_e", 0)])
def test_what_a_row_keeps_that_may_do_nothing_is_counted_apart(score, apart):
    (found,) = compare({"UCE": 90.0, "MACE": 50.0, "ESD-x": 60.0}, IDLE, score)
    assert (len(found.pairs), found.apart) == (3, [])
    marked = replace(found, unproven=frozenset(("uce, published",)))
    assert (len(marked.pairs), len(marked.apart), len(marked.certain_agreements_apart)) == (3 - apart, apart, apart)
    assert marked.certain_swaps == found.certain_swaps
    assert {pair[0].printed for pair in marked.apart} <= {"UCE"}


def test_a_pair_that_the_row_that_may_do_nothing_loses_counts():
    (found,) = compare({"UCE": 90.0, "MACE": 50.0}, IDLE, "Acc_s")
    assert replace(found, unproven=frozenset(("mace, published",))).apart == []


@pytest.mark.parametrize(("reason", "unproven"), [(NO_BETTER, True), (TOO_FEW, True), (DEGENERATE, False), ("", False)])
def test_rows_that_are_no_better_than_unedited_or_too_few_to_tell_are_unproven(reason, unproven):
    (found,) = compare({"UCE": 90.0, "MACE": 50.0}, IDLE, "Acc_s")
    standings = {("celebrities", "uce, published", 10): Standing(reason, "faithful")}
    assert tool.with_unproven(found, standings).unproven == (frozenset(("uce, published",)) if unproven else set())


def test_the_totals_say_that_a_task_asks_one_question():
    found = compare({"UCE": 90.0, "MACE": 50.0}, IDLE, "Acc_s")
    standings = {("celebrities", "uce, published", 10): Standing(NO_BETTER, "faithful")}
    text, alone, by_task = totals([tool.with_unproven(each, standings) for each in found], standings)
    words = " ".join(text.split())
    assert words.startswith("Of 0 pairs of methods that count, 0 are swapped on mini, 0 of them for certain")
    assert f"1 more are apart, for the row that wins them is {NO_BETTER}, or could not be tested: 0 of them" in words
    assert "Of the 2 rows compared here 1 have no rank" in words
    assert alone.startswith("- All pairs of celebrities are of MACE and UCE, by one score at one number of edits: one")
    assert by_task.splitlines()[2:] == [
        "| celebrities | 1 | 0 | 0 | 0 | 0 | 1 | 0 | 1 | 2 | 1 |",
        "| **all** |  | 0 | 0 | 0 | 0 | 1 | 0 | 1 | 2 | 1 |",
    ]


def test_a_row_shows_its_fidelity_and_no_number_is_minus_zero():
    found = compare({"UCE": 90.0, "MACE": 50.0}, {**IDLE, "uce, published": (0.0, 0.0001)}, "Acc_s")
    _, lines, order = table_part(found, {("celebrities", "mace, published", 10): Standing(NO_BETTER, "variant")})
    assert f"| MACE | mace, published ({NO_BETTER}) | variant | 50 | 0.500 [0.490, 0.510] |" in lines
    assert "| UCE | uce, published | – | 90 | 0.000 [0.000, 0.000] |" in lines
    assert order == "- by Acc_s: published UCE, MACE; mini MACE, UCE; swapped: **UCE and MACE**"


@pytest.mark.parametrize("task", ["celebrities", "styles"])
def test_what_the_page_says_of_esds_latents_is_what_its_recipes_say(task):
    said = shipped_recipe("esd", task).how_on("mini", "published")
    for fact in ("200 to 300 timesteps cleaner than the denoiser is told, theirs 39 to 58", "theirs has 50"):
        assert fact in said
        assert fact in tool.INTRODUCTION.replace("\n", " ")


def test_scores_of_what_should_stay_are_best_without_an_edit():
    assert set(STAYS) <= {ours for scores in SCORES.values() for ours in scores.values()}
    named = {registry.load("tasks", task).axes.preservation for task in SCORES if registry.load("tasks", task).axes}
    assert named <= set(STAYS)


def test_a_pair_that_two_papers_print_counts_once_in_whatever_unit():
    values = {"uce, published": (0.1, 0.0), "mace, published": (0.2, 0.0), "esd, published": (0.3, 0.0)}
    rows = Rows({(row, 10, "celebrity_acc_e"): each for row, each in values.items()})
    share = table(UCE=0.01, MACE=0.02, **{"ESD-x": 0.5})
    share = share.model_copy(
        update={"paper": "b", "columns": {"Acc_e": PublishedColumn(unit="fraction", better="lower")}}
    )
    first, second = count_once(list(comparisons([table(**PRINTED), share], {"celebrities": rows})))
    assert (len(first.pairs), first.other_tables) == (3, ())
    assert (len(second.ordered_pairs), len(second.pairs), second.other_tables) == (3, 2, ("a, Table 1",))


@pytest.mark.parametrize("row", ["uce, tuned for mini on aice", "uce-emcid, published"])
def test_rows_of_other_settings_and_methods_are_not_taken(row):
    assert compare({"UCE": 1.0, "MACE": 2.0}, {row: (0.1, 0.0), "mace, published": (0.2, 0.0)}) == []


@pytest.mark.parametrize("task", sorted(SCORES))
def test_every_score_is_a_metric_of_its_task_with_the_tables_direction(task):
    tables = [each for each in read_published() if each.task == task]
    for printed, ours in SCORES[task].items():
        assert ours in registry.load("tasks", task).metrics
        columns = [each.columns[printed] for each in tables if printed in each.columns]
        assert columns, printed
        higher = registry.load("metrics", ours).higher_is_better
        assert {each.better for each in columns} == {"higher" if higher else "lower"}, printed


def test_what_is_left_out_and_what_is_counted_otherwise_stands_in_a_table():
    methods = {row.method for each in read_published() for row in each.rows if each.task in SCORES}
    assert {*NOT_OURS, *CONTROLS} <= methods
    for task, ours in ALONE.items():
        assert ours in registry.load("tasks", task).edit_counts
        assert {row.num_edits for each in read_published() if each.task == task for row in each.rows} == {1}


def test_a_run_that_retains_what_is_scored_stands_beside_the_row(make_result):
    made = make_result("mace", 10, {"edit_score": 0.25}).result
    entry = entry_of("mace", 10, made, "ab" * 32)
    entry["scores"]["celebrity_acc_s"]["value"] = 0.5
    assert entry["command"].endswith("--num-edits 10 --recipe published --set domain=others.txt")
    text = tool.page_of([], {"mace at 10": entry})
    assert "| mace | 10 | others | – | – | – | – | – |" in text
    assert "| mace | 10 | the scored ones | – | 0.500 | – | – | – |" in text


def test_lists_that_retain_are_settings_of_the_published_recipes():
    for method, name in LISTS.items():
        assert str(shipped_recipe(method, "celebrities").settings("mini", "published")[name]).startswith("shipped:")


def test_the_names_that_are_scored_are_not_those_that_ship():
    names = scored_others()
    assert len(names) == len(set(names)) == 100
    (path,) = with_shipped_lists({"names": "shipped:celebrities"}).values()
    assert not set(names) & set(Path(str(path)).read_text(encoding="utf-8").splitlines())


def test_the_committed_page_is_that_of_the_committed_results():
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page_text(), "run `python tools/published_orders.py --write`"


def test_the_scores_of_a_table_at_one_number_of_edits_stand_together():
    heads = [line for line in tool.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("### ")]
    assert heads
    assert len(heads) == len(set(heads))
