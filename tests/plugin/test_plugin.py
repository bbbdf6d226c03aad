"""A third party's package, really installed: its method, metric and task come in exactly like ours."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DECLARATION = {
    "sampling": {"scheduler": "ddim", "steps": 1, "guidance": 3.0, "height": 32, "width": 32},
    "measures": {"imagenet_classifier": "colour_classes"},
}


def iceb(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the installed plugin on the path."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, "-m", "iceb", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        cwd=site,
    )


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
    ("group", "name"), [("methods", "token_swap"), ("metrics", "flip_rate"), ("tasks", "aice_flips")]
)
def test_the_plugins_names_are_listed_with_their_package(site, group, name):
    done = iceb(site, "list", group, "--json")
    assert done.returncode == 0, done.stderr
    assert {"name": name, "from": "iceb-example 0.3.0"}.items() <= next(
        row for row in json.loads(done.stdout) if row["name"] == name
    ).items()


def test_the_plugins_method_is_shown_with_its_parameters(site):
    done = iceb(site, "show", "method", "iceb-example/token_swap")
    assert done.returncode == 0, done.stderr
    assert "iceb-example/token_swap 0.3.0" in done.stdout
    assert "strength = 1.0" in done.stdout


def test_a_plugin_that_cannot_be_imported_is_reported_and_disturbs_nobody(site):
    listed = iceb(site, "list", "methods")
    assert "unimportable" in listed.stdout
    shown = iceb(site, "show", "method", "unimportable")
    assert shown.returncode == 2
    assert len(shown.stderr.splitlines()) == 1
    assert "unimportable of iceb-example 0.3.0 cannot be imported" in shown.stderr


def test_the_plugins_method_task_metric_and_measure_are_evaluated(site, tiny_sd_folder, tmp_path):
    model = shutil.copytree(tiny_sd_folder, tmp_path / "model")
    (model / "iceb.json").write_text(json.dumps(DECLARATION))
    where = ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "runs"), "--device", "cpu"]
    what = ["--method", "iceb-example/token_swap", "--task", "aice_flips", "--num-edits", "1", "--limit", "2"]
    done = iceb(site, "evaluate", *what, *where, "--model", str(model), "--data", "embedded", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["method"]["package"] == "iceb-example"
    assert result["method"]["package_version"] == "0.3.0"
    assert {score["metric"]: score["measure"] for score in result["scores"]} == {
        "flip_rate": "colour_classes@1",
        "holdout_delta": "colour_classes@1",
    }
    assert result["model"]["edited_digest"] != [result["model"]["digest"]]
