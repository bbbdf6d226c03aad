"""The stores: whole or absent, first writer wins, damage is found out."""

import errno
import os

import numpy as np
import pytest

from iceb.base.digest import digest_array
from iceb.base.errors import MethodError, StoreError
from iceb.specs.methods import Edit
from iceb.stores import usage
from iceb.stores.damage import take_damage
from iceb.stores.edits import EditStore, MadeEdit
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore
from iceb.stores.pace import Pace
from iceb.stores.rows import ROWS, RowFolder
from iceb.stores.scratch import ScratchStore
from iceb.stores.text_states import TextStateStore

KEY = "ab" + "0" * 62
IMAGE = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)


def test_an_image_comes_back_and_carries_its_key(tmp_path):
    from PIL import Image

    store = ImageStore(tmp_path)
    store.save(KEY, IMAGE, {"text": "a café"})
    assert np.array_equal(store.load(KEY), IMAGE)
    assert store.missing([KEY]) == []
    with Image.open(store.path(KEY)) as image:
        image.load()
        assert image.text == {"iceb": KEY, "iceb_sha256": digest_array(IMAGE), "text": "a café"}


def test_missing_images_are_listed_once_in_order(tmp_path):
    other = "cd" + "1" * 62
    assert ImageStore(tmp_path).missing([other, KEY, other]) == [other, KEY]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-20], lambda data: b"", lambda data: data.replace(b"IDAT", b"IDOT")]
)
def test_a_damaged_image_is_removed_and_reported(tmp_path, damage):
    store = ImageStore(tmp_path)
    store.save(KEY, IMAGE)
    store.path(KEY).write_bytes(damage(store.path(KEY).read_bytes()))
    take_damage()
    with pytest.raises(StoreError, match="is not in the cache: run the same command again to draw it"):
        ImageStore(tmp_path).load(KEY)
    assert ImageStore(tmp_path).missing([KEY]) == [KEY]
    (damage,) = take_damage()
    assert damage.line().startswith(f"damaged, removed: {store.path(KEY)} (")


def test_an_image_under_anothers_key_is_detected(tmp_path):
    store = ImageStore(tmp_path)
    store.save(KEY, IMAGE)
    other = "ab" + "1" * 62
    store.path(KEY).rename(store.path(other))
    take_damage()
    assert store.read(other) is None
    assert [damage.reason for damage in take_damage()] == ["it is the file of another key"]


def test_a_full_disk_is_one_clear_error(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(StoreError, match="no space left to write"):
        ImageStore(tmp_path).save(KEY, IMAGE)
    assert not list(tmp_path.rglob("*.p*"))


def test_the_first_writer_wins(tmp_path):
    import torch

    store = EditStore(tmp_path)
    first = MadeEdit(
        Edit({"w": torch.ones(2)}, {"cat": "dog"}, "boat", {"loss": 0.5}), 3.0, 7, None, {"method": "m"}, 0.2
    )
    store.publish(KEY, first)
    standing = store.publish(KEY, MadeEdit(Edit({"w": torch.zeros(2)}), 1.0))
    assert torch.equal(standing.edit.weights["w"], torch.ones(2))
    assert (standing.edit.rewrites, standing.edit.negative_prompt) == ({"cat": "dog"}, "boat")
    assert (standing.edit.log, standing.seconds, standing.peak_bytes, standing.bytes) == ({"loss": 0.5}, 3.0, 7, 8)
    assert standing.relative_change == 0.2  # kept, so that a second run needs no model to tell it


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

    store = ScratchStore(tmp_path, {"method": "m", "model": "d"}, {})
    for _ in range(2):
        assert store.array({"what": "moments", "layers": (1, 2)}, compute).tolist() == [0, 1, 2]
    assert len(calls) == 1
    assert store.get({"what": "other"}) is None
    assert ScratchStore(tmp_path, {"method": "n", "model": "d"}, {}).get({"what": "moments", "layers": (1, 2)}) is None


def test_scratch_depends_on_every_setting_unless_some_are_named(tmp_path):
    one, other = (ScratchStore(tmp_path, {}, {"rate": rate, "steps": 3}) for rate in (0.1, 0.9))
    key = {"what": "moments"}
    assert one.path(key) != other.path(key)
    assert one.depends_on("rate").path(key) != other.depends_on("rate").path(key)
    assert one.depends_on("steps").path(key) == other.depends_on("steps").path(key)
    assert one.depends_on().path(key) == other.depends_on().path(key)
    assert one.depends_on("steps").depends_on("rate").path(key) == one.depends_on("rate").path(key)


def test_scratch_refuses_a_setting_that_the_method_lacks(tmp_path):
    with pytest.raises(MethodError, match=r"depends_on\('rat'\): no such setting; the method has rate"):
        ScratchStore(tmp_path, {}, {"rate": 1.0}).depends_on("rat")


def test_damaged_scratch_is_computed_anew(tmp_path):
    store = ScratchStore(tmp_path, {}, {})
    store.put({"a": 1}, np.ones(100))
    path = store.path({"a": 1})
    path.write_bytes(path.read_bytes()[:150])
    assert store.array({"a": 1}, lambda: np.zeros(2)).tolist() == [0, 0]


def keys_of(count, letter="a"):
    return [letter * 10 + f"{place:054x}" for place in range(count)]


def test_a_measured_row_belongs_to_its_measure_revision_and_key(tmp_path):
    store = MeasuredStore(tmp_path)
    one, other = keys_of(2)
    store.publish("m@1", "r", [one, other], np.array([[1, 2, 3], [4, 5, 6]]))
    for reader in (store, MeasuredStore(tmp_path)):
        found = reader.read("m@1", "r", [other, "b" * 64, one])
        assert {key: row.tolist() for key, row in found.items()} == {one: [1, 2, 3], other: [4, 5, 6]}
        assert found[one].dtype == np.float32
        assert reader.read("m@2", "r", [one]) == reader.read("m@1", "s", [one]) == {}
        assert len(reader.paths("m@1", "r", [one, other, "b" * 64])) == 1


def test_ten_thousand_rows_leave_about_a_hundred_files(tmp_path):
    store, keys = MeasuredStore(tmp_path), keys_of(10_000)
    for start in range(0, len(keys), 100):
        store.publish("m@1", "r", keys[start : start + 100], np.full((100, 7), start, np.float32))
    assert len(list(store.folder.rglob("*.pack"))) == 100
    found = MeasuredStore(tmp_path).read("m@1", "r", keys)
    assert list(found) == keys
    assert [row[0] for row in found.values()][::100] == list(range(0, 10_000, 100))


def test_rows_of_different_widths_are_kept_side_by_side(tmp_path):
    store = RowFolder(tmp_path, "o")
    store.publish({"a" * 64: np.ones(3), "b" * 64: np.ones((2, 2), np.uint8), "c" * 64: np.array(5)})
    found = RowFolder(tmp_path, "o")
    found.look()
    rows = found.read(["c" * 64, "b" * 64, "a" * 64])
    assert [(row.shape, str(row.dtype)) for row in rows.values()] == [
        ((), "int64"),
        ((2, 2), "uint8"),
        ((3,), "float64"),
    ]


def test_rows_that_another_process_adds_are_found_by_looking_again(tmp_path):
    mine, theirs = MeasuredStore(tmp_path), MeasuredStore(tmp_path)
    assert mine.read("m@1", "r", keys_of(3)) == {}
    theirs.publish("m@1", "r", keys_of(3), np.ones((3, 1)))
    assert len(mine.read("m@1", "r", keys_of(3))) == 3
    mine.publish("m@1", "r", keys_of(4), np.zeros((4, 1)))  # only the fourth is new
    assert [row.item() for row in mine.read("m@1", "r", keys_of(4)).values()] == [1, 1, 1, 0]


def test_texts_share_files_once_they_are_flushed(tmp_path):
    store = TextStateStore(tmp_path)
    for place, key in enumerate(keys_of(5)):
        store.publish(key, np.full((7, 4), place, np.float32))
        assert store.read(key)[0, 0] == place
    assert not store.folder.exists()
    store.flush()
    store.flush()
    assert len(list(store.folder.rglob("*.pack"))) == 1
    assert [TextStateStore(tmp_path).read(key)[6, 3] for key in keys_of(5)] == [0, 1, 2, 3, 4]
    for key in keys_of(ROWS, "b"):
        store.publish(key, np.zeros((7, 4), np.float32))
    assert len(list(store.folder.rglob("*.pack"))) == 2


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.array(2.5),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(12, dtype=">i2")[::2],
        np.array([True, False]),
        np.array(["a", "bcé"]),
        np.array([1 + 2j]),
    ],
)
def test_scratch_gives_back_what_was_put_and_it_may_be_written_to(tmp_path, array):
    ScratchStore(tmp_path, {}, {}).put({"a": 1}, array)
    found = ScratchStore(tmp_path, {}, {}).get({"a": 1})
    assert np.array_equal(found, array)
    assert (found.dtype, found.shape, found.flags.writeable) == (array.dtype, array.shape, True)


def test_scratch_refuses_what_raw_bytes_do_not_hold(tmp_path):
    for array in (np.array([object()]), np.zeros(2, "f4,i2")):
        with pytest.raises(ValueError, match="cannot be stored: must be numbers"):
            ScratchStore(tmp_path, {}, {}).put({"a": 1}, array)


def test_usage_counts_files_and_bytes(tmp_path):
    ImageStore(tmp_path).save(KEY, IMAGE)
    images = next(found for found in usage(tmp_path) if found.kind == "images")
    assert images.files == 1
    assert images.bytes > 100


def test_a_pace_is_the_last_one_noted(tmp_path):
    pace, work = Pace(tmp_path), {"model": "m"}
    assert pace.seconds(work) is None
    for seconds in (0.5, 0.25):
        pace.note(work, seconds)
    assert pace.seconds(work) == 0.25


@pytest.mark.parametrize(
    "text", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"seconds": 1' + b"0" * 400 + b"}", b'{"seconds": NaN}', b"null", b""]
)
def test_a_damaged_note_of_pace_counts_as_none(tmp_path, text):
    pace, work = Pace(tmp_path), {"model": "m"}
    pace.note(work, 0.5)
    pace.path(work).write_bytes(text)
    assert pace.seconds(work) is None


def test_a_pace_that_cannot_be_noted_is_no_error(tmp_path):
    (tmp_path / "pace").write_bytes(b"in the way")
    Pace(tmp_path).note({"model": "m"}, 0.5)
