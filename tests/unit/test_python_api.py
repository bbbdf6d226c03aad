"""The Python API: each function has the options of its command, and methods may be given as classes and objects."""

import inspect
import json
import logging
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import iceb
from iceb.api.arguments import Evaluation, command_of
from iceb.api.sweeping import Combinations
from iceb.base.errors import IcebError, ResultError, SpecError
from iceb.baselines.controls import PromptSwap
from iceb.cli.capacity import document
from iceb.cli.main import app

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "leaderboards" / "results" / "aice"
TUNED = "emcid, tuned for mini with MEMIT's residual"
PRINTS = "prints; the function returns what there is to print"
LEFT_OUT = {  # options that no function has, with the reason
    "as_json": PRINTS,
    "dry_run": "iceb.dry_run is a function",
    "launch": "iceb.launch is a function",
    "submit": "iceb.launch has it",
}
OTHER_NAMES = {"metric": "metrics", "names": "task", "task": "tasks"}
OF_SWEEPS = {"sweep", "budget"}
OF_RUNS = {"checkpoint", "erases", "method", "name", "recipe", "requests"}
OF_COSTS = {"card_memory", "cost", "edits", "image_bytes", "models", "price", "tflops"}  # of `iceb plan --cost`
OF_PAIRS = {"alpha", "detect", "folder", "method", "metric", "num_edits", "pilots", "power"}  # without it
# function → its command, arguments that only it has, options that only the command has
TABLE = {
    "evaluate": ("evaluate", set(), OF_SWEEPS),
    "dry_run": ("evaluate", set(), OF_SWEEPS),
    "sweep": ("evaluate", {"methods", "recipes"}, {"sweep", *OF_RUNS}),  # a file's contents are its arguments
    "score": ("score", set(), None),  # of a run; the other options are of score_images
    "score_images": ("score", set(), {"run"}),
    "try_edit": ("try", set(), set()),
    "edit": ("edit", set(), set()),
    "apply": ("apply", set(), set()),
    "compare": ("compare", set(), {"metric"}),  # chooses the concepts that are printed
    "plan": ("plan", set(), OF_COSTS),
    "costs": ("plan", {"methods"}, {"cost", *OF_PAIRS}),
    "capacity": ("capacity", set(), set()),
    "claims": ("claims", set(), set()),
    "write_export": ("export", set(), set()),
    "list_runs": ("runs", set(), set()),
    "write_report": ("report", set(), set()),
    "write_grid": ("grid", set(), set()),
    "explain": ("explain", set(), set()),
    **{f"check_{part}": (f"check {part}", set(), set()) for part in ("dataset", "measure", "method", "metric", "task")},
    "why_apart": ("leaderboard", {"one", "other"}, {"add", "check", "why"}),
    "update_leaderboard": ("leaderboard", set(), {"why"}),  # prints
    "tune": ("tune", set(), set()),
    "launch": ("evaluate", set(), OF_SWEEPS),
    "work": ("work", set(), {"result"}),
    "write_results": ("work", set(), {"shard", "result"}),
    "status": ("status", set(), set()),
}
NO_COMMAND = ("read", "scores")


def options_of(command: str) -> dict[str, object]:
    """The options of a command, "evaluate" or "check method", with their defaults."""
    found = get_command(app)
    for name in command.split():
        found = found.commands[name]
    return {each.name: each.default for each in found.params if each.name != "help"}


def functions() -> list[str]:
    return [name for name in iceb.__all__ if inspect.isfunction(getattr(iceb, name)) and name != "show_progress"]


def test_every_public_function_is_in_the_table():
    assert sorted(functions()) == sorted([*TABLE, *NO_COMMAND])


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_function_takes_what_its_command_takes(name):
    command, added, without = TABLE[name]
    given = inspect.signature(getattr(iceb, name)).parameters
    options = options_of(command)
    named = {
        OTHER_NAMES[each] if OTHER_NAMES.get(each) in given else each: default for each, default in options.items()
    }
    assert set(given) - set(named) == added
    assert without is None or set(named) - set(given) - set(LEFT_OUT) == without
    defaults = {each: named[each] for each in given if isinstance(named.get(each), bool | float | int)}
    assert {each: given[each].default for each in defaults} == defaults


@pytest.mark.parametrize("name", sorted([*TABLE, *NO_COMMAND]))
def test_a_function_documents_its_arguments_and_errors(name):
    function = getattr(iceb, name)
    text = inspect.getdoc(function)
    assert text
    assert "Raises:" in text
    if len(inspect.signature(function).parameters) > 2:
        missing = [each for each in inspect.signature(function).parameters if f"{each}:" not in text]
        assert [each for each in missing if not text.count(f" {each},") and not text.count(f", {each}:")] == []


def test_the_names_are_there_without_torch_and_pandas():
    code = (
        "import sys, iceb\n"
        f"for name in {functions()!r}: getattr(iceb, name)\n"
        "print([each for each in ('torch', 'pandas', 'diffusers') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_command_for_the_provenance_says_the_same():
    asked = Evaluation(method=PromptSwap, task="aice", num_edits=2, settings={"a": (1, 2)}, metrics=["fid"], limit=3)
    words = command_of("evaluate", asked)
    assert words[:6] == ("iceb", "evaluate", "--metric", "fid", "--limit", "3")
    assert words[6:10] == ("--set", "a=[1, 2]", "--method", "iceb.baselines.controls:PromptSwap")
    assert words[10:] == ("--task", "aice", "--num-edits", "2")


@dataclass(frozen=True)
class Mine:
    """Write the destination, as often as asked."""

    times: int = 1

    card: ClassVar[iceb.MethodCard] = iceb.MethodCard(name="mine", version=1, paper="", kinds=("replace",), touches=())

    def edit(self, bundle, requests, *, context):
        return iceb.Edit(rewrites={request.source: request.dests[0] for request in requests})


class Stop(Exception):
    """What stands for the work after the checks."""


@pytest.mark.parametrize(
    ("function", "work"),
    [("try_edit", "iceb.running.trial.carry_out"), ("edit", "iceb.delivery.save.save")],
)
def test_requests_in_conflict_are_logged_before_anything_is_made(function, work, monkeypatch, caplog):
    def stop(*given):
        raise Stop

    monkeypatch.setattr(work, stop)
    with caplog.at_level(logging.INFO, "iceb"), pytest.raises(Stop):
        getattr(iceb, function)(method="embedding_swap", source=["lion", "hen"], dest=["hen", "tiger"])
    assert "warning: 1 chain among the requests: lion → hen → tiger" in caplog.messages


def test_a_cells_command_makes_it_alone():
    own = {"esd": {"rate": 0.1}}
    asked = Combinations(methods=["uce", "esd"], tasks=["aice"], num_edits=[1, 9], settings=own, limit=4)
    found = {each.method: each.command for each in asked.ask().asks() if each.num_edits == 9}
    assert " ".join(found["uce"]) == "iceb evaluate --method uce --task aice --num-edits 9 --limit 4"
    assert found["esd"][-4:] == ("--set", "rate=0.1", "--limit", "4")


def test_a_sweep_refuses_a_part_and_a_budget_at_once():
    with pytest.raises(SpecError, match="`budget` chooses what part is drawn"):
        iceb.sweep(methods=["uce"], tasks=["aice"], num_edits=[1], budget="1h", limit=4)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"method": object()}, "'object'.*is no method"),
        ({"method": Mine(), "recipe": "tuned"}, "an object has its settings"),
        ({"method": Mine, "recipe": "tuned"}, "no recipe unregistered/mine/aice ships"),
        ({"method": Mine, "settings": {"time": 2}}, "unknown setting of method mine 'time': did you mean times"),
        ({}, "nothing to edit with: give `method`"),
        ({"method": "uce", "checkpoint": "x"}, "`method` and `checkpoint` both say what edits"),
        ({"method": "uce", "dtype": "int8"}, "dtype"),
        ({"method": "uce", "limit": 0}, "`limit` 0"),
    ],
)
def test_what_is_asked_wrongly_is_refused_before_anything_is_computed(asked, message):
    with pytest.raises(IcebError, match=message):
        iceb.dry_run(task="aice", num_edits=2, **asked)


def test_a_result_is_read_with_its_frame():
    pandas = pytest.importorskip("pandas")
    path = next((RESULTS / "uce").glob("0010-*.json"))
    run = iceb.read(path)
    assert run.status == "complete"
    with pytest.raises(SpecError, match=r"unknown metric of run .*did you mean edit_score"):
        run.score("edit_scor")
    frame = run.frame()
    own = frame[(frame.metric == "source2dest") & (frame.group == frame.group.iloc[-1])]
    assert float(own.change.mean()) == pytest.approx(run.score("source2dest").value, abs=1e-9)
    assert pandas.api.types.is_float_dtype(frame.before)
    scores = iceb.scores([run, path])
    assert len(scores) == 2 * len(run.scores)
    assert set(scores.method) == {run.result.method.label}
    assert scores.set_index("metric").value["edit_score"].iloc[0] == run.score("edit_score").value


def test_rows_of_a_leaderboard_are_compared_as_the_command_does():
    pytest.importorskip("pandas")
    found = iceb.compare("unedited", "prompt_swap", folder=ROOT / "leaderboards", num_edits=10)
    frame = found.frame().set_index("metric")
    assert frame.difference["edit_score"] == pytest.approx(frame.second["edit_score"] - frame["first"]["edit_score"])
    assert frame.p_holm["source2dest"] < 0.05
    plans = iceb.plan(detect=0.05, folder=ROOT / "leaderboards")
    assert plans[0].needed <= plans[-1].needed or plans[-1].needed is None


def test_costs_are_those_of_the_command_and_miss_what_nobody_stated():
    pytest.importorskip("pandas")
    asked = {"methods": ["uce", "emcid"], "edits": [10, 1000], "price": 2}
    found = iceb.costs(tflops=50, **asked)
    words = [
        "plan",
        "--cost",
        "--method",
        "uce,emcid",
        "--edits",
        "10,1000",
        "--tflops",
        "50",
        "--price",
        "2",
        "--json",
    ]
    assert json.loads(CliRunner().invoke(app, words).stdout) == json.loads(json.dumps(found.documents()))
    frame = found.frame().set_index(["method", "num_edits"])
    own = frame.loc["emcid", 10]
    assert own.money == pytest.approx(2 * (own.edit_flops + own.draw_flops) / 50e12 / 3600)
    assert list(frame.continued) == [False, True] * 2
    assert iceb.costs(**asked).frame().money.isna().all()
    for wrong, message in (({"edits": [0]}, "`edits` 0"), ({"card_memory": -1}, "`card_memory` -1: must be")):
        with pytest.raises(SpecError, match=message):
            iceb.costs(**wrong)


def test_capacities_are_those_of_the_command_as_frames():
    pytest.importorskip("pandas")
    runs = [RESULTS / name for name in ("emcid", "unedited", "prompt_swap")]
    found = iceb.capacity(runs, level=[0.5])
    frame = found.frame().set_index("row")
    assert list(frame.level) == [0.5] * len(frame)
    assert (frame.edits[TUNED], frame.most[TUNED]) == ("≥ 300", float("inf"))
    assert frame.area_low[TUNED] != frame.area_low[TUNED]  # no interval: NaN
    assert "no interval: too few concepts" in frame.note[TUNED]
    (table,) = [document(title, each) for title, each in found.tables]
    points = {(row["row"], each["num_edits"]): each for row in table["rows"] for each in row["points"]}
    curves = found.curves().set_index(["row", "num_edits"])
    assert {key: curves.score[key] for key in points} == {key: each["score"] for key, each in points.items()}
    assert curves.efficacy_low["prompt_swap (control)", 300] == points["prompt_swap (control)", 300]["efficacy"]["low"]
    with pytest.raises(SpecError, match="`counts` 10: must be two or more numbers of edits"):
        iceb.capacity(runs, counts=[10])


def test_claims_are_those_of_the_command_as_a_frame(tmp_path):
    pytest.importorskip("pandas")
    (tmp_path / "page.md").write_text("It gains a lot, and more than all.", encoding="utf-8")
    text = f'task = "aice"\nnum_edits = 300\nrow = "{TUNED}"\nmetric = "source2dest"\nat_least = {{}}\n'
    head = '[[claim]]\npage = "page.md"\nkind = "threshold"\nsays = "{}"\n'
    said = {"It gains a lot": "0.5", "and more than all": "0.99", "It gains nothing": "0"}
    file = tmp_path / "claims.toml"
    file.write_text("".join(head.format(each) + text.format(bound) for each, bound in said.items()), encoding="utf-8")
    found = iceb.claims(file, folder=ROOT / "leaderboards")
    assert not found.is_carried
    frame = found.frame().set_index("says")
    assert frame.carried.tolist() == [True, False, False]
    assert frame.p_holm["It gains a lot"] < 0.05 < frame.p["and more than all"]
    assert frame.problem["It gains nothing"].startswith("the page does not say this")


def test_an_export_is_that_of_the_command(tmp_path):
    out = tmp_path / "scores.csv"
    found = iceb.write_export(RESULTS / "time", to="csv", out=out, num_edits=[10], metrics=["edit_score"])
    assert (found.files, found.what, found.runs_left_out) == ((out,), "score", ())
    assert out.read_text(encoding="utf-8").count("edit_score") >= found.records > 0
    with pytest.raises(SpecError, match="`num_edits` 7: no such run"):
        iceb.write_export(RESULTS / "time", to="csv", out=out, num_edits=[7])


def test_without_pandas_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SpecError, match=r"a frame needs pandas.*iceb\[frames\]"):
        iceb.scores([])


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ResultError, match="name the folder that a run wrote"):
        iceb.read(tmp_path)


def test_a_metric_is_explained_in_the_commands_words():
    printed = CliRunner().invoke(app, ["explain", "source_forget"]).output
    said = iceb.explain("source_forget")
    assert said["metric"] == printed.splitlines()[0]
    assert all(f"  {name}: " in printed for name in said if name not in ("metric", "definition"))
    assert " ".join(said["definition"].split()) in " ".join(printed.split())


def test_why_two_rows_are_apart_is_said_in_the_commands_words():
    rows = ("uce, published", "emcid, published")
    folder = str(RESULTS.parents[1])
    printed = CliRunner().invoke(app, ["leaderboard", "--why", *rows, "--folder", folder]).output
    assert "share the table aice on mini" in printed
    assert "\n".join(iceb.why_apart(*rows, folder=folder)) == printed.strip()


@pytest.mark.parametrize(
    ("given", "said"),
    [({"rows": 0}, "`rows=0`: must be 1 to 100"), ({"rows": 101}, "must be 1 to"), ({"out": "a.jpg"}, "end in .png")],
)
def test_a_grid_that_cannot_be_is_refused(given, said, tmp_path):
    with pytest.raises(SpecError, match=said):
        iceb.write_grid(tmp_path, **given)


def test_checks_hold_what_the_command_prints():
    found = iceb.check_task("aice", data="embedded")
    printed = json.loads(CliRunner().invoke(app, ["check", "task", "aice", "--data", "embedded", "--json"]).stdout)
    lines = [(line["check"], line["status"], line["note"]) for line in printed["checks"]]
    assert [(line.check, line.status, line.note) for line in found.lines] == lines
    assert found.failures == ()
    assert list(found.frame()["check"]) == [line[0] for line in lines]


def test_a_failed_check_is_a_line_and_no_error():
    found = iceb.check_dataset("aice", data="embedded/nowhere")
    assert [line.check for line in found.failures] == ["files are the declared ones"]


def test_a_method_is_checked_with_settings_as_by_the_command():
    found = iceb.check_method(name="embedding_swap", settings={"blend": 0.5}, sizes=(1,))
    assert found.failures == ()
    with pytest.raises(SpecError, match="blond"):
        iceb.check_method(name="embedding_swap", settings={"blond": 0.5})
