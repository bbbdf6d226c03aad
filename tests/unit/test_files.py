"""Files are whole or absent, the first writer wins, and the system's refusals become one clear line."""

import errno
import os

import pytest

from iceb.base.errors import StoreError
from iceb.base.files import content_path, publish, write_atomic


def test_write_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["b.json"]


def test_the_first_publisher_wins_and_the_second_learns_it(tmp_path):
    path = content_path(tmp_path, "abcdef", ".npy")
    assert publish(path, b"first") is True
    assert publish(path, b"second") is False
    assert path.read_bytes() == b"first"
    assert os.listdir(path.parent) == ["abcdef.npy"]


def test_publish_works_where_hard_links_do_not(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "x"
    assert publish(path, b"first") is True
    assert publish(path, b"second") is False
    assert path.read_bytes() == b"first"


@pytest.mark.parametrize(
    ("code", "word"), [(errno.ENOSPC, "no space left"), (errno.EACCES, "no permission"), (errno.EROFS, "no permission")]
)
def test_a_refusal_of_the_system_says_what_to_do_and_leaves_no_fragment(tmp_path, monkeypatch, code, word):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match=word):
        write_atomic(tmp_path / "x", b"data")
    assert os.listdir(tmp_path) == []


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(StoreError, match="stands where a folder must be"):
        write_atomic(tmp_path / "taken" / "x", b"data")
