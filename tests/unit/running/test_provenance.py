"""Provenance: the commit of the code itself, or nothing."""

import subprocess

import pytest
import torch

from iceb.runs.provenance import Origin, checkout, portable_command


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    checkout.cache_clear()
    package = tmp_path / "iceb"
    package.mkdir()
    (package / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_clean_checkout_has_a_commit(repository):
    commit, dirty = checkout(repository / "iceb")
    assert len(commit) == 40
    assert dirty is False


@pytest.mark.parametrize("file", ["iceb/__init__.py", "iceb/new.py"])
def test_changed_or_new_code_is_dirty(repository, file):
    (repository / file).write_text("x = 1")
    assert checkout(repository / "iceb")[1] is True


def test_files_beside_the_code_do_not_make_it_dirty(repository):
    (repository / "runs").mkdir()
    (repository / "runs" / "result.json").write_text("{}")
    assert checkout(repository / "iceb")[1] is False


def test_an_installed_package_inside_another_checkout_has_none(repository):
    installed = repository / "venv" / "iceb"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert checkout(installed) == (None, None)


def test_no_checkout_has_none(tmp_path):
    checkout.cache_clear()
    assert checkout(tmp_path / "iceb") == (None, None)


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        (["--out", "/data/runs", "--num-edits", "3"], ["--num-edits", "3"]),
        (["--out=/data/runs", "--cache=c", "--json"], ["--json"]),
        (["--cache"], []),
        (["--model", "/models/mine", "--recipe", "../r.toml"], ["--model", "mine", "--recipe", "r.toml"]),
        (["--data=~/aice", "--set", "captions=/home/me/c.txt"], ["--data=aice", "--set", "captions=c.txt"]),
        (["--set", "residual=output", "--data", "data/aice"], ["--set", "residual=output", "--data", "data/aice"]),
        (["--set", "template=a photo/drawing"], ["--set", "template=a photo/drawing"]),
    ],
)
def test_a_recorded_command_names_no_place_of_the_machine(typed, recorded):
    assert portable_command(["iceb", "evaluate", *typed]) == ["iceb", "evaluate", *recorded]


def test_an_origin_says_what_was_called_and_with_what():
    found = Origin.now(
        torch.device("cpu"), ("iceb", "evaluate", "--data", "my data", "--out", "my runs")
    ).to_provenance()
    assert found.command == "iceb evaluate --data 'my data'"
    assert {"torch", "diffusers", "numpy"} <= set(found.packages)
    assert found.started <= found.finished
    assert found.threads == torch.get_num_threads()
