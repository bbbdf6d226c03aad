"""Files are whole or absent, the first writer wins, and the system's refusals become one clear line."""

import errno
import os

import pytest

from iceb.base.errors import StoreError
from iceb.base.files import content_path, new_folder, publish, write_atomic

KEY = "ab" * 32


def test_write_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["b.json"]


def test_the_first_publisher_wins_and_the_second_learns_it(tmp_path):
    path = content_path(tmp_path, KEY, ".pack")
    assert publish(path, b"first") is True
    assert publish(path, b"second") is False
    assert path.read_bytes() == b"first"
    assert os.listdir(path.parent) == [f"{KEY}.pack"]


@pytest.mark.parametrize(
    "key",
    ["abcdef", "AB" * 32, "ab" * 33, "ab" * 32 + "\n", "../victim/photo", f"../{'a' * 61}", "", None, 7, "x" * 9999],
)
def test_only_64_hexadecimal_digits_become_a_path(tmp_path, key):
    with pytest.raises(StoreError, match="is not a key: must be 64 lower-case hexadecimal digits") as refusal:
        content_path(tmp_path, key, ".png")
    assert len(str(refusal.value)) < 150


@pytest.mark.parametrize("code", [errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, None])
def test_publish_works_where_hard_links_do_not(tmp_path, monkeypatch, code):
    def no_links(*_):
        raise OSError(code, "Operation not permitted")

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


@pytest.mark.parametrize("name", ["n" * 300, "nul\0byte", "lone\udcff\ud800surrogate"])
def test_a_name_that_no_file_can_have_is_one_short_line(tmp_path, name):
    for write in (write_atomic, publish):
        with pytest.raises(StoreError, match=r"name") as refusal:
            write(tmp_path / name / "x", b"data")
        assert len(str(refusal.value)) < 400
    with pytest.raises(StoreError, match=r"name"), new_folder(tmp_path / name):
        pass
    assert os.listdir(tmp_path) == []


def test_a_new_folder_takes_the_place_of_an_empty_one(tmp_path):
    (tmp_path / "a").mkdir()
    with new_folder(tmp_path / "a") as folder:
        (folder / "one").write_bytes(b"1")
    assert os.listdir(tmp_path / "a") == ["one"]


def test_a_new_folder_stands_whole_and_everybody_may_read_it(tmp_path):
    with new_folder(tmp_path / "a" / "b") as folder:
        (folder / "one").write_bytes(b"1")
        os.chmod(folder / "one", 0o600)
        assert not (tmp_path / "a" / "b").exists()
    assert os.listdir(tmp_path / "a") == ["b"]
    assert (tmp_path / "a" / "b" / "one").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_new_folder_leaves_nothing_when_filling_it_fails(tmp_path, failure):
    def fill() -> None:
        with new_folder(tmp_path / "a") as folder:
            (folder / "one").write_bytes(b"1")
            raise failure

    with pytest.raises(failure):
        fill()
    assert os.listdir(tmp_path) == []


def test_a_new_folder_never_takes_the_place_of_another(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine").write_bytes(b"1")
    begun = False
    with pytest.raises(StoreError, match="exists already: remove it"), new_folder(tmp_path / "a"):
        begun = True
    assert not begun
    assert os.listdir(tmp_path / "a") == ["mine"]
