"""The stores: whole or absent, first writer wins, damage is found out."""

import errno
import os

import numpy as np
import pytest

from iceb.base.errors import StoreError
from iceb.specs.methods import Edit
from iceb.stores import cache_root, usage
from iceb.stores.edits import EditStore, MadeEdit
from iceb.stores.images import ImageStore
from iceb.stores.measured import PIECE, MeasuredStore, pieces, stacked
from iceb.stores.pace import Pace
from iceb.stores.scratch import ScratchStore

KEY = "ab" + "0" * 62
PICTURE = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)


def test_a_picture_comes_back_and_carries_its_key(tmp_path):
    from PIL import Image

    store = ImageStore(tmp_path)
    store.save(KEY, PICTURE, {"text": "a café"})
    assert np.array_equal(store.load(KEY), PICTURE)
    assert store.missing([KEY]) == []
    with Image.open(store.path(KEY)) as image:
        image.load()
        assert image.text == {"iceb": KEY, "text": "a café"}


def test_missing_pictures_are_told_once_in_order(tmp_path):
    other = "cd" + "1" * 62
    assert ImageStore(tmp_path).missing([other, KEY, other]) == [other, KEY]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-20], lambda data: b"", lambda data: data.replace(b"IDAT", b"IDOT")]
)
def test_a_damaged_picture_is_removed_and_said(tmp_path, damage):
    store = ImageStore(tmp_path)
    store.save(KEY, PICTURE)
    store.path(KEY).write_bytes(damage(store.path(KEY).read_bytes()))
    with pytest.raises(StoreError, match=r"damaged .* run the same command again"):
        ImageStore(tmp_path).load(KEY)
    assert ImageStore(tmp_path).missing([KEY]) == [KEY]


def test_a_picture_under_anothers_key_is_found_out(tmp_path):
    store = ImageStore(tmp_path)
    store.save(KEY, PICTURE)
    other = "ab" + "1" * 62
    store.path(KEY).rename(store.path(other))
    with pytest.raises(StoreError, match="its key is"):
        store.load(other)


def test_a_full_disk_is_one_clear_error(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(StoreError, match="no space left to write"):
        ImageStore(tmp_path).save(KEY, PICTURE)
    assert not list(tmp_path.rglob("*.p*"))


def test_the_first_writer_wins(tmp_path):
    import torch

    store = EditStore(tmp_path)
    first = MadeEdit(Edit({"w": torch.ones(2)}, {"cat": "dog"}, "boat", {"loss": 0.5}), 3.0, 7, None, {"method": "m"})
    store.publish(KEY, first)
    standing = store.publish(KEY, MadeEdit(Edit({"w": torch.zeros(2)}), 1.0))
    assert torch.equal(standing.edit.weights["w"], torch.ones(2))
    assert (standing.edit.rewrites, standing.edit.negative_prompt) == ({"cat": "dog"}, "boat")
    assert (standing.edit.log, standing.seconds, standing.peak_bytes, standing.bytes) == ({"loss": 0.5}, 3.0, 7, 8)


def test_an_edit_without_weights_is_kept_too(tmp_path):
    store = EditStore(tmp_path)
    store.publish(KEY, MadeEdit(Edit(rewrites={"cat": "dog"}), 0.1))
    found = store.read(KEY)
    assert found is not None
    assert found.edit == Edit(rewrites={"cat": "dog"})


def test_an_edits_compact_form_is_kept_beside_its_weights(tmp_path):
    import torch

    store = EditStore(tmp_path)
    matrix = torch.rand(2, 2, dtype=torch.float64)
    store.publish(KEY, MadeEdit(Edit({"w": torch.ones(3, 2)}, right={"w*": matrix}), 0.1))
    found = store.read(KEY)
    assert found is not None
    assert set(found.edit.weights) == {"w"}
    assert torch.equal(found.edit.right["w*"], matrix)
    assert found.bytes == 3 * 2 * 4


def test_a_damaged_edit_counts_as_absent(tmp_path):
    import torch

    store = EditStore(tmp_path)
    store.publish(KEY, MadeEdit(Edit({"w": torch.ones(2)}), 3.0))
    store.path(KEY).write_bytes(store.path(KEY).read_bytes()[:-4])
    assert store.read(KEY) is None
    assert not store.has(KEY)


def test_scratch_computes_once_and_belongs_to_its_owner(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return np.arange(3.0)

    store = ScratchStore(tmp_path, {"method": "m", "model": "d"})
    for _ in range(2):
        assert store.array({"what": "moments", "layers": (1, 2)}, compute).tolist() == [0, 1, 2]
    assert len(calls) == 1
    assert store.get({"what": "other"}) is None
    assert ScratchStore(tmp_path, {"method": "n", "model": "d"}).get({"what": "moments", "layers": (1, 2)}) is None


def test_damaged_scratch_is_computed_anew(tmp_path):
    store = ScratchStore(tmp_path, {})
    store.put({"a": 1}, np.ones(100))
    path = store.path({"a": 1})
    path.write_bytes(path.read_bytes()[:150])
    assert store.array({"a": 1}, lambda: np.zeros(2)).tolist() == [0, 0]


def test_measured_numbers_belong_to_measure_revision_and_order(tmp_path):
    store = MeasuredStore(tmp_path)
    keys = ["a" * 64, "b" * 64]
    store.publish("m@1", "r", keys, np.ones((2, 3), np.float32))
    assert store.read("m@1", "r", keys) is not None
    assert store.read("m@2", "r", keys) is None
    assert store.read("m@1", "s", keys) is None
    assert store.read("m@1", "r", keys[::-1]) is None


def test_pieces_have_a_fixed_length():
    keys = [str(index) for index in range(PIECE + 5)]
    assert [len(piece) for piece in pieces(keys)] == [PIECE, 5]
    assert stacked([]).shape == (0, 0)


def test_the_cache_is_the_named_one_then_the_environments(monkeypatch, tmp_path):
    monkeypatch.setenv("ICEB_CACHE", str(tmp_path / "env"))
    assert cache_root(tmp_path / "named") == tmp_path / "named"
    assert cache_root() == tmp_path / "env"
    monkeypatch.delenv("ICEB_CACHE")
    assert cache_root().name == "iceb"


def test_usage_counts_files_and_bytes(tmp_path):
    ImageStore(tmp_path).save(KEY, PICTURE)
    images = next(found for found in usage(tmp_path) if found.kind == "images")
    assert images.files == 1
    assert images.bytes > 100


def test_a_pace_is_the_last_one_noted(tmp_path):
    pace, work = Pace(tmp_path), {"model": "m"}
    assert pace.seconds(work) is None
    for seconds in (0.5, 0.25):
        pace.note(work, seconds)
    assert pace.seconds(work) == 0.25
    pace.path(work).write_text("{")
    assert pace.seconds(work) is None
