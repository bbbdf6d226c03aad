"""Single requests to a URL: what fails is tried again, what hangs ends, and nothing unfinished is left."""

import time

import pytest
from fsspec.implementations.local import LocalFileSystem

from iceb.base import object_store
from iceb.base.errors import StoreError, UnreachableError
from tests.unit.stores.watched import Watched, there


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Attempts follow each other at once."""
    monkeypatch.setattr(object_store, "PAUSE", 0.0)


def test_a_request_is_tried_again_and_an_outage_is_one(url, monkeypatch):
    store = object_store.ObjectStore(url)
    monkeypatch.setattr(Watched, "failing", object_store.TRIES - 1)
    store.put("images/x", b"123")
    assert there(url) == {"images/x": b"123"}
    monkeypatch.setattr(Watched, "failing", object_store.TRIES)
    with pytest.raises(UnreachableError, match=r"cannot read .*images/x \(ConnectionError"):
        store.get("images/x")
    assert store.get("images/x") == b"123"


def test_a_request_that_hangs_ends_and_is_not_repeated(url, monkeypatch):
    monkeypatch.setattr(object_store, "LIMIT", 0.1)
    monkeypatch.setattr(Watched, "stalled", 1.0)
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="no answer within 0 seconds"):
        object_store.ObjectStore(url).put("images/x", b"123")
    assert time.monotonic() - began < 0.9
    assert Watched.asked == ["pipe"]


@pytest.mark.parametrize("step", ["pipe_file", "mv"])
def test_a_write_into_a_folder_that_fails_leaves_no_unfinished_file(tmp_path, monkeypatch, step):
    def fail(self, *_, **__):
        raise PermissionError("read-only")

    if step == "pipe_file":
        write = LocalFileSystem.pipe_file

        def fail(self, path, value, **options):
            write(self, path, value[:1], **options)
            raise PermissionError("no space for more")

    monkeypatch.setattr(LocalFileSystem, step, fail)
    with pytest.raises(StoreError, match="cannot write"):
        object_store.ObjectStore(f"file://{tmp_path}/place").put("images/x", b"123")
    assert [path for path in (tmp_path / "place").rglob("*") if path.is_file()] == []
