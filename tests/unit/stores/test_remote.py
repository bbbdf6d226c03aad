"""Caches that are named by a URL: several machines, a remote side that lies, breaks or is slow to ask."""

import shutil
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch

from iceb.base import object_store
from iceb.base.cache import cache_root, require_writable
from iceb.base.cache_url import cache_url
from iceb.base.digest import digest
from iceb.base.errors import SpecError, StoreError
from iceb.specs.methods import Edit
from iceb.stores import remote, remote_files, uploads
from iceb.stores.damage import take_damage
from iceb.stores.edits import EditStore, MadeEdit
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore
from iceb.stores.scratch import ScratchStore
from tests.unit.stores.watched import Watched, put_there, there

KEY, OTHER = digest("an image"), digest("another image")
PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing waits; listings are never old enough to be trusted."""
    monkeypatch.setattr(object_store, "PAUSE", 0.0)
    monkeypatch.setattr(remote_files, "RENEWED", -1.0)
    monkeypatch.setattr(uploads, "REST", 0.0)


@pytest.mark.parametrize("named", ["s3://", "s3:///", "simplecache::s3://bucket/x", "s3://a::file://b"])
def test_what_is_no_whole_url_is_refused(named):
    with pytest.raises(SpecError, match="cache"):
        cache_url(named)


def test_the_local_layer_lies_below_the_cache_that_has_no_url(tmp_path, monkeypatch):
    monkeypatch.setenv("ICEB_CACHE", str(tmp_path / "own"))
    layer = cache_root("s3://bucket/iceb")
    assert layer.parent == tmp_path / "own" / "remote"
    assert layer == cache_root(Path("s3://bucket/iceb/")) != cache_root("s3://bucket/other")
    monkeypatch.setenv("ICEB_CACHE", "s3://bucket/iceb")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "iceb" / "remote" / layer.name
    assert not (tmp_path / "own").exists()


def test_an_unknown_protocol_and_a_missing_package_are_one_line(machine):
    with pytest.raises(SpecError, match="`cache` nosuch://x/y: fsspec cannot open it"):
        require_writable(machine("a", "nosuch://x/y"))
    fsspec.register_implementation("absent", "absent_package.System", clobber=True, errtxt="Install absentfs")
    with pytest.raises(SpecError, match=r"not installed.*Install absentfs"):
        ImageStore(machine("a", "absent://x/y")).missing([KEY])


def test_what_one_machine_draws_another_reads(machine, url):
    first, second = machine("a", url), machine("b", url)
    ImageStore(first).save(KEY, PIXELS)
    remote.wait_for_uploads(first)
    store = ImageStore(second)
    assert store.missing([KEY, OTHER]) == [OTHER]
    assert np.array_equal(store.load(KEY), PIXELS)
    assert store.path(KEY).read_bytes() == ImageStore(first).path(KEY).read_bytes()
    assert not any((first / uploads.NOTES).iterdir())


def test_texts_notes_and_other_files_stay_on_the_machine(machine, url):
    cache = machine("a", url)
    require_writable(cache)
    scratch = ScratchStore(cache, {"method": "m"}, {})
    scratch.texts.publish(KEY, np.zeros((2, 2), np.float32))
    scratch.texts.flush()
    scratch.put({"of": 1}, np.ones(3))
    remote.wait_for_uploads(cache)
    assert {name.partition("/")[0] for name in there(url)} == {"CACHEDIR.TAG", "scratch"}


def test_thousands_of_keys_are_looked_for_with_one_request(machine, url, monkeypatch):
    monkeypatch.setattr(remote_files, "RENEWED", 60.0)
    cache = machine("a", url)
    keys = [digest(number) for number in range(12_000)]
    ImageStore(machine("b", url)).save(keys[5], PIXELS)
    remote.finish_uploads()
    Watched.asked.clear()
    store = ImageStore(cache)
    assert len(store.missing(keys)) == 11_999
    assert len(store.missing(keys[:8])) == 7
    assert Watched.asked == ["find"]


def test_a_pass_lists_only_the_folders_of_its_keys(machine, url):
    store = ImageStore(machine("a", url))
    keys = [digest(number) for number in range(8)]
    assert store.missing(keys) == keys
    assert Watched.asked == ["find"] * len({key[:2] for key in keys})


def test_rows_of_other_machines_are_not_measured_again(machine, url):
    first, second = machine("a", url), machine("b", url)
    keys = [digest(number) for number in range(300)]
    rows = np.arange(600, dtype=np.float32).reshape(300, 2)
    MeasuredStore(first).publish("m@1", "r", keys, rows)
    remote.finish_uploads()
    Watched.asked.clear()
    store = MeasuredStore(second)
    found = store.read("m@1", "r", keys)
    assert np.array_equal(np.stack([found[key] for key in keys]), rows)
    assert Watched.asked == ["find", *["cat"] * 3]
    assert (store.read("m@1", "another", keys), store.read("m@1", "r", keys[:2]).keys()) == ({}, set(keys[:2]))


def test_the_first_edit_stored_is_everybodys(machine, url):
    first, second = EditStore(machine("a", url)), EditStore(machine("b", url))
    made = [MadeEdit(Edit({"w": torch.full((2,), value)}), 1.0) for value in (1.0, 2.0)]
    first.publish(KEY, made[0])
    remote.finish_uploads()
    assert second.publish(KEY, made[1]).edit.weights["w"].tolist() == [1.0, 1.0]
    third = EditStore(machine("c", url))
    assert third.has(KEY)
    assert not third.has(OTHER)
    assert third.summary(KEY) is not None
    assert third.read(KEY).edit.weights["w"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("spoil", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: data[::-1]])
def test_a_damaged_remote_file_is_found_and_replaced(machine, url, spoil):
    first, second, third = (machine(name, url) for name in "abc")
    ImageStore(first).save(KEY, PIXELS)
    remote.finish_uploads()
    ((name, data),) = there(url).items()
    put_there(url, name, spoil(data))
    store = ImageStore(second)
    assert store.missing([KEY]) == []
    assert store.read(KEY) is None
    assert store.missing([KEY]) == [KEY]
    assert len(take_damage()) == 1
    store.save(KEY, PIXELS)
    remote.finish_uploads()
    assert there(url) == {name: data}
    assert store.missing([KEY]) == []
    assert np.array_equal(ImageStore(third).load(KEY), PIXELS)


def test_a_damaged_local_file_is_fetched_again(machine, url):
    store = ImageStore(machine("a", url))
    store.save(KEY, PIXELS)
    remote.finish_uploads()
    store.path(KEY).write_bytes(b"no image")
    assert np.array_equal(store.load(KEY), PIXELS)
    (damage,) = take_damage()
    assert "remade" in damage.line()


def test_a_file_that_is_gone_there_is_missing_again(machine, url):
    first, second = machine("a", url), ImageStore(machine("b", url))
    ImageStore(first).save(KEY, PIXELS)
    remote.finish_uploads()
    assert second.missing([KEY]) == []
    remote.remove_stored([ImageStore(first).path(KEY)])
    assert there(url) == {}
    assert second.read(KEY) is None
    assert second.missing([KEY]) == [KEY]


def test_uploads_that_fail_lose_nothing_and_say_what_to_do(machine, url, monkeypatch, caplog):
    cache = machine("a", url)
    monkeypatch.setattr(Watched, "broken", True)
    store = ImageStore(cache)
    for number in range(5):
        store.save(digest(number), PIXELS)
    with pytest.raises(StoreError, match=r"5 files could not be uploaded.*ConnectionError.*next run with this cache"):
        remote.wait_for_uploads(cache)
    assert len([line for line in caplog.messages if "tried again at the end" in line]) == 1
    assert all(store.path(digest(number)).is_file() for number in range(5))
    monkeypatch.setattr(Watched, "broken", False)
    monkeypatch.setattr(remote, "_opened", {})  # another process
    remote.wait_for_uploads(cache)
    assert len(there(url)) == 5
    assert not any((cache / uploads.NOTES).iterdir())


def test_what_a_killed_process_has_left_is_uploaded_by_the_next(machine, url, monkeypatch):
    cache = machine("a", url)
    with monkeypatch.context() as killed:
        killed.setattr(remote_files.Remote, "hand_over", lambda *_: None)
        ImageStore(cache).save(KEY, PIXELS)
    monkeypatch.setattr(remote, "_opened", {})
    assert there(url) == {}
    remote.wait_for_uploads(cache)
    assert there(url).keys() == {f"images/{KEY[:2]}/{KEY}.png"}


def test_an_edit_is_kept_here_when_the_url_cannot_be_reached(machine, url, monkeypatch):
    cache = machine("a", url)
    store = EditStore(cache)
    monkeypatch.setattr(Watched, "broken", True)
    store.publish(KEY, MadeEdit(Edit({"w": torch.ones(2)}), 1.0))
    assert store.path(KEY).is_file()
    with pytest.raises(StoreError, match=r"cannot list watched://.*run the same command again"):
        store.has(OTHER)
    with pytest.raises(StoreError, match="1 file could not be uploaded"):
        remote.wait_for_uploads(cache)


def test_a_cache_that_cannot_be_written_is_refused_before_any_work(machine, url, monkeypatch):
    monkeypatch.setattr(Watched, "broken", True)
    with pytest.raises(StoreError, match="the cache cannot be used: cannot write watched://"):
        require_writable(machine("a", url))


def test_a_file_that_was_damaged_before_its_upload_never_leaves(machine, url, monkeypatch):
    cache = machine("a", url)
    monkeypatch.setattr(Watched, "broken", True)
    store = ImageStore(cache)
    store.save(KEY, PIXELS)
    with pytest.raises(StoreError):
        remote.wait_for_uploads(cache)
    monkeypatch.setattr(Watched, "broken", False)
    store.path(KEY).write_bytes(store.path(KEY).read_bytes()[:-20])
    with pytest.raises(StoreError, match=r"not what was to be stored there: remove it"):
        remote.wait_for_uploads(cache)
    assert there(url) == {}
    assert store.read(KEY) is None  # found out, and drawn again
    store.save(KEY, PIXELS)
    remote.wait_for_uploads(cache)
    assert there(url).keys() == {f"images/{KEY[:2]}/{KEY}.png"}


@pytest.mark.parametrize("broken", [False, True])
def test_a_stop_waits_for_uploads_and_stays_a_stop(machine, url, monkeypatch, broken):
    cache = machine("a", url)
    monkeypatch.setattr(Watched, "broken", broken)

    def stop():
        with remote.uploads_finished(cache):
            ImageStore(cache).save(KEY, PIXELS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert len(there(url)) == (not broken)
    assert ImageStore(cache).path(KEY).is_file()


def test_a_large_file_is_uploaded_before_the_next_one_is_made(machine, url, monkeypatch):
    monkeypatch.setattr(uploads, "LARGE", 10)
    store = ImageStore(machine("a", url))
    store.save(KEY, PIXELS)
    assert len(there(url)) == 1


def test_withdrawn_parts_leave_the_url_too(machine, url):
    cache = machine("a", url)
    scratch = ScratchStore(cache, {"method": "m"}, {})
    scratch.put({"of": 1}, np.ones(3))
    scratch.withdraw()
    remote.finish_uploads()
    assert there(url) == {}
    assert scratch.get({"of": 1}) is None


def test_a_folder_as_a_url_shows_no_unfinished_files(machine, tmp_path):
    place = tmp_path / "shared"
    url = f"file://{place}"
    first, second = machine("a", url), ImageStore(machine("b", url))
    ImageStore(first).save(KEY, PIXELS)
    remote.finish_uploads()
    (place / "images" / KEY[:2] / ".partial-x").write_bytes(b"")
    assert {path.name for path in place.rglob("*") if path.is_file()} == {f"{KEY}.png", ".partial-x"}
    assert second.missing([KEY, OTHER]) == [OTHER]
    assert np.array_equal(second.load(KEY), PIXELS)
    shutil.rmtree(place)
