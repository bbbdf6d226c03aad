"""Planning of sweeps, their file, their commands and locks: nothing is drawn."""

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from iceb import registry
from iceb.base.comma_lists import split_list
from iceb.base.errors import DataError, MethodError, NotInDataError, SpecError
from iceb.cli.main import run
from iceb.cli.matrix import Asked
from iceb.cli.sweeping import sweep_ask
from iceb.cli.values import settings
from iceb.models.sources import find
from iceb.running.plan import Ask, plan
from iceb.running.shared_parts import SharedParts
from iceb.running.sweeps import carrying_out, planning
from iceb.running.sweeps.asked import SweepAsk
from iceb.running.sweeps.carrying_out import Sweep
from iceb.running.sweeps.cell_command import OF_ALL, OF_EXECUTION, cell_command
from iceb.running.sweeps.locks import cell_lock
from iceb.running.sweeps.planning import Cell, SweepPlan, cell_name, plan_sweep
from iceb.running.sweeps.sweep_file import parse_sweep
from iceb.specs.execution import Execution
from iceb.specs.repeats import Repeats

NUDGE = """
from dataclasses import dataclass, replace

from iceb.methods.uce import UCE


@dataclass(frozen=True)
class Nudge(UCE):
    card = replace(UCE.card, name="nudge")
"""
LISTS = 'methods = ["uce", "unedited"]\ntasks = ["aice"]\nnum_edits = [1, 10]\n'


@pytest.fixture
def parts():
    return SharedParts.of(find("mini"), Execution(device="cpu"))


def names(sweep: SweepAsk) -> list[str]:
    return [cell_name(ask) for ask in sweep.asks()]


# --- which cells, in which order


def test_cells_come_task_by_task_method_by_method_and_the_largest_count_first():
    sweep = SweepAsk(("unedited", "uce"), ("aice", "artists"), (1, 100, 10))
    assert names(sweep) == [
        f"{method} on {task}, {count}"
        for task in ("aice", "artists")
        for method in ("unedited", "uce")
        for count in ("100 edits", "10 edits", "1 edit")
    ]


def test_methods_without_a_recipe_run_once_with_their_own_settings():
    sweep = SweepAsk(("uce", "unedited"), ("aice",), (1,), ("published", "tuned"))
    assert names(sweep) == [
        "uce (published) on aice, 1 edit",
        "uce (tuned) on aice, 1 edit",
        "unedited on aice, 1 edit",
    ]


def test_a_recipe_that_another_package_ships_is_taken_as_in_a_single_run(tmp_path, monkeypatch, parts):
    recipes = tmp_path / "iceb_nudges" / "recipes" / "nudge"
    recipes.mkdir(parents=True)
    (tmp_path / "iceb_nudges" / "__init__.py").touch()
    (tmp_path / "iceb_nudges" / "method.py").write_text(NUDGE)
    (recipes / "aice.toml").write_text('how = "published: mine"\n\n[params]\nridge = 3.0\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    nudge = registry.Registered("methods", "nudge", "iceb-nudges", "1.0", "iceb_nudges.method:Nudge")
    registered = registry.entries_of
    monkeypatch.setattr(
        registry, "entries_of", lambda group: [*registered(group), *([nudge] if group == "methods" else [])]
    )
    sweep = SweepAsk(("nudge",), ("aice", "artists"), (1,), ("published", "tuned"))
    assert names(sweep) == [
        "nudge (published) on aice, 1 edit",
        "nudge (tuned) on aice, 1 edit",
        "nudge on artists, 1 edit",
    ]
    ask, *_ = sweep.asks()
    chosen = plan(ask, shared=parts).parts.method
    assert (chosen.part, chosen.params["ridge"]) == ("published", 3.0)


def test_settings_belong_to_their_method_and_the_rest_to_all():
    sweep = SweepAsk(
        ("uce", "unedited"), ("aice",), (1,), settings={"uce": {"ridge": 0.1}}, common={"limit": 4, "model": "mini"}
    )
    first, second = sweep.asks()
    assert (dict(first.settings), dict(second.settings)) == ({"ridge": 0.1}, {})
    assert (first.limit, second.limit) == (4, 4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"methods": ("uce", "uce")}, "`method` 'uce,uce': name one or more, each once"),
        ({"tasks": ()}, "`task` ''"),
        ({"num_edits": (0,)}, "`num_edits` 0"),
    ],
)
def test_lists_that_are_empty_or_name_one_twice_are_refused(changes, words):
    with pytest.raises(SpecError, match=words):
        SweepAsk(**{"methods": ("uce",), "tasks": ("aice",), "num_edits": (1,), **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"methods": ("emcdi",)}, "did you mean emcid"),
        ({"tasks": ("aise",)}, "did you mean aice"),
        ({"settings": {"uce": {"rige": 1}}}, "did you mean ridge"),
        ({"recipes": ("tuned", "no/such.toml")}, "cannot be read"),
    ],
)
def test_typing_errors_stop_everything_before_a_cell_is_planned(changes, words, parts, monkeypatch):
    monkeypatch.setattr(planning, "plan", lambda *_: pytest.fail("a cell was planned"))
    with pytest.raises(SpecError, match=words):
        plan_sweep(SweepAsk(**{"methods": ("uce",), "tasks": ("aice",), "num_edits": (1,), **changes}), parts)


# --- what is left out


def test_combinations_that_cannot_be_are_left_out_with_the_reason(parts):
    sweep = SweepAsk(("unedited", "prompt_swap"), ("debias", "nudity"), (5, 1000))
    planned = plan_sweep(sweep, parts, may_fetch=False)
    assert [cell.name for cell in planned.cells] == ["unedited on debias, 5 edits"]
    reasons = {each.name: each.reason for each in planned.left_out}
    assert "cannot balance" in reasons["prompt_swap on debias, 5 edits"]
    assert "choose 1 to" in reasons["unedited on debias, 1000 edits"]
    assert "its detector reads photographs only" in reasons["unedited on nudity, 5 edits"]
    (cell,) = planned.cells
    assert (cell.headline, cell.id.partition("-")[0]) == ("gender_delta", "debias/unedited/0005")


def test_a_sweep_of_which_nothing_is_left_is_an_error_with_the_first_reason(parts, monkeypatch):
    def refuse(ask, *_):
        raise (MethodError if ask.method == "uce" else NotInDataError)(f"{ask.method} cannot")

    monkeypatch.setattr(planning, "plan", refuse)
    with pytest.raises(SpecError, match="no combination of the sweep can run: uce cannot; and 1 other reason"):
        plan_sweep(SweepAsk(("uce", "unedited"), ("aice",), (1,)), parts)


def test_data_that_cannot_be_read_are_a_failure_and_never_left_out(parts, tmp_path, monkeypatch):
    real = planning.plan

    def without_artists(ask, *more):
        return real(replace(ask, data=str(tmp_path)) if ask.task == "artists" else ask, *more)

    monkeypatch.setattr(planning, "plan", without_artists)
    planned = plan_sweep(SweepAsk(("unedited",), ("artists", "aice"), (5, 100_000)), parts, may_fetch=False)
    assert [cell.name for cell in planned.cells] == ["unedited on aice, 5 edits"]
    assert [each.name for each in planned.left_out] == ["unedited on aice, 100000 edits"]
    assert [each.name for each in planned.failed] == [f"unedited on artists, {count} edits" for count in (100_000, 5)]
    assert all(" lacks " in each.reason for each in planned.failed)
    with pytest.raises(DataError, match=r"no combination of the sweep can run: .* lacks "):
        plan_sweep(SweepAsk(("unedited",), ("artists",), (5,)), parts, may_fetch=False)


def test_the_same_run_by_two_names_is_one_cell(parts, monkeypatch):
    monkeypatch.setattr(planning, "plan", lambda ask, *_: stand_in_plan("aice/uce/0001-00000000"))
    planned = plan_sweep(SweepAsk(("uce",), ("aice",), (1,), ("published", "tuned")), parts)
    assert [cell.name for cell in planned.cells] == ["uce (published) on aice, 1 edit"]
    assert planned.left_out[0].reason == "the same settings, so the same run, as uce (published) on aice, 1 edit"


def stand_in_plan(identity: str) -> SimpleNamespace:
    """A plan as far as a cell is made of it."""
    return SimpleNamespace(
        spec=SimpleNamespace(id=identity),
        parts=SimpleNamespace(
            scorer=SimpleNamespace(metrics=()),
            method=SimpleNamespace(part="published"),
            task=SimpleNamespace(headline="edit_score"),
        ),
    )


# --- cells that are carried out, each a stand-in


def cells(count: int) -> SweepPlan:
    asks = [Ask(task="aice", method="unedited", num_edits=number) for number in range(1, count + 1)]
    made = tuple(
        Cell(ask, f"aice/unedited/{ask.num_edits:04d}-00000000", "", "edit_score", frozenset()) for ask in asks
    )
    return SweepPlan(made, ())


@pytest.fixture
def stand_ins(monkeypatch, tmp_path):
    """Runs that only note their id and leave a file; those in `fails` raise what stands there."""
    made: list[str] = []
    fails: dict[str, BaseException] = {}

    def run(planned, out):
        if planned in fails:
            raise fails[planned]
        made.append(planned)
        (out / planned).mkdir(parents=True)
        return SimpleNamespace(status="complete", scores=()), out / planned / "result.json"

    def find_result(out, cell):
        return SimpleNamespace(status="complete") if (out / cell.id).is_dir() else None

    monkeypatch.setattr(carrying_out, "plan", lambda ask, **_: f"aice/unedited/{ask.num_edits:04d}-00000000")
    monkeypatch.setattr(carrying_out, "run", run)
    monkeypatch.setattr(carrying_out, "note_pace", lambda *_: None)
    monkeypatch.setattr(carrying_out, "finished_result", find_result)
    return SimpleNamespace(made=made, fails=fails, out=tmp_path / "runs")


class Copies:
    """A model that counts how often it was taken anew."""

    renewed = 0

    def renew(self) -> None:
        self.renewed += 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MethodError("method poison raised it"), "method poison raised it"),
        (SystemExit(3), "unexpected SystemExit: 3"),
        (ZeroDivisionError("division\nby zero"), "unexpected ZeroDivisionError: division by zero"),
        (RuntimeError("CUDA out of memory"), "out of memory: choose a smaller `images_per_pass`"),
        (MemoryError(), "out of memory"),
    ],
)
def test_a_failing_cell_is_one_line_and_the_others_get_a_fresh_model(stand_ins, error, words):
    planned, said, model = cells(3), [], Copies()
    stand_ins.fails[planned.cells[1].id] = error
    outcomes = Sweep(planned, model, stand_ins.out, said.append).carry_out()
    assert [each.made for each in outcomes] == ["made", "failed", "made"]
    assert words in outcomes[1].error
    assert "\n" not in outcomes[1].error
    assert [line for line in said if line.startswith("failed: unedited on aice, 2 edits: ")]
    assert model.renewed == 1


def test_a_sweep_that_was_stopped_makes_only_what_is_missing(stand_ins):
    planned = cells(6)
    for number in range(6):  # stopped at each cell in turn
        stand_ins.fails.clear()
        stand_ins.fails[planned.cells[number].id] = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            Sweep(planned, Copies(), stand_ins.out, lambda _: None).carry_out()
    stand_ins.fails.clear()
    outcomes = Sweep(planned, Copies(), stand_ins.out, lambda _: None).carry_out()
    assert [each.made for each in outcomes] == ["found"] * 5 + ["made"]
    assert stand_ins.made == [cell.id for cell in planned.cells]  # each once


def test_a_cell_that_another_sweep_works_on_comes_last_and_is_not_made_twice(stand_ins):
    planned, said = cells(3), []
    first, second, third = (cell.id for cell in planned.cells)
    held = cell_lock(stand_ins.out, first)
    assert held.__enter__()

    def tell(line: str) -> None:
        said.append(line)
        if line.startswith("waiting for another process: unedited on aice, 1 edit"):
            (stand_ins.out / first).mkdir(parents=True)  # the other one finishes it
            held.__exit__(None, None, None)

    outcomes = Sweep(planned, Copies(), stand_ins.out, tell).carry_out()
    assert stand_ins.made == [second, third]
    assert [each.made for each in outcomes] == ["found", "made", "made"]
    assert "another process works on it" in said[0]


# --- the file and the commands


def test_a_file_holds_what_the_options_say():
    text = f'{LISTS}recipes = ["published", "tuned"]\ndraws = 2\n[settings.uce]\nridge = 0.1\nretain = ["a cat"]\n'
    asked = sweep_ask(parse_sweep(text, "s.toml"), {"uce.keys": False}, {"repeats": Repeats()})
    assert (asked.methods, asked.tasks, asked.num_edits) == (("uce", "unedited"), ("aice",), (1, 10))
    assert asked.recipes == ("published", "tuned")
    assert asked.settings["uce"] == {"ridge": 0.1, "retain": ("a cat",), "keys": False}
    assert asked.common["repeats"] == Repeats(2, 1)


def test_a_file_holds_the_model_the_metrics_and_the_part_that_is_drawn():
    text = f'{LISTS}model = "sd14"\nmetrics = ["holdout_seen"]\nshare = 0.25\nbudget = "2h"'
    file = parse_sweep(text, "s.toml")
    assert file.budget == "2h"
    given = {"repeats": Repeats(), "model": "mini", "metrics": (), "limit": None, "share": None, "data": "upstream"}
    asked = sweep_ask(file, {}, given)
    assert asked.common == {**given, "model": "sd14", "metrics": ("holdout_seen",), "share": 0.25}
    assert sweep_ask(parse_sweep(f"{LISTS}limit = 4", "s.toml"), {}, given).common["limit"] == 4
    assert sweep_ask(parse_sweep(LISTS, "s.toml"), {}, {**given, "model": "sd15"}).common["model"] == "sd15"


def test_a_number_that_is_0_is_no_missing_one():
    given = {"repeats": Repeats(), "model": "mini", "limit": None, "share": None}
    asked = sweep_ask(parse_sweep(f"{LISTS}limit = 0\nshare = 1", "s.toml"), {}, given)
    assert (asked.common["limit"], asked.common["share"]) == (0, 1.0)  # refused as on the command line
    with pytest.raises(SpecError, match="draws"):
        sweep_ask(parse_sweep(f"{LISTS}draws = 0", "s.toml"), {}, given)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('model = "sd14"', {"model": "sd15"}),
        ('metrics = ["holdout_seen"]', {"metrics": ("holdout_unseen",)}),
        ("limit = 4", {"limit": 5}),
        ("share = 0.25", {"share": 0.5}),
    ],
)
def test_what_a_file_holds_is_not_given_on_the_command_line_too(text, given):
    (name,) = given
    with pytest.raises(SpecError, match=f"`{name}`: stands in the sweep's file as well: leave one of them out"):
        sweep_ask(parse_sweep(f"{LISTS}{text}", "s.toml"), {}, {"repeats": Repeats(), **given})


def test_a_budget_stands_in_the_file_or_on_the_command_line(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text(f'{LISTS}budget = "2h"', encoding="utf-8")
    assert Asked(sweep=file).matrix(None).budget == "2h"
    with pytest.raises(SpecError, match="`budget`: stands in the sweep's file as well"):
        Asked(sweep=file, budget="1h").matrix(None)
    file.write_text(LISTS, encoding="utf-8")
    assert Asked(sweep=file, budget="1h").matrix(None).budget == "1h"
    assert Asked(method="uce", task="aice", num_edits="1", budget="1h").matrix(None).budget == "1h"


def test_repetitions_stand_in_the_file_or_on_the_command_line_and_not_in_both():
    with pytest.raises(SpecError, match="`draws`: stands in the sweep's file as well"):
        sweep_ask(parse_sweep(f"{LISTS}draws = 2", "s.toml"), {}, {"repeats": Repeats(3)})
    asked = sweep_ask(parse_sweep(LISTS, "s.toml"), {}, {"repeats": Repeats(3)})
    assert asked.common["repeats"] == Repeats(3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'{LISTS}method = ["uce"]', "unknown key 'method': did you mean methods"),
        (f"{LISTS}recipe = 1", "did you mean recipes"),
        ('methods = ["uce"]', "lacks tasks, num_edits"),
        (LISTS.replace("[1, 10]", '["1"]'), "num_edits is .*: must be a list of whole numbers"),
        (LISTS.replace("[1, 10]", "[true]"), "must be a list of whole numbers"),
        (LISTS.replace('["aice"]', "[1]"), "must be a list of texts"),
        (f'{LISTS}draws = "2"', "draws is '2': must be a whole number"),
        (f'{LISTS}share = "a half"', "share is 'a half': must be a number"),
        (f"{LISTS}budget = 2", "budget is 2: must be a text"),
        (f"{LISTS}metrics = [1]", "metrics is .*: must be a list of texts"),
        (f"{LISTS}settings = 1", r"must be tables \[settings.METHOD\]"),
        (f"{LISTS}[settings.ucee]\nridge = 1", "unknown method of the sweep 'ucee': did you mean uce"),
        (f"{LISTS}[settings.uce]\nridge = {{a = 1}}", "settings.uce.ridge is .*: must be a number"),
        (f"{LISTS}[settings]\nuce = 1", r"must be tables \[settings.METHOD\]"),
        ("methods = [", "not TOML"),
    ],
)
def test_a_file_that_is_wrong_says_where(text, words):
    with pytest.raises(SpecError, match=words) as refusal:
        parse_sweep(text, "s.toml")
    assert str(refusal.value).startswith("s.toml: ")


def test_a_single_text_or_number_is_a_list_of_one():
    found = parse_sweep('methods = "uce"\ntasks = "aice"\nnum_edits = 5', "s.toml")
    assert (found.methods, found.tasks, found.num_edits) == (("uce",), ("aice",), (5,))


def test_lists_of_options_are_split_at_commas():
    assert split_list(" uce, emcid ,") == ("uce", "emcid")
    assert split_list("") == ()


def test_a_cells_command_names_what_is_not_the_default():
    ask = Ask("aice", "uce", 10, Repeats(3, 2), settings={"ridge": 1.0, "captions": "big.txt"})
    assert " ".join(cell_command(ask)) == (
        "iceb evaluate --method uce --task aice --num-edits 10 --set ridge=1.0 --set captions=big.txt "
        "--draws 3 --replicates 2"
    )


EVERY_OPTION = (
    "iceb evaluate --method uce --task aice --num-edits 10 --recipe tuned --set erase_scale=0.5 --model sd14 "
    "--data embedded --metric fid --metric source2dest --with preservation=5 --limit 4 --dtype float16 "
    "--scheduler ddim --steps 3 --device cpu --workers 2"
)


def test_every_field_of_a_cell_has_a_place_in_its_command():
    written = {"method", "task", "num_edits", "recipe", "settings", "repeats", "sampling", "execution", *OF_ALL}
    single = {"own", "checkpoint", "erases"}  # of one run, never of a sweep
    assert {each.name for each in fields(Ask)} == written | single | {"cache", "command"}
    assert {each.name for each in fields(Execution)} == set(OF_EXECUTION)


def test_the_command_line_reads_a_cells_command_as_the_cell(monkeypatch):
    """Whatever the sweep was asked for: each option is read back as the field that it was written from."""
    asked = []
    monkeypatch.setattr("iceb.cli.evaluate._evaluate", lambda ask, out, ray, **output: asked.append(ask))
    words = EVERY_OPTION.split()
    assert run(words[1:]) == 0
    (cell,) = SweepAsk(
        ("uce",),
        ("aice",),
        (10,),
        ("tuned",),
        {"uce": {"erase_scale": 0.5}},
        {
            "model": "sd14",
            "data": "embedded",
            "metrics": ("fid", "source2dest"),
            "limit": 4,
            "with_tasks": ("preservation=5",),
            "dtype": "float16",
            "sampling": {"scheduler": "ddim", "steps": 3},
            "execution": Execution(device="cpu", workers=2),
            "cache": Path("somewhere"),
        },
    ).asks()
    assert cell.command == tuple(words)
    assert asked == [replace(cell, command=None, cache=None)]


@pytest.mark.parametrize("value", ["big.txt", "true", "null", "1.5", "[1]", " x ", 'a "b"', 3, 0.5, True, None])
def test_a_setting_is_read_back_as_the_value_that_it_was(value):
    words = cell_command(Ask("aice", "uce", 10, settings={"x": value}))
    assert settings([words[words.index("--set") + 1]]) == {"x": value}


def test_a_cells_command_names_the_whole_share():
    share = 0.123456789
    words = cell_command(Ask("aice", "uce", 10, share=share))
    assert float(words[words.index("--share") + 1]) == share
