"""Where the cache lies, how it is known, and that it can be written before work begins."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from iceb.base.cache import cache_root, is_cache, require_writable
from iceb.base.errors import SpecError, StoreError


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """Nothing names a cache but the home folder."""
    monkeypatch.delenv("ICEB_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_the_cache_is_the_named_one_then_the_environments_then_xdgs_then_below_home(monkeypatch, tmp_path):
    assert cache_root() == tmp_path / "home" / ".cache" / "iceb"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "iceb"
    monkeypatch.setenv("ICEB_CACHE", str(tmp_path / "env"))
    assert cache_root() == tmp_path / "env"
    assert cache_root(tmp_path / "named") == cache_root(str(tmp_path / "named")) == tmp_path / "named"
    monkeypatch.setenv("ICEB_CACHE", "~/own")
    assert cache_root() == tmp_path / "home" / "own"


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_an_empty_or_relative_xdg_folder_counts_as_none(monkeypatch, tmp_path, value):
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_root() == tmp_path / "home" / ".cache" / "iceb"


def test_a_name_that_no_folder_can_have_is_refused():
    with pytest.raises(SpecError, match="NUL"):
        cache_root("a\0b")


def test_a_folder_is_a_cache_once_it_was_written(tmp_path):
    assert not is_cache(tmp_path / "cache")
    require_writable(tmp_path / "cache")
    assert is_cache(tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == ["CACHEDIR.TAG"]


@pytest.mark.parametrize("content", [b"", b"Signature: 8a477f597d28d172789f06886806bc55\n# of another program\n"])
def test_the_cache_of_another_program_is_not_ours(tmp_path, content):
    (tmp_path / "CACHEDIR.TAG").write_bytes(content)
    assert not is_cache(tmp_path)
    assert not is_cache(tmp_path / "CACHEDIR.TAG")
    assert not is_cache(Path("a\0b"))


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(StoreError, match="the cache cannot be used: no permission to write"):
        require_writable(tmp_path)
