"""A third party's package, really installed: all that it registers comes in exactly like ours."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from iceb.base.digest import digest_file

HERE = Path(__file__).parent
DECLARATION = {
    "sampling": {"scheduler": "ddim", "steps": 1, "guidance": 3.0, "height": 32, "width": 32},
    "measures": {"imagenet_classifier": "colour_classes"},
}


Iceb: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def iceb(warm_python: Path) -> Iceb:
    """Run the command, in a process of its own, with an installed plugin on the path."""

    def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [warm_python, "-m", "iceb", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(site)}
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=site)

    return run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed plugin, built offline from a copy so that the checkout stays clean."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(
        HERE / "iceb-example", folder / "source", ignore=shutil.ignore_patterns("*.egg-info", "build")
    )
    target = folder / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    done = subprocess.run([*command, "--target", str(target), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("methods", "token_swap"),
        ("measures", "colour_words"),
        ("metrics", "repainted"),
        ("tasks", "repaint"),
    ],
)
def test_the_plugins_names_are_listed_with_their_package(iceb, site, group, name):
    done = iceb(site, "list", group, "--json")
    assert done.returncode == 0, done.stderr
    assert {"name": name, "from": "iceb-example 0.3.0"}.items() <= next(
        row for row in json.loads(done.stdout) if row["name"] == name
    ).items()


def test_the_plugins_method_is_shown_with_its_parameters(iceb, site):
    done = iceb(site, "show", "method", "iceb-example/token_swap")
    assert done.returncode == 0, done.stderr
    assert "iceb-example/token_swap 0.3.0" in done.stdout
    assert "strength = 1.0" in done.stdout


def test_a_plugin_that_cannot_be_imported_is_reported_and_disturbs_nobody(iceb, site):
    listed = iceb(site, "list", "methods")
    assert "unimportable" in listed.stdout
    shown = iceb(site, "show", "method", "unimportable")
    assert shown.returncode == 2
    assert len(shown.stderr.splitlines()) == 1
    assert "unimportable of iceb-example 0.3.0 cannot be imported" in shown.stderr


def test_the_plugins_dataset_is_listed_beside_ours_and_a_broken_one_stops_nothing(iceb, site):
    done = iceb(site, "list", "datasets", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row["from"] for row in json.loads(done.stdout)}
    assert rows["repaint"] == "package, Colours turned into others"
    assert rows["aice_embedded"].startswith("iceb, ")
    assert "unreadable of iceb-example 0.3.0 cannot be imported" in rows["unreadable"]


def test_the_plugins_dataset_is_shown_by_its_card(iceb, site):
    done = iceb(site, "show", "dataset", "iceb-example/repaint")
    assert done.returncode == 0, done.stderr
    assert "Three colour words to be turned into others" in done.stdout


def test_the_files_of_all_datasets_have_a_state(iceb, site):
    done = iceb(site, "data", "verify")
    assert done.returncode == 0, done.stderr
    assert f"repaint: rows is here ({site / 'iceb_example' / 'data' / 'repaint.json'})" in done.stdout.splitlines()
    assert any(line.startswith("aice_embedded: edits is here") for line in done.stdout.splitlines())
    assert any(line.startswith("unreadable: dataset unreadable of iceb-example") for line in done.stdout.splitlines())
    alone = iceb(site, "data", "verify", "unreadable")
    assert alone.returncode == 2
    assert len(alone.stderr.splitlines()) == 1


def test_a_damaged_file_of_the_plugins_dataset_is_named(iceb, site, tmp_path):
    other = shutil.copytree(site, tmp_path / "site")
    rows = other / "iceb_example" / "data" / "repaint.json"
    rows.write_text(rows.read_text() + " ")
    status = iceb(other, "data", "verify", "repaint").stdout
    assert f"rows is not the declared file ({rows}, sha256 {digest_file(rows)})" in status
    assert "put this digest into the card and raise its version, else reinstall the package" in status
    assert "fetch" not in status
    asked = ["evaluate", "--method", "unedited", "--task", "repaint", "--num-edits", "1", "--dry-run"]
    done = iceb(other, *asked, "--cache", str(tmp_path / "cache"))
    assert done.returncode == 2
    assert "is not the file that data card repaint declares" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_the_plugins_dataset_lacks_is_a_matter_of_the_package(iceb, site, tmp_path):
    other = shutil.copytree(site, tmp_path / "site")
    (other / "iceb_example" / "data" / "repaint.json").unlink()
    status = iceb(other, "data", "verify", "repaint").stdout
    assert "rows is not here" in status
    assert "reinstall the package that registers the dataset" in status
    assert "fetch" not in status


@pytest.mark.parametrize("command", ["evaluate", "check"])
def test_the_rows_of_a_named_folder_are_those_that_are_read(iceb, site, tmp_path, command):
    folder = shutil.copytree(site / "iceb_example" / "data", tmp_path / "rows")
    evaluate = ("evaluate", "--method", "unedited", "--task", "repaint", "--num-edits", "1", "--dry-run")
    what = evaluate if command == "evaluate" else ("check", "dataset", "repaint")
    asked = (*what, "--cache", str(tmp_path / "cache"))
    assert iceb(site, *asked, "--data", str(folder)).returncode == 0
    (folder / "repaint.json").write_text("{}")
    done = iceb(site, *asked, "--data", str(folder))
    assert done.returncode == (2 if command == "evaluate" else 1)
    assert str(folder / "repaint.json") in done.stdout + done.stderr
    refused = iceb(site, *asked, "--data", "upstream")
    assert "ship with its package" in " ".join((refused.stdout + refused.stderr).split())


REGISTERED = {
    "dataset": ["repaint"],
    "task": ["repaint", "aice_flips"],
    "measure": ["colour_classes", "colour_words"],
    "metric": ["repainted", "flip_rate"],
}


@pytest.mark.parametrize(("noun", "name"), [(noun, name) for noun, names in REGISTERED.items() for name in names])
def test_all_that_the_plugin_registers_keeps_what_it_promises(iceb, site, noun, name):
    done = iceb(site, "check", noun, f"iceb-example/{name}")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.count(", 0 failed, ") == 1


def test_a_part_that_cannot_be_imported_is_reported_in_its_line(iceb, site):
    done = iceb(site, "check", "dataset", "unreadable")
    assert done.returncode == 1
    assert "unreadable of iceb-example 0.3.0 cannot be imported" in done.stdout
    assert done.stderr == "iceb: dataset unreadable: 1 of 8 checks failed: registered and importable\n"


def evaluate_plugin(iceb, site, tmp_path, model, *what):
    """The result of a run with the plugin's method."""
    where = ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "runs"), "--device", "cpu"]
    done = iceb(site, "evaluate", "--method", "iceb-example/token_swap", *what, *where, "--model", str(model), "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def model(tiny_sd_folder, tmp_path_factory):
    """The tiny model; it names a measure for ImageNet's classes, and none for colour words."""
    folder = shutil.copytree(tiny_sd_folder, tmp_path_factory.mktemp("model") / "tiny")
    (folder / "iceb.json").write_text(json.dumps(DECLARATION))
    return folder


def test_all_that_the_plugin_registers_is_evaluated_together(iceb, site, model, tmp_path):
    """Its method on its task: its dataset's prompts, its measure by the name that its metrics ask for, its metrics."""
    result = evaluate_plugin(iceb, site, tmp_path, model, "--task", "repaint", "--num-edits", "3")
    assert result["status"] == "complete"
    assert result["id"].startswith("iceb-example.repaint/token_swap/0003-")
    assert (result["task"]["name"], result["task"]["dataset"]) == ("iceb-example/repaint", "iceb-example/repaint")
    assert (result["method"]["package"], result["method"]["package_version"]) == ("iceb-example", "0.3.0")
    scores = {score["metric"]: score for score in result["scores"]}
    assert set(scores) == {"repainted", "kept_colours"}
    for score in scores.values():
        assert score["package"] == "iceb-example"
        assert score["measures"]["colour_words"]["id"] == "colour_words@1"
        assert score["value"] is not None
    assert (scores["repainted"]["n"], scores["repainted"]["concepts"]) == (9, 3)
    assert (scores["kept_colours"]["n"], scores["kept_colours"]["concepts"]) == (12, 4)
    assert result["model"]["edited_digest"] != [result["model"]["digest"]]
    (plugin,) = result["plugins"]
    assert (plugin["package"], plugin["version"], len(plugin["code"])) == ("iceb-example", "0.3.0", 64)
    assert (plugin["commit"], plugin["dirty"]) == (None, None)
    used = ["dataset repaint", "measure colour_words", "method token_swap", "metric kept_colours", "metric repainted"]
    assert plugin["names"] == [*used, "task repaint"]

    (folder,) = (tmp_path / "runs").rglob("result.json")
    scored = iceb(site, "score", str(folder), "--cache", str(tmp_path / "cache"), "--json")
    assert scored.returncode == 0, scored.stderr
    assert [score["value"] for score in json.loads(scored.stdout)] == [score["value"] for score in result["scores"]]


def test_the_plugins_task_on_our_dataset_is_evaluated(iceb, site, model, tmp_path):
    what = ["--task", "aice_flips", "--num-edits", "1", "--limit", "2", "--data", "embedded"]
    result = evaluate_plugin(iceb, site, tmp_path, model, *what)
    assert (result["task"]["name"], result["task"]["dataset"]) == ("iceb-example/aice_flips", "aice_embedded")
    assert {score["metric"]: (score["package"], *score["measures"]) for score in result["scores"]} == {
        "flip_rate": ("iceb-example", "imagenet_classifier"),
        "holdout_delta": ("iceb", "imagenet_classifier"),
    }


def test_a_dataset_that_raises_anything_is_named_with_its_file_and_line(iceb, site, model, tmp_path):
    other = shutil.copytree(site, tmp_path / "site")
    code = other / "iceb_example" / "repaint.py"
    code.write_text(code.read_text().replace("return single_batch", "return 1 / 0 or single_batch"))
    asked = ["evaluate", "--method", "unedited", "--task", "repaint", "--num-edits", "1", "--model", str(model)]
    done = iceb(other, *asked, "--cache", str(tmp_path / "cache"), "--dry-run")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("iceb: dataset iceb-example/repaint raised ZeroDivisionError: division by zero")
    assert "iceb_example/repaint.py:" in line


def test_the_plugins_method_is_tuned_and_its_recipe_is_taken(iceb, site, tmp_path):
    """On mini itself, in small: trials, the same command again, a setting that there is not, a run with the recipe."""
    common = ["--num-edits", "2", "--limit", "3", "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "tuning")]
    asked = ["tune", "token_swap", "--set", "strength=0.5,1.0", *common]
    done = iceb(site, *asked)
    assert done.returncode == 0, done.stderr
    assert "best: trial " in done.stdout
    record = tmp_path / "tuning" / "iceb-example.token_swap.json"
    trials = json.loads(record.read_text(encoding="utf-8"))["trials"]
    assert [(each["what"], each["settings"]) for each in trials] == [
        ("own", {"strength": 1.0}),
        ("grid", {"strength": 0.5}),
    ]
    before = record.read_bytes()
    assert iceb(site, *asked).stdout == done.stdout
    assert record.read_bytes() == before
    refused = iceb(site, "tune", "token_swap", "--set", "strenght=1", *common)
    assert refused.returncode == 2
    assert "unknown setting of method token_swap 'strenght': did you mean strength" in refused.stderr
    run = ["evaluate", "--method", "token_swap", "--task", "aice", "--num-edits", "1", "--dry-run"]
    planned = iceb(site, *run, "--recipe", str(record.with_suffix(".toml")))
    assert planned.returncode == 0, planned.stderr
    assert "recipe iceb-example.token_swap.toml, tuned for mini" in planned.stdout
