"""Files that are not at the URL yet: whatever fails, whoever looks, none is forgotten."""

import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from iceb.base import object_store
from iceb.base.cache import cache_root
from iceb.base.digest import digest
from iceb.base.errors import StoreError
from iceb.running.cache_use import RunUse
from iceb.running.pruning import unreferenced_files
from iceb.specs.methods import Edit
from iceb.stores import remote, remote_files, uploads
from iceb.stores.damage import Damage, note_damage, publish_checked, take_damage
from iceb.stores.edits import EditStore, MadeEdit
from iceb.stores.images import ImageStore
from tests.unit.stores.watched import Watched, put_there, there

KEY, OTHER = digest("an image"), digest("another image")
NAME = f"images/{KEY[:2]}/{KEY}.png"
PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing waits."""
    monkeypatch.setattr(object_store, "PAUSE", 0.0)
    monkeypatch.setattr(uploads, "REST", 0.0)


@pytest.fixture
def cache(machine, url):
    return machine("a", url)


def other_process(cache, url):
    """The uploads of another process on the same local layer."""
    return remote_files.Remote(cache, url).uploads


def notes(cache):
    return sorted(path.name for path in (cache / uploads.NOTES).iterdir())


def edit_of(value):
    return MadeEdit(Edit({"w": torch.full((2,), value)}), 1.0)


def fail(cache, save):
    """Store something while the URL is out of reach; whoever waits for it is told."""
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(Watched, "broken", True)
        save()
        with pytest.raises(StoreError, match="could not be uploaded"):
            remote.wait_for_uploads(cache)


def test_what_is_made_again_with_other_bytes_is_uploaded(cache, url):
    store = EditStore(cache)
    fail(cache, lambda: store.publish(KEY, edit_of(1.0)))
    store.path(KEY).unlink()
    fail(cache, lambda: store.publish(KEY, edit_of(2.0)))
    assert len(uploads.unsent_files(cache)) == 1
    remote.wait_for_uploads(cache)
    assert list(there(url).values()) == [store.path(KEY).read_bytes()]
    assert notes(cache) == []


def test_another_process_takes_no_note_of_a_file_that_is_just_being_stored(cache, url):
    data = b"an image"
    handing = remote.Handing(cache / NAME, data)
    other_process(cache, url).wait()
    (cache / NAME).parent.mkdir(parents=True)
    (cache / NAME).write_bytes(data)
    fail(cache, handing.finish)
    assert notes(cache) == [NAME.replace("/", uploads.BREAK)]


def test_a_failed_upload_is_noted_again_where_its_note_is_gone(cache, url):
    ImageStore(cache).save(OTHER, PIXELS)
    remote.finish_uploads()

    def save():
        handing = remote.Handing(cache / NAME, b"an image")
        (cache / NAME).parent.mkdir(parents=True)
        (cache / NAME).write_bytes(b"an image")
        for note in (cache / uploads.NOTES).iterdir():
            note.unlink()
        handing.finish()

    fail(cache, save)
    remote.wait_for_uploads(cache)
    assert there(url)[NAME] == b"an image"


def test_two_processes_that_store_one_file_leave_no_note_and_one_upload(cache, url):
    first = remote.Handing(cache / NAME, b"an image")
    data, path = b"another", cache / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(b"an image")
    assert publish_checked(path, data, path.read_bytes) == b"an image"  # the second one finds the first one's
    first.finish()
    remote.wait_for_uploads(cache)
    assert there(url) == {NAME: b"an image"}
    assert notes(cache) == []
    assert publish_checked(path, data, path.read_bytes) == b"an image"
    assert notes(cache) == []


def test_a_note_of_a_file_that_never_came_goes_once_it_is_old(cache, url):
    remote.Handing(cache / NAME, b"an image")
    (note,) = (cache / uploads.NOTES).iterdir()
    remote.wait_for_uploads(cache)
    assert note.exists()
    os.utime(note, (time.time() - 2 * uploads.OLD,) * 2)
    remote.wait_for_uploads(cache)
    assert not note.exists()
    assert there(url) == {}


def test_a_file_that_is_not_what_was_noted_stays_noted_and_is_named(cache, url):
    ImageStore(cache).save(OTHER, PIXELS)
    fail(cache, lambda: ImageStore(cache).save(KEY, PIXELS))
    (cache / NAME).write_bytes(b"damaged")
    for _ in range(2):
        with pytest.raises(StoreError, match=rf"1 file could not be uploaded: .*{KEY}.png is not what .*remove it"):
            remote.wait_for_uploads(cache)
    assert notes(cache) == [NAME.replace("/", uploads.BREAK)]
    assert there(url).keys() == {f"images/{OTHER[:2]}/{OTHER}.png"}
    put_there(url, NAME, b"damaged")  # it is at the URL all the same
    remote.wait_for_uploads(cache)
    assert notes(cache) == []


def test_a_note_that_a_power_cut_has_emptied_still_counts(cache, url):
    fail(cache, lambda: ImageStore(cache).save(KEY, PIXELS))
    (cache / uploads.NOTES / NAME.replace("/", uploads.BREAK)).write_bytes(b"")
    remote.wait_for_uploads(cache)
    assert there(url).keys() == {NAME}


def test_a_note_of_no_stored_file_is_left_alone(cache, url, tmp_path):
    (tmp_path / "secret").write_bytes(b"somebody's")
    (cache / uploads.NOTES).mkdir(parents=True)
    (cache / uploads.NOTES / "..=..=..=secret").write_bytes(b"")
    remote.wait_for_uploads(cache)
    ImageStore(cache).save(KEY, PIXELS)
    remote.wait_for_uploads(cache)
    assert there(url).keys() == {NAME}


def test_pruning_spares_what_is_not_at_the_url_yet(cache, url, monkeypatch):
    ImageStore(cache).save(OTHER, PIXELS)
    remote.wait_for_uploads(cache)
    fail(cache, lambda: ImageStore(cache).save(KEY, PIXELS))
    spare = [file.path for file in unreferenced_files(cache, [RunUse("a", "complete", frozenset())])]
    assert spare == [ImageStore(cache).path(OTHER)]


SAVES = """
import sys
import numpy as np
from iceb.base.cache import cache_root
from iceb.base.digest import digest
from iceb.stores import remote
from iceb.stores.images import ImageStore
cache = cache_root(sys.argv[1])
for number in range(40):
    ImageStore(cache).save(digest(number), np.full((4, 4, 3), number, np.uint8))
remote.wait_for_uploads(cache)
"""


def test_two_processes_on_one_layer_upload_everything_and_leave_no_note(tmp_path, monkeypatch):
    url = f"file://{tmp_path}/place"
    monkeypatch.setenv("ICEB_CACHE", str(tmp_path / "own"))
    both = [subprocess.Popen([sys.executable, "-c", SAVES, url]) for _ in range(2)]
    assert [each.wait(300) for each in both] == [0, 0]
    layer = cache_root(url)
    stored = {path.relative_to(layer).as_posix(): path.read_bytes() for path in layer.rglob("*.png")}
    assert len(stored) == 40
    place = tmp_path / "place"
    assert {
        path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()
    } == stored
    assert notes(layer) == []


def test_damage_that_another_process_has_found_is_shown_with_this_ones(tmp_path):
    found = Damage(tmp_path / "a.png", "cut short", removed=True)
    note_damage(pickle.loads(pickle.dumps([found])))
    assert take_damage() == [found]
