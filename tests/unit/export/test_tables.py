"""Tables that an export writes: their numbers are the results', and bold is what paired tests prove."""

import csv
import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from iceb.base.errors import ResultError, SpecError
from iceb.export.asking import ExportAsk
from iceb.export.forms import Wanted, export
from iceb.export.latex_text import latex
from iceb.export.proven import Proof
from iceb.report.site.boards import Board, make_boards
from iceb.report.site.read_runs import read_runs
from iceb.specs.records import IntervalRecord

COMMITTED = Path(__file__).parents[3] / "leaderboards" / "results" / "aice"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_a_line_a_score_with_the_results_numbers_and_the_tables_ranks(results, board, tmp_path):
    exported, left = export([results], "csv", tmp_path / "scores.csv")
    rows = rows_of(tmp_path / "scores.csv")
    assert (exported.records, left) == (len(rows), ())
    places = {entry.row.method: entry.place for entry in board.table.ranked[10]}
    for run in board.runs.values():
        mine = {row["metric"]: row for row in rows if row["run"] == run.result.id}
        assert set(mine) == {score.metric for score in run.result.scores}
        for score in run.result.scores:
            row = mine[score.metric]
            low, high = (score.interval.low, score.interval.high) if score.interval else (None, None)
            for name, number in {"value": score.value, "stderr": score.stderr, "low": low, "high": high}.items():
                assert row[name] == ("" if number is None else repr(number))
            assert row["better"] == ("higher" if score.higher_is_better else "lower")
            assert row["note"] == score.note
            assert places[run.result.method.name] in (row["rank"], row["no_rank"])
            assert (row["control"] == "1") == (run.result.method.name == "unedited")
    assert {row["rank"] for row in rows if row["method"] == "emcid"} == {"1"}
    assert {row["tie_groups"] for row in rows if row["method"] in ("uce", "rece")} == {"b"}


def test_tables_show_the_interval_that_a_result_records(make_result, tmp_path):
    made = make_result("emcid", 10, {"edit_score": 0.25}, concepts=24)
    chosen = IntervalRecord(method="bca", low=0.111, high=0.333, clusters=20.0)
    made.with_fields(scores=(made.result.scores[0].model_copy(update={"interval": chosen}),)).save(
        tmp_path / "results" / "emcid.json"
    )
    for form, suffix in (("csv", "csv"), ("markdown", "md"), ("latex", "tex")):
        export([tmp_path / "results"], form, tmp_path / f"scores.{suffix}")
    (row,) = rows_of(tmp_path / "scores.csv")
    assert [row[name] for name in ("low", "high", "interval", "level")] == ["0.111", "0.333", "bca", "0.95"]
    assert "[0.111, 0.333]" in (tmp_path / "scores.md").read_text(encoding="utf-8")
    assert "0.111, 0.333" in (tmp_path / "scores.tex").read_text(encoding="utf-8")
    export([tmp_path / "results"], "eee", tmp_path / "eee")
    (path,) = (tmp_path / "eee" / "data").rglob("*.json")
    uncertainty = json.loads(path.read_text(encoding="utf-8"))["evaluation_results"][0]["score_details"]["uncertainty"]
    assert uncertainty["confidence_interval"]["method"] == "BCa bootstrap over clusters"
    assert uncertainty["confidence_interval"]["lower"] == 0.111


def test_markdown_has_ranks_tie_groups_directions_intervals_and_commands(results, tmp_path):
    out = tmp_path / "tables.md"
    export([results], "markdown", out, ExportAsk(metrics=("edit_score", "holdout_delta")))
    text = out.read_text(encoding="utf-8")
    assert "| edit_score ↑ | holdout_delta ↑ |" in text
    assert "source2dest" not in text.partition("Settings and commands")[0].partition("### 10 edits")[2]
    (line,) = [line for line in text.splitlines() if line.startswith("| 1 | a | emcid")]
    assert re.search(r"0\.\d{3} ± 0\.\d{3}<br>\[0\.\d{3}, 0\.\d{3}\]", line)
    assert "at 10: `iceb evaluate`" in text


def test_a_table_that_ranks_nothing_says_why(make_result, tmp_path):
    made = make_result("uce", 10, {"edit_score": 0.2}, limit=5)
    made.save(tmp_path / "results" / "uce.json")
    for form, words in (("markdown", "No row is ranked: these runs are partial"), ("latex", "these runs are partial")):
        export([tmp_path / "results"], form, tmp_path / form)
        assert words in (tmp_path / form).read_text(encoding="utf-8")


# --- bold


def proven_by_scipy(board: Board, metric: str) -> set[str]:
    """Ranked methods that are better than some other, and than which none is: paired t, Holm by statsmodels."""
    ranked = [entry.row.method for entry in board.table.ranked[10] if entry.rank]
    runs = {run.result.method.name: run for run in board.runs.values()}
    changes = {
        name: np.array([row.value.after - row.value.before for row in runs[name].table if row.metric == metric])
        for name in ranked
    }
    pairs = [(one, other) for place, one in enumerate(ranked) for other in ranked[place + 1 :]]
    found = [stats.ttest_rel(changes[one], changes[other]) for one, other in pairs]
    rejected = multipletests([each.pvalue for each in found], method="holm")[0]
    wins = {
        (one, other) if each.statistic > 0 else (other, one)
        for (one, other), each, proven in zip(pairs, found, rejected, strict=True)
        if proven
    }
    beaten = {loser for _, loser in wins}
    return {winner for winner, _ in wins} - beaten


def bold_in(text: str, metric: str) -> set[str]:
    """The methods whose cell of a column is bold in LaTeX."""
    lines = [line for line in text.splitlines() if line.endswith(r" \\")]
    head = next(line for line in lines if line.startswith("method &")).split(" & ")
    (place,) = [place for place, cell in enumerate(head) if cell.startswith(latex(metric))]
    return {re.split(r"[~, ]", line)[0] for line in lines if r"\textbf" in line.split(" & ")[place]}


@pytest.mark.parametrize("metric", ["source2dest", "holdout_delta"])
def test_bold_is_what_paired_t_tests_with_holms_rule_prove(results, board, tmp_path, metric):
    export([results], "latex", tmp_path / "t.tex")
    expected = proven_by_scipy(board, metric)
    assert bold_in((tmp_path / "t.tex").read_text(encoding="utf-8"), metric) == expected
    assert expected == {"source2dest": {"emcid", "uce"}, "holdout_delta": {"emcid", "rece"}}[metric]


def test_bold_in_the_headline_is_what_the_ranks_say(board):
    proof, headline = Proof(board), board.table.headline
    ranks = [entry.rank for entry in board.table.ranked[10]]
    assert [rank.text if rank else "" for rank in ranks] == ["1", "2–3", "2–3", "", ""]
    assert proof.best(headline, 10) == {0}


def test_the_caption_tells_tie_groups_that_are_shown_from_those_that_are_not(results, tmp_path):
    """Bold of source2dest rests on a group of emcid and uce, where the letters of edit_score join uce and rece."""
    export([results], "latex", tmp_path / "t.tex")
    text = (tmp_path / "t.tex").read_text(encoding="utf-8")
    letters = {
        line.split("~")[0]: line.split(" & ")[2] for line in text.splitlines() if re.match(r"(emcid|uce|rece)~", line)
    }
    assert letters == {"emcid": "a", "uce": "b", "rece": "b"}
    assert bold_in(text, "source2dest") == {"emcid", "uce"}
    (caption,) = [line for line in text.splitlines() if line.startswith(r"\caption")]
    assert "tie groups of that column; those of the columns not ranked by are not shown." in caption


def test_nothing_is_bold_where_all_are_alike(make_result, tmp_path):
    for method in ("uce", "rece"):
        made = make_result(method, 10, {"edit_score": 0.2, "source2dest": 0.3}, concepts=24)
        made.save(tmp_path / "results" / f"{method}.json")
    export([tmp_path / "results"], "latex", tmp_path / "t.tex")
    assert r"\textbf" not in (tmp_path / "t.tex").read_text(encoding="utf-8")


def test_a_row_without_a_rank_is_never_bold(make_result, results, tmp_path):
    """An eraser that loses nothing of the holdout has no headline, so no rank and no bold there."""
    scores = {"edit_score": None, "source2dest": None, "holdout_delta": 0.9}
    made = make_result("esd", 10, scores, concepts=24, reaches_dest=False)
    made.save(results / "esd.json")
    export([results], "latex", tmp_path / "t.tex")
    assert "esd" not in bold_in((tmp_path / "t.tex").read_text(encoding="utf-8"), "holdout_delta")


def test_bold_of_committed_results_agrees_with_their_ranks(tmp_path):
    runs = [run for run in read_runs([COMMITTED / "time", COMMITTED / "unedited"])[0] if run.result.num_edits == 10]
    (board,) = make_boards(runs)
    best = Proof(board).best(board.table.headline, 10)
    ranked = [entry.rank for entry in board.table.ranked[10] if entry.rank]
    assert best == {place for place, rank in enumerate(ranked) if (rank.first, rank.last < len(ranked)) == (1, True)}


def without_error(made):
    return made.with_score("source2dest", value=0.9, stderr=None, low=None, high=None)


def of_few_concepts(made):
    """Of nine of its concepts in that metric, all better than any other row."""
    rows = [row for row in made.rows if row.metric == "source2dest"][:9]
    rows = [dataclasses.replace(row, value=dataclasses.replace(row.value, before=0.0, after=0.9)) for row in rows]
    others = [row for row in made.rows if row.metric != "source2dest"]
    return made.with_rows((*others, *rows)).with_score("source2dest", value=0.9, concepts=9)


@pytest.mark.parametrize("change", [without_error, of_few_concepts])
def test_nothing_is_bold_below_a_value_that_cannot_be_tested(make_scattered, results, tmp_path, change):
    gains = {"edit_score": 0.25, "source2dest": 0.25, "holdout_delta": -0.1}
    change(make_scattered("time", gains, 9)).save(results / "time.json")
    (board,) = make_boards(read_runs([results])[0])
    assert sum(entry.rank is not None for entry in board.table.ranked[10]) == 4
    export([results], "latex", tmp_path / "t.tex")
    text = (tmp_path / "t.tex").read_text(encoding="utf-8")
    assert bold_in(text, "source2dest") == set()
    assert bold_in(text, "holdout_delta") == {"emcid", "rece"}


# --- LaTeX as a grammar


BEGIN, END = re.compile(r"\\begin\{(\w+)\}"), re.compile(r"\\end\{(\w+)\}")


def check_latex(text: str) -> list[list[str]]:
    """Refuse LaTeX with open groups, environments or mathematics, or rows of another width; the rows' cells."""
    rows, open_environments, width = [], [], 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("%"):
            continue
        bare = re.sub(r"\\[&%$#_{}]", "", line)
        assert not set("#~^") & set(bare.replace(r"~\cite", "")), f"{number}: {line}"
        assert "%" not in bare, f"{number}: a comment begins in {line}"
        assert bare.count("$") % 2 == 0, f"{number}: open mathematics in {line}"
        assert bare.count("{") == bare.count("}"), f"{number}: open group in {line}"
        open_environments += BEGIN.findall(line)
        for name in END.findall(line):
            assert open_environments.pop() == name
        if line.startswith(r"\begin{tabular}"):
            width = len(re.fullmatch(r"\\begin\{tabular\}\{([lr]+)\}", line)[1])
        if line.endswith(r"\\"):
            cells = re.split(r"(?<!\\)&", line.removesuffix(r"\\"))
            assert len(cells) == width, f"{number}: {len(cells)} cells of {width}"
            rows.append([cell.strip() for cell in cells])
    assert open_environments == []
    return rows


def test_latex_is_well_formed_and_has_a_command_a_row_and_an_entry_a_citation(results, board, tmp_path):
    exported, _ = export([results], "latex", tmp_path / "t.tex")
    assert [path.name for path in exported.files] == ["t.tex", "t.bib"]
    text = (tmp_path / "t.tex").read_text(encoding="utf-8")
    head, *rows = check_latex(text)
    assert head == ["method", "rank", "ties", *(rf"{latex(m)} $\uparrow$" for m in GAINED)]
    assert [row[0].split("~")[0] for row in rows] == [e.row.method for e in board.table.ranked[10]]
    assert [row[1] for row in rows] == ["1", "2--3", "2--3", "--", "--"]
    assert "unedited (control)" in text
    for name in ("emcid", "uce", "rece", "esd", "unedited"):
        assert re.search(rf"^% {name}\b.*: iceb evaluate \(commit \w{{12}}, run aice/{name}/", text, re.MULTILINE)
    cited = set(re.findall(r"\\cite\{([^}]+)\}", text))
    entries = re.findall(r"^@misc\{([^,]+),", (tmp_path / "t.bib").read_text(encoding="utf-8"), re.MULTILINE)
    assert (len(entries), set(entries)) == (len(cited), cited)
    assert "arxiv-2308.14761" in cited


GAINED = ("edit_score", "source2dest", "holdout_delta")


def test_names_and_settings_of_strangers_cannot_end_a_cell_a_line_or_a_comment(make_result, tmp_path):
    poison = "50%_$x$ & {y}\\\\ ~^#[2pt]*\n\\input{z} 中"
    made = make_result(
        "odd", 10, {"edit_score": 0.2}, package="other", params={"file": poison}, changed={"file": poison}
    )
    made.from_run(command=f"iceb evaluate --set 'file={poison}'").save(tmp_path / "results" / "odd.json")
    export([tmp_path / "results"], "latex", tmp_path / "t.tex")
    text = (tmp_path / "t.tex").read_text(encoding="utf-8")
    rows = check_latex(text)
    assert len(rows) == 2
    assert r"50\%\_\$x\$ \& \{y\}\textbackslash{}\textbackslash{}" in rows[1][0]
    assert "U+4E2D" in rows[1][0]
    assert not [line for line in text.splitlines() if line.startswith(r"\input")]


def test_somebody_elses_entries_are_never_replaced_and_an_exports_own_are(results, tmp_path):
    main, bib = tmp_path / "main.tex", tmp_path / "main.bib"
    bib.write_text("@article{mine,}\n")
    with pytest.raises(ResultError, match=r"main\.bib is not an export's, and would be replaced"):
        export([results], "latex", main)
    assert (bib.read_text(), main.exists()) == ("@article{mine,}\n", False)
    bib.unlink()
    export([results], "latex", main)
    first = bib.read_text(encoding="utf-8")
    export([results], "latex", main)
    assert bib.read_text(encoding="utf-8") == first


@pytest.mark.parametrize("name", ["tables.bib", "tables.BIB"])
def test_tables_are_not_written_where_their_entries_would_be(results, tmp_path, name):
    with pytest.raises(ResultError, match="is where the entries would stand"):
        export([results], "latex", tmp_path / name)
    assert not (tmp_path / name).exists()


# --- what is asked for


@pytest.mark.parametrize(
    ("form", "ask", "wanted", "words"),
    [
        ("latx", ExportAsk(), Wanted(), "did you mean latex?"),
        ("csv", ExportAsk(metrics=("edit_scor",)), Wanted(), "did you mean edit_score?"),
        ("csv", ExportAsk(), Wanted(tasks=("aise",)), "did you mean aice?"),
        ("csv", ExportAsk(), Wanted(counts=(7,)), "`num_edits` 7: no such run; choose among 10"),
    ],
)
def test_what_is_asked_wrongly_is_refused(results, tmp_path, form, ask, wanted, words):
    with pytest.raises(SpecError, match=re.escape(words)):
        export([results], form, tmp_path / "out", ask, wanted)
    assert not (tmp_path / "out").exists()


def test_a_form_of_one_file_refuses_a_folder(results, tmp_path):
    with pytest.raises(ResultError, match="is a folder, and csv is one file"):
        export([results], "csv", tmp_path)


def test_a_column_of_one_metric_is_chosen_by_number_of_edits_and_task(make_result, results, tmp_path):
    make_result("uce", 1, {"edit_score": 0.1}).save(results / "uce1.json")
    export([results], "csv", tmp_path / "s.csv", ExportAsk(metrics=("edit_score",)), Wanted(("aice",), (1,)))
    assert [(row["num_edits"], row["metric"]) for row in rows_of(tmp_path / "s.csv")] == [("1", "edit_score")]


def test_fields_of_an_ask_are_checked():
    with pytest.raises(SpecError, match=r"`relationship` 'friend': must be one of first_party, third_party"):
        ExportAsk(relationship="friend")
    with pytest.raises(SpecError, match="`project` is empty"):
        dataclasses.replace(ExportAsk(), project=" ")
