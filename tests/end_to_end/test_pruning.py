"""Pruning removes what no run refers to, and nothing that is not the cache's own; links lead to scratch folders."""

import json
import os
import shutil
from pathlib import Path

import pytest
import toy

from iceb.base.errors import ModelError
from iceb.cli.main import run as command
from iceb.running import pruning
from iceb.running.cache_use import known_folders, note
from iceb.running.plan import Ask
from iceb.running.run_folder import run
from iceb.running.scoring import registered_metric
from iceb.running.workers.plan_file import PlannedRun, write_plan
from iceb.stores import usage
from iceb.stores.own_files import stored_files


@pytest.fixture(scope="module")
def template(tiny_sd_folder, tmp_path_factory):
    """A cache with two runs, of one edit and of two."""
    folder = tmp_path_factory.mktemp("pruned")
    for num_edits in (1, 2):
        run(toy.make_plan(tiny_sd_folder, folder / "cache", num_edits=num_edits), folder / f"runs{num_edits}")
    shutil.rmtree(folder / "cache" / "runs")  # notes name this very folder
    return folder


@pytest.fixture
def place(template, tmp_path, monkeypatch):
    """A copy of it in the test's own folder, which is also the working directory."""
    for name in ("cache", "runs1", "runs2"):
        shutil.copytree(template / name, tmp_path / name)
    for name in ("runs1", "runs2"):
        note(tmp_path / "cache", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    stand_in(monkeypatch)
    return tmp_path


def stand_in(monkeypatch) -> None:
    """Toy runs name a measure that is not registered, and registered metrics as those of a package "tests"."""
    monkeypatch.setattr("iceb.running.rescore.used_measures", lambda *_: {"imagenet_classifier": toy.Corners()})
    monkeypatch.setattr(
        "iceb.running.cache_use.registered_metric", lambda name: registered_metric(name.rpartition("/")[2])
    )


def prune(*more: str, cache: str = "cache") -> int:
    return command(["cache", "--prune", "--cache", cache, "--older-than", "0", *more])


def empty(folder: Path) -> None:
    """Remove the runs of a folder, as somebody does who needs them no more."""
    shutil.rmtree(folder)
    folder.mkdir()


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def refusal(capsys, *more: str, cache: str = "cache") -> str:
    """The one line of a prune that must remove nothing."""
    before = files(Path())
    assert prune(*more, cache=cache) == 2
    assert files(Path()) == before
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_pruning_keeps_referenced_files_and_removes_those_of_a_removed_run(place, tiny_sd_folder, capsys):
    before = files(place / "cache")
    assert prune() == 0
    assert files(place / "cache") == before
    empty(place / "runs2")
    assert prune("--dry-run") == 0
    assert files(place / "cache") == before
    assert prune() == 0
    gone = before - files(place / "cache")
    assert {path.split("/")[0] for path in gone} == {"images", "measured"}
    plan = toy.make_plan(tiny_sd_folder, place / "cache", num_edits=1)
    assert not plan.has_work
    again, _ = run(plan, place / "again")
    assert again.cost.images_drawn == 0


def test_a_missing_run_folder_blocks_pruning_until_it_is_declared_gone(place, capsys):
    """It may lie on a disk that is not mounted now."""
    shutil.move(place / "runs2", place / "unmounted")
    line = refusal(capsys)
    assert f"1 folders of runs with this cache are not there ({place / 'runs2'})" in line
    assert "say --gone" in line
    before = files(place / "cache")
    assert prune("--gone", "--dry-run") == 0
    assert files(place / "cache") == before
    assert prune("--gone") == 0
    gone = before - files(place / "cache")
    assert {path.split("/")[0] for path in gone} == {"images", "measured", "runs"}
    assert prune() == 0


def test_scratch_and_texts_go_only_when_asked_for(place):
    empty(place / "runs2")
    scratch = {name for name in files(place / "cache") if name.startswith("scratch/")}
    assert prune() == 0
    assert scratch
    assert scratch <= files(place / "cache")
    assert prune("--scratch") == 0
    assert not scratch & files(place / "cache")


def test_young_files_stay(place):
    empty(place / "runs2")
    before = files(place / "cache")
    assert command(["cache", "--prune", "--cache", "cache"]) == 0
    assert files(place / "cache") == before


def test_a_folder_that_is_no_cache_is_refused(place, capsys):
    (place / "photos" / "images" / "ab").mkdir(parents=True)
    (place / "photos" / "images" / "ab" / f"{'ab' * 32}.png").write_bytes(b"mine")
    assert "is no cache that ICEB has written" in refusal(capsys, cache="photos")
    (place / "photos" / "CACHEDIR.TAG").write_bytes(b"Signature: 8a477f597d28d172789f06886806bc55\n# of another\n")
    assert "is no cache that ICEB has written" in refusal(capsys, cache="photos")
    assert "is no cache that ICEB has written" in refusal(capsys, cache="nothing")


@pytest.mark.parametrize("kind", ["images", "measured", "edits", "scratch", "texts", "images/pair", "measured/folder"])
def test_no_link_is_followed(place, kind):
    """A store, or a folder in it, that is a link to somebody's folder with files of just such names."""
    empty(place / "runs2")
    outside, key = place / "outside", "ab" * 32
    for name in (f"ab/{key}.png", f"{key}.png", f"{'ab' * 8}/ab/{key}.pack", f"ab/{key}.pack", f"ab/{key}.array"):
        (outside / name).parent.mkdir(parents=True, exist_ok=True)
        (outside / name).write_bytes(b"somebody's")
    (outside / ".partial-abc").write_bytes(b"somebody's")
    before = files(outside)
    store = place / "cache" / kind.split("/")[0]
    if "/" in kind:
        link = store / ("ab" if kind == "images/pair" else "ab" * 8)
        shutil.rmtree(link, ignore_errors=True)
        store.mkdir(exist_ok=True)
    else:
        shutil.rmtree(store, ignore_errors=True)
        link = store
    link.symlink_to(outside)
    assert prune("--scratch") == 0
    assert link.is_symlink()
    assert files(outside) == before


def test_links_among_the_files_stay_and_so_do_their_targets(place):
    photo = place / "photo.png"
    photo.write_bytes(b"somebody's")
    link = place / "cache" / "images" / "ab" / f"{'ab' * 32}.png"
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(photo)
    assert prune() == 0
    assert link.is_symlink()
    assert photo.read_bytes() == b"somebody's"


def test_pruning_removes_only_files_that_iceb_names(place):
    mine = [
        *("images/photo.png", "images/ab/photo.png", f"images/ab/{'ab' * 32}.jpg", f"images/AB/{'ab' * 32}.png"),
        *(f"images/{'ab' * 32}.png", f"scratch/ab/{'ab' * 32}.npy", "edits/notes.txt", ".partial", ".partial-a.txt"),
        *("data/aice/file.json", f"other/ab/{'ab' * 32}.png", f"images/ab/{'ab' * 31}.png", "images/.partial-x/file"),
    ]
    for name in mine:
        (place / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "cache" / name).write_bytes(b"mine")
    ours = [".partial-abc123", "images/.partial-x_1", "images/ab/.partial-y", "runs/ab/.partial-z", "pace/.partial-p"]
    for name in [*ours, f"images/ab/{'ab' * 32}.png"]:
        (place / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "cache" / name).write_bytes(b"unfinished, or referred to by nobody")
    before = files(place / "cache")
    assert prune("--scratch") == 0
    gone = before - files(place / "cache")
    assert {*ours, f"images/ab/{'ab' * 32}.png"} <= gone
    assert set(mine) <= files(place / "cache")


def test_a_failed_run_blocks_nothing_and_keeps_nothing(place, tiny_sd_folder, monkeypatch, capsys):
    def raise_error(*_):
        raise ModelError("no weights")  # a measure that fails on images alone ends no run

    monkeypatch.setattr(toy.Corners, "__call__", raise_error)
    monkeypatch.setattr(toy.Corners, "revision", "2")
    with pytest.raises(ModelError, match="no weights"):
        run(toy.make_plan(tiny_sd_folder, place / "cache", toy.Shake(2.0)), place / "runs1")
    monkeypatch.undo()
    monkeypatch.chdir(place)
    stand_in(monkeypatch)
    count = len(stored_files(place / "cache", ["images"]))
    assert prune() == 0
    assert len(stored_files(place / "cache", ["images"])) < count
    assert command(["cache", "--cache", "cache"]) == 0
    assert "unfinished" not in capsys.readouterr().out


def test_a_stopped_run_blocks_pruning(place, capsys):
    stopped = place / "runs1" / "toy" / "other"
    stopped.mkdir()
    (stopped / "plan.txt").write_text("planned")
    line = refusal(capsys)
    assert "1 runs or plans are unfinished and would lose their images" in line
    assert str(stopped) in line


def test_a_launched_plan_blocks_pruning_until_its_runs_have_results(place, capsys):
    """Its workers leave nothing but files in the cache, which no finished run refers to."""
    (result,) = (place / "runs2").rglob("result.json")
    runs = [
        PlannedRun(each, Ask("aice", "uce", 1))
        for each in ("toy/other", str(result.parent.relative_to(place / "runs2")))
    ]
    plan = write_plan(runs, place / "runs2")
    line = refusal(capsys)
    assert "1 runs or plans are unfinished and would lose their images" in line
    assert str(plan.parent) in line
    assert command(["cache", "--cache", "cache"]) == 0
    assert f"{plan.parent} is unfinished" in capsys.readouterr().out
    plan.write_text("{}")
    assert f"{plan}: no plan (it names no runs)" in refusal(capsys)
    assert write_plan(runs[1:], place / "runs2") != plan
    shutil.rmtree(plan.parent)
    assert prune() == 0


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("name", ["result.json", "images.jsonl"])
@pytest.mark.parametrize("harm", [damage, Path.unlink, lambda path: path.write_bytes(b"\xff\xfe")])
def test_a_run_that_cannot_be_read_is_named_and_stops_pruning(place, capsys, name, harm):
    (path,) = (place / "runs2").rglob(name)
    harm(path)
    line = refusal(capsys)
    assert str(path.parent) in line
    assert "unexpected" not in line


@pytest.mark.parametrize("key", ["../../photo", "AB" * 32, "", 7])
def test_a_run_that_names_no_keys_touches_nothing(place, capsys, key):
    (path,) = (place / "runs2").rglob("images.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["before"] = key
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert str(path) in refusal(capsys)


def test_runs_behind_links_are_found(place):
    """A folder of runs may be a link to a larger disk: its images must not go."""
    (place / "elsewhere").mkdir()
    shutil.move(place / "runs2" / "toy", place / "elsewhere" / "toy")
    (place / "runs2" / "toy").symlink_to(place / "elsewhere" / "toy")
    (place / "elsewhere" / "toy" / "loop").symlink_to(place / "elsewhere")
    before = files(place / "cache")
    assert prune() == 0
    assert files(place / "cache") == before


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"/somewhere/else", b"/" + b"x" * 400])
def test_a_damaged_note_stops_pruning_and_is_mended_by_the_next_run(place, capsys, content):
    for path in (place / "cache" / "runs").rglob("*.txt"):
        if path.read_text() == str(place / "runs2"):
            path.write_bytes(content)
            damaged = path
    assert known_folders(place / "cache") == [place / "runs1"]
    assert f"{damaged} named a folder of runs and is damaged" in refusal(capsys)
    note(place / "cache", place / "runs2")
    assert known_folders(place / "cache") == [place / "runs1", place / "runs2"]
    assert prune() == 0


def test_the_cache_may_be_named_through_a_link(place):
    (place / "link").symlink_to(place / "cache")
    empty(place / "runs2")
    before = files(place / "cache")
    assert prune(cache="link") == 0
    assert files(place / "cache") < before


def test_usage_counts_own_files_and_follows_no_link(place):
    before = {each.kind: each.files for each in usage(place / "cache")}
    assert before["images"] == len(list((place / "cache" / "images").rglob("*.png")))
    shutil.move(place / "cache" / "images", place / "images")
    (place / "cache" / "images").symlink_to(place / "images")
    (place / "cache" / "edits" / "mine.txt").write_bytes(b"mine")
    after = {each.kind: each.files for each in usage(place / "cache")}
    assert after == {**before, "images": 0}


def test_a_folder_that_became_a_link_since_it_was_listed_loses_nothing(place):
    (place / "outside").mkdir()
    found = stored_files(place / "cache", ["images"])
    victim = found[0].path
    shutil.move(victim.parent, place / "outside" / "ab")
    os.symlink(place / "outside" / "ab", victim.parent)
    pruning.remove(found[:1])
    assert (place / "outside" / "ab" / victim.name).is_file()
