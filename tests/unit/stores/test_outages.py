"""A URL that does not answer for a while, or not in time: work goes on, and a stop is heeded."""

import time

import numpy as np
import pytest
import torch

from iceb.base import object_store, waiting
from iceb.base.cache import require_writable
from iceb.base.digest import digest
from iceb.base.errors import StoreError, UnreachableError
from iceb.base.progress import Silent, watching
from iceb.cli.interrupts import Attentive, Stopped
from iceb.cli.main import explain
from iceb.specs.methods import Edit
from iceb.stores import remote, remote_files, uploads
from iceb.stores.edits import EditStore, MadeEdit
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore
from iceb.stores.scratch import ScratchStore
from tests.unit.stores.watched import Watched, there

KEYS = [digest(number) for number in range(20)]
PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Attempts follow each other at once."""
    monkeypatch.setattr(object_store, "PAUSE", 0.0)
    monkeypatch.setattr(waiting, "PATIENCE", 0.02)
    monkeypatch.setattr(waiting, "STEP", 0.02)


class Stopping:
    """A watch of which a stop is asked for once a stage of this name has begun."""

    def __init__(self, name):
        self.name, self.seen = name, []

    def stage(self, name, total):
        self.seen.append(name)
        return Attentive(Silent(), self.check).stage(name, total)

    def check(self):
        if any(name.startswith(self.name) for name in self.seen):
            raise Stopped


def test_a_request_that_fails_a_few_times_succeeds(machine, url, monkeypatch):
    ImageStore(machine("a", url)).save(KEYS[0], PIXELS)
    remote.finish_uploads()
    store = ImageStore(machine("b", url))
    for read in (lambda: store.missing(KEYS[:2]) == KEYS[1:2], lambda: store.load(KEYS[0]).shape == PIXELS.shape):
        monkeypatch.setattr(Watched, "failing", 4)
        assert read()
    assert Watched.failing == 0


def test_an_upload_that_fails_a_few_times_is_made_at_the_end(machine, url, monkeypatch):
    cache = machine("a", url)
    monkeypatch.setattr(Watched, "failing", 5)
    ImageStore(cache).save(KEYS[0], PIXELS)
    remote.wait_for_uploads(cache)
    assert there(url).keys() == {f"images/{KEYS[0][:2]}/{KEYS[0]}.png"}


def test_images_that_cannot_be_looked_up_count_as_missing_with_one_warning(machine, url, monkeypatch, caplog):
    store = ImageStore(machine("a", url))
    monkeypatch.setattr(Watched, "broken", True)
    for _ in range(3):
        assert store.missing(KEYS[:2]) == KEYS[:2]
    assert Watched.asked == ["find"] * object_store.TRIES
    (line,) = caplog.messages
    assert "made again" in line
    assert "ConnectionError" in line


def test_looking_begins_again_after_a_rest(machine, url, monkeypatch):
    ImageStore(machine("a", url)).save(KEYS[0], PIXELS)
    remote.finish_uploads()
    store = ImageStore(machine("b", url))
    monkeypatch.setattr(Watched, "broken", True)
    assert store.missing(KEYS[:1]) == KEYS[:1]
    monkeypatch.setattr(Watched, "broken", False)
    assert store.missing(KEYS[:1]) == KEYS[:1]
    monkeypatch.setattr(remote_files, "REST", 0.0)
    assert store.missing(KEYS[:1]) == []


def test_parts_and_rows_that_cannot_be_fetched_are_made_again(machine, url, monkeypatch):
    cache = machine("a", url)
    monkeypatch.setattr(Watched, "broken", True)
    scratch = ScratchStore(cache, {"method": "m"}, {})
    assert scratch.get({"of": 1}) is None
    assert scratch.array({"of": 1}, lambda: np.ones(2)).tolist() == [1.0, 1.0]
    assert MeasuredStore(cache).read("m@1", "r", KEYS) == {}
    assert Watched.asked.count("cat") == object_store.TRIES


def test_an_edit_that_cannot_be_looked_up_asks_for_another_attempt_later(machine, url, monkeypatch):
    monkeypatch.setattr(Watched, "broken", True)
    with pytest.raises(UnreachableError) as unreachable:
        EditStore(machine("a", url)).has(KEYS[0])
    assert explain(unreachable.value)[1] == 75


def test_what_is_forbidden_is_no_outage(machine, url, monkeypatch):
    monkeypatch.setattr(Watched, "guarded", "find")
    with pytest.raises(StoreError, match="give fsspec the rights") as refused:
        ImageStore(machine("a", url)).missing(KEYS[:1])
    assert explain(refused.value)[1] == 2
    assert Watched.asked == ["find"]


def test_a_cache_that_cannot_be_reached_at_first_is_asked_wrongly_and_soon(machine, url, monkeypatch):
    monkeypatch.setattr(Watched, "broken", True)
    with pytest.raises(StoreError, match="the cache cannot be used") as refused:
        require_writable(machine("a", url))
    assert explain(refused.value)[1] == 2
    assert Watched.asked == ["pipe"] * object_store.FEW


def test_a_listing_is_trusted_for_a_while_and_then_renewed(machine, url, monkeypatch):
    first, store = machine("a", url), ImageStore(machine("b", url))
    assert store.missing(KEYS[:1]) == KEYS[:1]
    ImageStore(first).save(KEYS[0], PIXELS)
    remote.finish_uploads()
    Watched.asked.clear()
    assert store.missing(KEYS[:1]) == KEYS[:1]
    assert Watched.asked == []
    monkeypatch.setattr(remote_files, "RENEWED", 0.0)
    assert store.missing(KEYS[:1]) == []
    assert store.missing(KEYS[:1]) == []
    assert Watched.asked == ["find"]


def test_uploads_rest_after_one_that_failed_and_lose_nothing(machine, url, monkeypatch):
    cache = machine("a", url)
    monkeypatch.setattr(Watched, "broken", True)
    store = ImageStore(cache)
    for key in KEYS:
        store.save(key, PIXELS)
    with pytest.raises(StoreError, match="20 files could not be uploaded"):
        remote.wait_for_uploads(cache)
    attempts = uploads.THREADS * (object_store.FEW + object_store.TRIES)
    assert Watched.asked.count("pipe") <= attempts
    monkeypatch.setattr(Watched, "broken", False)
    remote.wait_for_uploads(cache)
    assert len(there(url)) == len(KEYS)


def test_a_request_without_an_answer_ends_and_is_not_repeated(machine, url, monkeypatch):
    monkeypatch.setattr(object_store, "LISTING", 0.1)
    monkeypatch.setattr(Watched, "stalled", 5.0)
    began = time.monotonic()
    assert ImageStore(machine("a", url)).missing(KEYS[:1]) == KEYS[:1]
    assert time.monotonic() - began < 3.0
    assert Watched.asked == ["find"]


def test_a_stop_is_heeded_while_the_url_does_not_answer(machine, url, monkeypatch):
    monkeypatch.setattr(Watched, "stalled", 1.0)
    began = time.monotonic()
    with watching(Stopping("waiting for")), pytest.raises(Stopped):
        EditStore(machine("a", url)).has(KEYS[0])
    assert time.monotonic() - began < 0.9


def test_after_a_stop_uploads_are_waited_for_a_while_and_stay_noted(machine, url, monkeypatch):
    cache = machine("a", url)
    monkeypatch.setattr(Watched, "stalled", 3.0)
    monkeypatch.setattr(remote, "AFTER_A_STOP", 0.1)

    def stop():
        with remote.uploads_finished(cache):
            for key in KEYS:
                ImageStore(cache).save(key, PIXELS)
            raise Stopped

    began = time.monotonic()
    with pytest.raises(Stopped):
        stop()
    assert time.monotonic() - began < 2.0
    assert len(uploads.unsent_files(cache)) == len(KEYS)
    monkeypatch.setattr(Watched, "stalled", 0.0)
    remote.wait_for_uploads(cache)
    assert len(there(url)) == len(KEYS)


def test_a_stop_ends_the_wait_for_what_is_left(machine, url, monkeypatch):
    cache = machine("a", url)
    monkeypatch.setattr(Watched, "broken", True)
    for key in KEYS:
        ImageStore(cache).save(key, PIXELS)
    with pytest.raises(StoreError):
        remote.wait_for_uploads(cache)
    monkeypatch.setattr(Watched, "broken", False)
    monkeypatch.setattr(Watched, "stalled", 0.2)
    with watching(Stopping("uploading")), pytest.raises(Stopped):
        remote.wait_for_uploads(cache)
    assert len(uploads.unsent_files(cache)) > len(KEYS) // 2


def test_an_edit_is_made_and_kept_in_an_outage(machine, url, monkeypatch):
    cache = machine("a", url)
    monkeypatch.setattr(Watched, "broken", True)
    EditStore(cache).publish(KEYS[0], MadeEdit(Edit({"w": torch.ones(2)}), 1.0))
    monkeypatch.setattr(Watched, "broken", False)
    remote.wait_for_uploads(cache)
    assert there(url).keys() == {f"edits/{KEYS[0][:2]}/{KEYS[0]}.safetensors"}
