"""The light commands: what they print, and that every mistake is one line on stderr with the right exit code."""

import json
import shutil
from pathlib import Path

import pytest
import typer

from iceb.cli import main as command
from iceb.cli.grouped_help import HEADINGS
from iceb.cli.interrupts import Stopped
from iceb.cli.left_out import left_out_lines
from iceb.cli.main import app, run
from iceb.report.site.read_runs import LeftOut

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "result.json"


def error_line(capsys, *arguments: str, code: int = 2) -> str:
    """The single line on stderr of a command that must fail."""
    assert run(arguments) == code
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("iceb: ")
    assert "Traceback" not in lines[0]
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lisst"], "Did you mean 'list'"),
        (["list", "sorts"], "unknown kind of thing 'sorts': choose one of datasets, m"),
        (["list", "methods", "--jsn"], "--json"),
        (["show", "method", "emcdi"], "did you mean emcid"),
        (["show", "task", "aise"], "did you mean aice"),
        (["show", "metric", "hold_delta"], "did you mean holdout_delta"),
        (["show", "dataset", "acie"], "did you mean aice"),
        (["show", "dataset", "aicee"], "(iceb list datasets shows all)"),
        (["list", "data"], "did you mean datasets"),
        (["list", "method"], "did you mean methods"),
        (["show", "data", "aice"], "did you mean dataset"),
        (["show", "methods", "x"], "did you mean method"),
        (["show", "result"], "needs a name: iceb runs shows them"),
        (["show", "method"], "needs a name"),
        (["show", "result", "no/such/file.json"], "cannot be read"),
        (["show", "result", str(ROOT / "pyproject.toml")], "not JSON"),
        (["data", "fetch", "aise"], "did you mean aice"),
        (["data", "ftch", "aice"], "Did you mean 'fetch'"),
        (["leaderboard", "--check", "--add", str(FIXTURE)], "choose one"),
        (["leaderboard", "aise"], "did you mean aice"),
        (["leaderboard", "aice", "other"], "name one task"),
        (["leaderboard", "--add", "no/such/*.json"], "no file or folder fits"),
        (["leaderboard", "--folder", "no/such/folder"], "is not a folder"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_exit_code_two(capsys, arguments, words):
    assert words in error_line(capsys, *arguments)


def test_listing_as_json_is_json(capsys):
    assert run(["list", "tasks", "--json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert "aice" in names


def test_showing_a_result_prints_its_scores_and_its_notes(capsys):
    assert run(["show", "result", str(FIXTURE)]) == 0
    text = capsys.readouterr().out
    assert "+0.250 ± 0.010" in text
    assert "no alias prompts" in text


def test_showing_a_result_prints_its_recipe_with_digest_and_reason(capsys, tmp_path):
    document = json.loads(FIXTURE.read_text(encoding="utf-8"))
    document["method"] |= {"recipe": "mine.toml", "recipe_sha256": "ab" * 32, "recipe_how": "tuned on [ten]"}
    (tmp_path / "result.json").write_text(json.dumps(document), encoding="utf-8")
    assert run(["show", "result", str(tmp_path)]) == 0
    assert "recipe mine.toml (sha256 abababab: tuned on [ten])\n" in capsys.readouterr().out


def test_a_result_is_shown_by_its_runs_folder_too(capsys, tmp_path):
    (tmp_path / "result.json").write_bytes(FIXTURE.read_bytes())
    assert run(["show", "result", str(tmp_path)]) == 0
    assert "no alias prompts" in capsys.readouterr().out


def test_showing_a_method_prints_every_parameter_with_its_meaning_in_80_columns(capsys):
    from iceb.registry import load
    from iceb.report.settings_docs import settings_of

    assert run(["show", "method", "uce"]) == 0
    text = capsys.readouterr().out
    settings = settings_of(load("methods", "uce"))
    assert len(settings) > 5
    assert all(f"    {setting.name} = {setting.default}\n        " in text for setting in settings)
    assert "    technique = 'replace'\n        One of replace, tensor. " in text
    assert all(setting.meaning in " ".join(text.split()) for setting in settings)
    assert max(map(len, text.splitlines())) <= 80


def test_showing_a_metric_says_in_words_what_it_reads_and_computes(capsys):
    assert run(["show", "metric", "dest_forget"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "value: holdout (before − after), mean over images" in lines
    assert "class: the concept's own" in lines
    assert "better: lower" in lines
    assert "images of holdout prompts tagged" in " ".join(lines)
    assert "Need(" not in " ".join(lines)


@pytest.fixture
def no_data(monkeypatch):
    """No folder of upstream files in the environment."""
    monkeypatch.delenv("ICEB_DATA", raising=False)


def test_verifying_a_dataset_says_what_is_missing_and_what_to_do(capsys, tmp_path, no_data):
    assert run(["data", "verify", "aice", "--cache", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert len(lines) == 3
    assert all("iceb data fetch aice" in line for line in lines)
    assert captured.err == (
        "iceb: not as declared: aice, edits (absent); aice, holdout (absent); aice, labels (absent)\n"
    )


def test_verifying_all_datasets_takes_what_nobody_fetched_for_no_fault(capsys, tmp_path, no_data):
    assert run(["data", "verify", "--cache", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("aice: edits is not here") for line in lines)
    assert any(line.startswith("aice_embedded: edits is here") for line in lines)


def test_every_dataset_is_listed_with_licence_place_and_size(capsys, tmp_path, no_data):
    assert run(["data", "list", "--cache", str(tmp_path), "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["aice"]["licence"], rows["aice"]["where"], rows["aice"]["size"]) == ("MIT", "not here", None)
    assert rows["aice_embedded"]["where"] == "ships with iceb"
    assert rows["aice_embedded"]["size"] > 100_000
    assert run(["data", "list", "--cache", str(tmp_path)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(rows)


def test_a_dataset_is_shown_with_declaration_counts_and_first_rows(capsys, tmp_path, no_data):
    assert run(["data", "show", "aice_embedded", "--rows", "2"]) == 0
    shown = capsys.readouterr().out
    assert "licence: Apache-2.0\n" in shown
    assert "  requests: 300\n" in shown
    assert shown.count('    {"class name"') == 4  # two rows of each list
    assert max(map(len, shown.splitlines())) <= 100
    assert run(["data", "show", "aice", "--cache", str(tmp_path)]) == 0
    assert "edits is not here" in capsys.readouterr().out


def test_verifying_a_dataset_sees_a_damaged_file(capsys, tmp_path, no_data):
    from iceb.datasets.cards import load_card
    from iceb.datasets.locate import cache_folder

    card = load_card("aice")
    path = cache_folder(card, tmp_path) / card.files["edits"].path
    path.parent.mkdir(parents=True)
    path.write_text("[")
    assert run(["data", "verify", "--cache", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "edits is not the declared file" in captured.out
    assert captured.err == "iceb: not as declared: aice, edits (changed)\n"


def test_fetching_into_a_place_that_is_a_file_is_refused(capsys, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("")
    assert "taken" in error_line(capsys, "data", "fetch", "aice", "--cache", str(taken))


def test_adding_and_checking_a_leaderboard(capsys, tmp_path):
    assert run(["leaderboard", "--add", str(FIXTURE), "--folder", str(tmp_path)]) == 0
    capsys.readouterr()
    assert run(["leaderboard", "--check", "--folder", str(tmp_path)]) == 0
    assert "2 scores of 1 result follow from the tables beside them; 1 page" in capsys.readouterr().out
    page = tmp_path / "aice.md"
    page.write_text(page.read_text().replace("0.250", "0.950"))
    assert "differs from its results" in error_line(capsys, "leaderboard", "--check", "--folder", str(tmp_path), code=1)


def test_a_folder_that_is_named_is_made_and_its_pages_have_no_dead_link(capsys, tmp_path):
    board = tmp_path / "board"
    assert run(["leaderboard", "--add", str(FIXTURE), "--folder", str(board)]) == 0
    assert [path.name for path in board.glob("*.md")] == ["aice.md"]
    assert "](../" not in (board / "aice.md").read_text(encoding="utf-8")
    assert "Benchmarks time edits on their own" in (board / "aice.md").read_text(encoding="utf-8")


def test_a_folder_that_is_not_named_is_not_made(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "is not a folder" in error_line(capsys, "leaderboard", "--add", str(FIXTURE))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_new_folder_whose_result_is_refused(capsys, tmp_path):
    (tmp_path / "wrong.json").write_text("{}", encoding="utf-8")
    error_line(capsys, "leaderboard", "--add", str(tmp_path / "wrong.json"), "--folder", str(tmp_path / "board"))
    assert not (tmp_path / "board").exists()


def test_a_forged_score_is_refused_by_the_check_in_one_line(capsys, tmp_path):
    (tmp_path / "results").mkdir()
    assert run(["leaderboard", "--add", str(FIXTURE), "--folder", str(tmp_path)]) == 0
    capsys.readouterr()
    (path,) = (tmp_path / "results").rglob("*.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    document["scores"][0]["value"] = 0.495
    path.write_text(json.dumps(document), encoding="utf-8")
    line = error_line(capsys, "leaderboard", "--check", "--folder", str(tmp_path))
    assert f"{path}: metric edit_score: value is 0.495, the table makes 0.25" in line


@pytest.mark.parametrize("named", [["one", "two"], ["one", "--add", "two"], ["*"]], ids=" ".join)
def test_add_takes_many_paths_and_patterns(capsys, tmp_path, monkeypatch, named):
    """As a shell hands them over: `--add runs/*/result.json` gives one option and further arguments."""
    monkeypatch.chdir(tmp_path)
    document = json.loads(FIXTURE.read_text(encoding="utf-8"))
    runs = {"one": {}, "two": {"status": "partial", "limit": 3, "id": "aice/emcid/0010-00000000"}}
    for name, change in runs.items():
        folder = tmp_path / "runs" / name
        shutil.copytree(FIXTURE.parent, folder, ignore=shutil.ignore_patterns("*.md"))
        (folder / "result.json").write_text(json.dumps(document | change), encoding="utf-8")
    (tmp_path / "leaderboards" / "results").mkdir(parents=True)
    arguments = [f"runs/{name}/result.json" if name[0] != "-" else name for name in named]
    assert run(["leaderboard", "--add", *arguments]) == 0
    said = capsys.readouterr().out
    assert "skipped runs/two/result.json: the run is partial" in said
    assert f"added leaderboards/results/{document['id']}.json" in said
    assert run(["leaderboard", "--check"]) == 0


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on: iceb list tasks"),
        (Stopped(), 75, "stopped after a whole pass; the same command goes on: iceb list tasks"),
        (RuntimeError("CUDA out of memory.\nTried 2 GB"), 1, "--images-per-pass or --concepts-at-once"),
        (ZeroDivisionError("division by zero"), 1, "unexpected ZeroDivisionError"),
    ],
)
def test_what_nobody_foresaw_is_still_one_line(capsys, monkeypatch, error, code, words):
    def raise_error(_):
        raise error

    monkeypatch.setattr(command.listing, "_rows", raise_error)
    assert words in error_line(capsys, "list", "tasks", code=code)


def test_the_traceback_can_be_asked_for(monkeypatch):
    def raise_error(_):
        raise ZeroDivisionError

    monkeypatch.setattr(command.listing, "_rows", raise_error)
    monkeypatch.setenv("ICEB_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run(["list", "tasks"])


@pytest.mark.parametrize("group", [[], ["check"], ["data"]])
def test_help_cuts_no_first_sentence(capsys, monkeypatch, group):
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*group, "--help"]) == 0
    _, found = capsys.readouterr().out.split("Commands:")
    assert [line for line in found.splitlines() if line.endswith(("...", "…"))] == []


def test_help_begins_with_a_command_to_copy(capsys):
    assert run(["--help"]) == 0
    assert capsys.readouterr().out.rstrip().splitlines()[-1].strip().startswith("Start: iceb evaluate --method emcid")


def test_the_help_of_evaluate_groups_its_options(capsys):
    assert run(["evaluate", "--help"]) == 0
    found = capsys.readouterr().out
    places = [found.index(f"\n{heading}:\n") for heading in HEADINGS]
    assert places == sorted(places)
    assert "Needs --method (or --checkpoint), and --task with --num-edits" in found


def test_no_help_shows_a_type_of_python_as_what_to_type():
    assert [
        name for name, option in every_option(typer.main.get_command(app)) if option.multiple and not option.metavar
    ] == []


def every_option(command, name="iceb"):
    """Every option of a command and of its subcommands, with the command's words."""
    yield from ((f"{name} {each.opts[0]}", each) for each in command.params if hasattr(each, "multiple"))
    for word, below in getattr(command, "commands", {}).items():
        yield from every_option(below, f"{name} {word}")


def test_runs_left_out_beyond_the_first_are_counted():
    left = [LeftOut(Path(f"run{number}"), "is no run") for number in range(8)]
    lines = list(left_out_lines(left, ", listed on the page"))
    assert lines[:2] == ["left out run0: is no run", "left out run1: is no run"]
    assert lines[5:] == ["left out 3 more runs, listed on the page"]
    assert list(left_out_lines(left[:5])) == lines[:5]
