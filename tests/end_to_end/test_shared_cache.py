"""A cache that somebody else fills or owns: read-only, or written by two processes at once."""

import errno
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
import toy

from iceb.base.errors import StoreError
from iceb.models.generator import shuffled_groups
from iceb.running.run_folder import run
from iceb.runs.folder import read_result
from iceb.runs.ledger import read_ledger

TOY = Path(toy.__file__)


def content(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file and folder."""
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in [folder, *folder.rglob("*")]}


@pytest.fixture
def read_only(monkeypatch):
    """From here on nothing below a folder can be written, as on a read-only file system."""
    real_file, real_folder = tempfile.mkstemp, os.mkdir

    def lock(folder: Path) -> None:
        def refuse(path) -> None:
            if Path(path).is_relative_to(folder):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        def make_file(*arguments, **options):
            refuse(options["dir"])
            return real_file(*arguments, **options)

        def make_folder(path, *arguments, **options):
            refuse(path)
            real_folder(path, *arguments, **options)

        monkeypatch.setattr(tempfile, "mkstemp", make_file)
        monkeypatch.setattr(os, "mkdir", make_folder)

    return lock


@pytest.mark.usefixtures("drawn_cache")
def test_a_read_only_cache_that_holds_everything_is_enough(tiny_sd_folder, tmp_path, read_only):
    cache = tmp_path / "cache"
    first, _ = run(toy.make_plan(tiny_sd_folder, cache), tmp_path / "one")
    before = content(cache)
    read_only(cache)
    again, path = run(toy.make_plan(tiny_sd_folder, cache), tmp_path / "two")
    assert again.scores == first.scores
    assert again.cost.images_drawn == 0
    assert content(cache) == before
    assert len(read_ledger(path.parent, again.images)) == 48


def test_an_unwritable_cache_is_reported_before_any_work(tiny_sd_folder, tmp_path, read_only):
    cache = tmp_path / "cache"
    run(toy.make_plan(tiny_sd_folder, cache, num_edits=1), tmp_path / "one")
    before = content(cache)
    read_only(cache)
    plan = toy.make_plan(tiny_sd_folder, cache, num_edits=2)
    with pytest.raises(StoreError, match="the cache cannot be used: no permission to write"):
        run(plan, tmp_path / "two")
    assert not plan.parts.bundle.is_loaded
    assert content(cache) == before


def test_a_plan_writes_nothing(tiny_sd_folder, tmp_path):
    cache = tmp_path / "cache"
    assert toy.make_plan(tiny_sd_folder, cache).lines()
    assert not cache.exists()
    run(toy.make_plan(tiny_sd_folder, cache), tmp_path / "out")
    victim = min((cache / "images").rglob("*.png"))
    victim.write_bytes(b"cut short")
    before = content(cache)
    assert any("before 1" in line or "after 1" in line for line in toy.make_plan(tiny_sd_folder, cache).lines())
    assert content(cache) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_two_processes_on_one_run_share_its_images(tiny_sd_folder, tmp_path, warm_python):
    """Each draws what is missing in an order of its own: in one order, both would draw all 96."""
    cache, out = tmp_path / "cache", tmp_path / "out"
    command = [warm_python, str(TOY), str(tiny_sd_folder), str(cache), str(out), "2", "at-once"]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    one, other = (read_result(path) for path in sorted(out.rglob("result.json")))
    assert one.scores == other.scores
    drawn = [result.cost.images_drawn for result in (one, other)]
    assert len(list((cache / "images").rglob("*.png"))) == 96
    assert min(drawn) > 0
    assert 96 <= sum(drawn) < 96 + 32


def test_shuffled_groups_hold_every_image_once():
    keys = [str(number) for number in range(50)]
    orders = [shuffled_groups(keys, 8) for _ in range(5)]
    for order in orders:
        assert sorted(key for group in order for key in group) == sorted(keys)
        assert all(keys[keys.index(group[0]) :][: len(group)] == group for group in order)
    assert len({tuple(map(tuple, order)) for order in orders}) > 1
