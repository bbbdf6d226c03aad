"""The leaderboard says in words why two rows share no table or no column, or that they do."""

import dataclasses

import pytest

from iceb.base.errors import ResultError
from iceb.cli import leaderboard as command
from iceb.leaderboard.comparable import OF_SCORES, WHY, WORDS, apart_from, identity_differences
from iceb.leaderboard.identity import Identity
from iceb.leaderboard.rank import tables
from iceb.leaderboard.render import render
from iceb.leaderboard.why_apart import Side, side_of, why_apart
from iceb.specs.runs import MeasureRef


def side(*made):
    return Side(made[0].result.method.name, tuple(each.result for each in made))


def test_every_field_of_a_tables_identity_has_its_words_and_its_reason():
    names = {field.name for field in dataclasses.fields(Identity)}
    assert names == set(WORDS) == set(WHY)


def test_rows_of_one_table_say_where_both_stand(make_result):
    first = side(make_result("emcid", 1), make_result("emcid", 10))
    second = side(make_result("uce", 10), make_result("uce", 50))
    assert why_apart(first, second) == ["emcid and uce share the table aice on mini, with a number of each at 10 edits"]


def test_rows_without_a_number_of_edits_in_common_name_both(make_result):
    (line,) = why_apart(side(make_result("emcid", 1)), side(make_result("uce", 50)))
    assert line == "emcid and uce share the table aice on mini, and no number of edits: they have 1 and 50"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"steps": 20},
            "- different ways of drawing (steps 10 and steps 20): the same prompt and seed make",
        ),
        ({"data": "0" * 64}, "- different data files ("),
        ({"family": "sd14"}, "- different models ('iceb/mini' and 'iceb/sd14'): each model knows other concepts"),
    ],
)
def test_rows_of_two_tables_say_what_differs_and_why_that_keeps_them_apart(make_result, change, words):
    heading, *lines = why_apart(side(make_result("emcid", 10)), side(make_result("uce", 10, **change)))
    assert heading == "emcid and uce share no table:"
    assert any(line.startswith(words) for line in lines)


def test_of_a_row_on_several_tables_the_nearest_two_results_are_explained(make_result):
    first = side(make_result("emcid", 10, steps=20, family="sd14"), make_result("emcid", 10, steps=20))
    assert len(why_apart(first, side(make_result("uce", 10)))) == 2


def test_scores_that_share_no_column_are_named_with_both_versions_or_judges(make_result):
    first = make_result("emcid", 10, {"edit_score": 0.2, "dest_forget": 0.1, "source2dest": 0.3})
    judge = {"imagenet_classifier": MeasureRef(id="vit_mini@2", revision="7" * 64)}
    second = make_result("uce", 10, {"edit_score": 0.2, "dest_forget": 0.1})
    second = second.with_score("dest_forget", version=1).with_score("edit_score", measures=judge)
    _, *lines = why_apart(side(first), side(second))
    judges = "different judges (vit_mini@1 88888888 and vit_mini@2 77777777)"
    assert lines == [
        f"- at 10 edits no column of edit_score holds both: {judges}",
        "- at 10 edits no column of dest_forget holds both: different versions of the metric (2 and 1)",
        "- at 10 edits only one of them has source2dest",
    ]
    assert set(OF_SCORES) == {"version", "package", "measures", "references"}


def test_a_result_that_stands_nowhere_and_one_of_other_draws_say_so(make_result):
    lines = why_apart(side(make_result("emcid", 10, limit=5)), side(make_result("uce", 10, prompts="6" * 64)))
    assert lines[0].startswith("emcid stands on no leaderboard: the run is partial")
    assert "- at 10 edits: different limits (5 and None)" in lines
    assert "- at 10 edits: different prompts ('555555555555' and '666666666666')" in lines


def test_a_page_says_between_two_tables_what_keeps_them_apart(make_result, task):
    some = [make_result("emcid", 10).result, make_result("uce", 10, steps=20).result]
    text = render("Title", tables(some, task))
    said = "Its rows share no table with those of aice_embedded on iceb/mini above: different ways of drawing (steps"
    assert text.count("Its rows share no table") == text.count(said) == 1
    assert apart_from(Identity.of(some[0]), []) == []
    assert identity_differences(*(Identity.of(some[0]) for _ in range(2))) == []


def test_a_side_is_a_row_of_a_task_or_a_result(make_result, tmp_path):
    made = make_result("emcid", 10)
    path = made.save(tmp_path / "results" / "aice" / "emcid" / "0010-11111111.json")
    assert side_of("emcid", tmp_path, "aice").results == (made.result,)
    assert side_of("aice/emcid", tmp_path, "artists").results == (made.result,)
    assert side_of(str(path), tmp_path, "artists").counts == {10}
    with pytest.raises(ResultError, match="row of task aice"):
        side_of("uce", tmp_path, "aice")


def test_the_command_says_it(make_result, tmp_path, capsys):
    make_result("emcid", 10).save(tmp_path / "results" / "aice" / "emcid" / "0010-11111111.json")
    make_result("uce", 10, steps=20).save(tmp_path / "results" / "aice" / "uce" / "0010-22222222.json")
    command.leaderboard([], why=("emcid", "uce"), folder=tmp_path)
    assert capsys.readouterr().out.startswith("emcid and uce share no table:\n- different ways of drawing")
