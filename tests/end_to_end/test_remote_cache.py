"""Machines with one cache in an object store: bytes and scores of one process, and nothing is drawn twice."""

import json
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
import toy

from iceb.base.cache import cache_root
from iceb.cli.main import run as run_command
from iceb.running.plan import Ask
from iceb.running.run_folder import run
from iceb.running.workers.plan_file import PlannedRun, read_plan, write_plan
from iceb.running.workers.shares import ShareRun
from iceb.runs.folder import read_result
from iceb.specs.shards import Shard
from iceb.stores import remote_files

IMAGES = 96  # of the toy run, both sides


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that gives a machine's local layer of a URL."""
    monkeypatch.setattr(remote_files, "RENEWED", -1.0)

    def layer(name, url):
        monkeypatch.setenv("ICEB_CACHE", str(tmp_path / name))
        return cache_root(url)

    return layer


def images_in(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (cache / "images").rglob("*.png")}


@pytest.mark.parametrize("protocol", ["file", "memory"])
def test_shares_of_two_machines_are_one_run(tiny_sd_folder, tmp_path, drawn_once, machine, protocol):
    url = f"file://{tmp_path}/shared" if protocol == "file" else f"memory://{uuid4().hex}"
    first, second, third = (machine(name, url) for name in "abc")
    drawn = [
        ShareRun(toy.make_plan(tiny_sd_folder, cache), Shard(index, 2)).make()
        for index, cache in enumerate((first, second))
    ]
    assert sum(drawn) == IMAGES
    assert all(drawn)
    assert images_in(first).keys().isdisjoint(images_in(second))
    plan = toy.make_plan(tiny_sd_folder, third)
    result, path = run(plan, tmp_path / "out")
    assert (result.cost.images_drawn, plan.parts.scorer.measures["imagenet_classifier"].seen) == (0, [])
    (once,) = (drawn_once.parent / "out").rglob("result.json")
    assert read_result(path).scores == read_result(once).scores
    system, base = fsspec.url_to_fs(url)
    there = {name.rpartition("/")[2]: system.cat_file(name) for name in system.find(f"{base}/images")}
    assert there == images_in(drawn_once)
    assert {**images_in(first), **images_in(second)} == there


def test_a_damaged_image_there_is_drawn_again_and_replaced(tiny_sd_folder, tmp_path, drawn_once, machine):
    url = f"file://{tmp_path}/shared"
    first, second = machine("a", url), machine("b", url)
    ShareRun(toy.make_plan(tiny_sd_folder, first), Shard(0, 2)).make()
    spoiled = sorted((tmp_path / "shared" / "images").rglob("*.png"))[0]
    spoiled.write_bytes(spoiled.read_bytes()[:-30])
    for rows in (tmp_path / "shared" / "measured").rglob("*.pack"):
        rows.unlink()  # so that all images are read
    result, _ = run(toy.make_plan(tiny_sd_folder, second), tmp_path / "out")
    assert result.status == "complete"
    assert images_in(tmp_path / "shared") == images_in(drawn_once)


def test_a_plan_names_the_url_and_each_machine_has_a_layer_of_its_own(tmp_path, monkeypatch, machine):
    first = machine("a", "memory://bucket/iceb")
    for named in (Path("memory://bucket/iceb"), first):
        path = write_plan([PlannedRun("x", Ask("aice", "uce", 1, cache=named))], tmp_path / "runs")
        assert json.loads(path.read_text())["runs"][0]["ask"]["cache"] == "memory://bucket/iceb"
    monkeypatch.setenv("ICEB_CACHE", str(tmp_path / "b"))
    layer = cache_root(read_plan(path).runs[0].ask.cache)
    assert (layer.parent, layer.name) == (tmp_path / "b" / "remote", first.name)


def test_the_command_line_says_what_it_does_not_touch_and_what_it_does_not_know(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ICEB_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run_command(["cache", "--cache", "memory://bucket/iceb"]) == 0
    assert "local layer of memory://bucket/iceb" in capsys.readouterr().out
    asked = ["evaluate", "--method", "uce", "--task", "aice", "--num-edits", "1", "--dry-run"]
    assert run_command([*asked, "--cache", "nosuch://bucket/iceb"]) == 2
    assert "--cache nosuch://bucket/iceb: fsspec cannot open it" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
