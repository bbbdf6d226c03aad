"""What a method kept that has changed the model: all of it goes, nothing of others, and the finding is reported."""

import numpy as np
import pytest

from iceb.base import object_store, waiting
from iceb.base.digest import digest
from iceb.base.errors import StoreError
from iceb.base.progress import Silent, watching
from iceb.cli.interrupts import Attentive, Stopped
from iceb.stores import remote
from iceb.stores.measured import MeasuredStore
from iceb.stores.rows import RowFolder
from iceb.stores.scratch import ScratchStore
from tests.unit.stores.watched import Watched, there


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing waits."""
    monkeypatch.setattr(object_store, "PAUSE", 0.0)


def scratch_of(cache):
    return ScratchStore(cache, {"method": "m"}, {})


def local(cache):
    return sorted(path.name for path in (cache / "scratch").rglob("*.array"))


@pytest.mark.parametrize("fault", ["broken", "guarded"])
def test_all_parts_go_from_here_though_the_url_keeps_them(machine, url, monkeypatch, fault):
    cache = machine("a", url)
    scratch = scratch_of(cache)
    for number in range(3):
        scratch.put({"of": number}, np.ones(3))
    scratch.texts.publish(digest("a text"), np.zeros((2, 2), np.float32))
    scratch.texts.flush()
    remote.finish_uploads()
    monkeypatch.setattr(Watched, fault, {"broken": True, "guarded": "rm"}[fault])
    with pytest.raises(StoreError, match=r"3 of 3 stored files could not be removed .*scratch/"):
        scratch.withdraw()
    assert local(cache) == []
    assert list((cache / "texts").rglob("*.pack")) == []


def test_parts_that_can_be_removed_are_removed_beside_one_that_cannot(machine, url, monkeypatch):
    cache = machine("a", url)
    scratch = scratch_of(cache)
    for number in range(3):
        scratch.put({"of": number}, np.ones(3))
    remote.finish_uploads()
    first, remove = sorted(there(url))[0], Watched.rm_file

    def refuse(self, path):
        if path.endswith(first):
            raise PermissionError("not yours")
        remove(self, path)

    monkeypatch.setattr(Watched, "rm_file", refuse)
    with pytest.raises(StoreError, match="1 of 3 stored files"):
        scratch.withdraw()
    assert there(url).keys() == {first}


def test_a_part_of_another_process_stays(tmp_path):
    own, others = scratch_of(tmp_path), scratch_of(tmp_path)
    others.put({"of": 1}, np.ones(3))
    own.put({"of": 1}, np.zeros(3))
    own.put({"of": 2}, np.zeros(3))
    own.withdraw()
    assert others.get({"of": 1}).tolist() == [1.0, 1.0, 1.0]
    assert len(local(tmp_path)) == 1


def test_rows_of_another_process_stay(tmp_path):
    rows = {digest("a row"): np.ones(2, np.float32)}
    own, others = RowFolder(tmp_path, "o"), RowFolder(tmp_path, "o")
    others.publish(rows)
    own.publish(rows)
    own.withdraw()
    assert RowFolder(tmp_path, "o").paths(rows)


def test_a_stop_does_not_end_a_withdrawal_half_way(machine, url, monkeypatch):
    cache = machine("a", url)
    scratch = scratch_of(cache)
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)
    for number in range(3):
        scratch.put({"of": number}, np.ones(3))

    def stop():
        raise Stopped

    with watching(Attentive(Silent(), stop)):
        scratch.withdraw()
    assert (local(cache), there(url)) == ([], {})


def test_rows_of_a_measure_are_fetched_whoevers_they_are(machine, url):
    """So the page says: a pack's name does not tell whose rows it holds."""
    first = MeasuredStore(machine("a", url))
    for name in "ab":
        first.publish("m@1", "r", [digest(name)], np.ones((1, 2), np.float32))
    remote.finish_uploads()
    second = machine("b", url)
    assert len(MeasuredStore(second).read("m@1", "r", [digest("a")])) == 1
    assert len(list((second / "measured").rglob("*.pack"))) == 2
