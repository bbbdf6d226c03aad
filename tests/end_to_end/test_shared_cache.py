"""A cache that somebody else fills or owns: read-only, or written by two processes at once."""

import errno
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import pytest

from iceb.base.errors import StoreError
from iceb.running.evaluate import run
from iceb.running.ledger import read_ledger

TOY = Path(__file__).with_name("toy.py")


def load_toy():
    """The program beside this file, as a module."""
    found = importlib.util.spec_from_file_location("toy", TOY)
    module = importlib.util.module_from_spec(found)
    sys.modules["toy"] = module
    found.loader.exec_module(module)
    return module


toy = load_toy()


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


def test_a_read_only_cache_that_holds_everything_is_enough(tiny_sd_folder, tmp_path, read_only):
    cache = tmp_path / "cache"
    first, _ = run(toy.make_plan(tiny_sd_folder, cache), tmp_path / "one")
    before = content(cache)
    read_only(cache)
    again, path = run(toy.make_plan(tiny_sd_folder, cache), tmp_path / "two")
    assert again.scores == first.scores
    assert again.cost.images_drawn == 0
    assert content(cache) == before
    assert len(read_ledger(path.parent)) == 48


def test_a_cache_that_cannot_be_written_is_told_before_any_work(tiny_sd_folder, tmp_path, read_only):
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
