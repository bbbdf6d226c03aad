"""Nothing stored is believed unchecked: whatever happens to a file, its content comes back as it was, or not at all."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from iceb.specs.methods import Edit
from iceb.stores.damage import take_damage
from iceb.stores.edits import EditStore, MadeEdit
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore
from iceb.stores.scratch import ScratchStore
from iceb.stores.text_states import TextStateStore

ONE, OTHER = "ab" + "0" * 62, "ab" + "1" * 62
FLIPS = 150  # of each store


@dataclass(frozen=True)
class Shelf:
    """One store with two entries in files of their own, as a reader that has just started sees it."""

    root: Path
    put: Callable[[Path, str, int], None]  # the content is told apart by a number
    get: Callable[[Path, str], Any]  # None: missing
    folder: str

    def fill(self) -> None:
        for number, key in enumerate((ONE, OTHER)):
            self.put(self.root, key, number)
        take_damage()

    def files(self) -> list[Path]:
        """The file of each of both entries."""
        return sorted(path for path in (self.root / self.folder).rglob("*") if path.is_file() or path.is_symlink())

    def read_both(self) -> tuple[Any, Any]:
        return self.get(self.root, ONE), self.get(self.root, OTHER)


def put_image(root, key, number):
    rng = np.random.default_rng(number)
    ImageStore(root).save(key, rng.integers(0, 255, (16, 16, 3), np.uint8), {"text": f"a cat {number}"})


def get_image(root, key):
    found = ImageStore(root).read(key)
    return None if found is None else found.tolist()


def made_edit(number):
    weights = {"u.w": torch.full((3, 5), number, dtype=torch.float16), "t.w": torch.arange(4.0) + number}
    about = {"method": "m", "params": {"scale": 0.5}}
    return MadeEdit(Edit(weights, {"cat": "dog"}, "boat", {"loss": 0.25}, {"u.w": torch.eye(2)}), 2.5, 7, None, about)


def put_edit(root, key, number):
    EditStore(root).publish(key, made_edit(number))


def get_edit(root, key):
    found = EditStore(root).read(key)
    if found is None:
        return None
    tensors = {**found.edit.weights, **found.edit.right}
    plain = {name: (str(tensor.dtype), tensor.tolist()) for name, tensor in tensors.items()}
    edit = found.edit
    said = (edit.rewrites, edit.negative_prompt, edit.log, found.seconds, found.peak_bytes, found.about)
    return plain, list(edit.weights), said


def put_scratch(root, key, number):
    ScratchStore(root, {"method": "m"}, {}).put({"key": key}, np.arange(24.0).reshape(4, 6) + number)


def get_scratch(root, key):
    found = ScratchStore(root, {"method": "m"}, {}).get({"key": key})
    return None if found is None else (found.dtype.str, found.tolist())


def put_text(root, key, number):
    store = TextStateStore(root)
    store.publish(key, np.full((7, 4), number, np.float32))
    store.flush()


def get_text(root, key):
    found = TextStateStore(root).read(key)
    return None if found is None else (found.dtype.str, found.tolist())


def put_measured(root, key, number):
    MeasuredStore(root).publish("m@1", "r", [key, key[:-1] + "f"], np.full((2, 9), number, np.float32))


def get_measured(root, key):
    keys = [key, key[:-1] + "f"]
    found = MeasuredStore(root).read("m@1", "r", keys)
    return None if not found else [found[name].tolist() for name in keys]


KINDS = {
    "images": (put_image, get_image),
    "edits": (put_edit, get_edit),
    "scratch": (put_scratch, get_scratch),
    "texts": (put_text, get_text),
    "measured": (put_measured, get_measured),
}


@pytest.fixture(params=list(KINDS))
def shelf(request, tmp_path):
    put, get = KINDS[request.param]
    found = Shelf(tmp_path / "cache", put, get, request.param)
    found.fill()
    assert len(found.files()) == 2
    assert None not in found.read_both()
    return found


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_a_flipped_bit_is_noticed_or_changes_nothing(shelf):
    chance, truth = random.Random(shelf.folder), shelf.read_both()
    noticed = 0
    for _ in range(FLIPS):
        victim = chance.choice(shelf.files())
        sound = victim.read_bytes()
        flip(victim, chance.randrange(8 * len(sound)))
        found, damage = shelf.read_both(), take_damage()
        if found == truth:
            assert not damage
        else:
            assert sorted([one == two for one, two in zip(found, truth, strict=True)]) == [False, True]
            assert None in found
            assert [each.path for each in damage] == [victim]
            assert not victim.exists()
            noticed += 1
        victim.write_bytes(sound)
    assert noticed > FLIPS * 0.8


def test_the_first_kilobyte_is_checked_bit_by_bit(shelf):
    """Where the headers are."""
    truth, victim = shelf.read_both(), shelf.files()[0]
    sound = victim.read_bytes()
    for bit in range(0, 8 * min(len(sound), 1024), 7):
        flip(victim, bit)
        assert all(found in (None, wanted) for found, wanted in zip(shelf.read_both(), truth, strict=True)), (
            f"bit {bit}"
        )
        victim.write_bytes(sound)


def swap(path: Path, other: Path, _) -> None:
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)


def copy(path: Path, other: Path, _) -> None:
    path.write_bytes(other.read_bytes())


def half(path: Path, *_) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def last_byte(path: Path, *_) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def longer(path: Path, *_) -> None:
    path.write_bytes(path.read_bytes() + b"\0" * 64)


def empty(path: Path, *_) -> None:
    path.write_bytes(b"")


def noise(path: Path, *_) -> None:
    path.write_bytes(random.Random(3).randbytes(path.stat().st_size))


def folder(path: Path, *_) -> None:
    path.unlink()
    path.mkdir()


def full_folder(path: Path, *_) -> None:
    folder(path)
    (path / "mine").write_bytes(b"somebody's")


def dangling(path: Path, _, outside: Path) -> None:
    path.unlink()
    path.symlink_to(outside / "nothing")


def loop(path: Path, *_) -> None:
    path.unlink()
    path.symlink_to(path)


def link_to_a_folder(path: Path, _, outside: Path) -> None:
    path.unlink()
    path.symlink_to(outside)


def link_to_another_file(path: Path, _, outside: Path) -> None:
    path.unlink()
    path.symlink_to(outside / "photo")


HARMS = [
    *(swap, copy, half, last_byte, longer, empty, noise, folder, full_folder),
    *(dangling, loop, link_to_a_folder, link_to_another_file),
]


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_file_that_is_not_the_one_written_is_made_again(shelf, tmp_path, harm):
    truth, (victim, other) = shelf.read_both(), shelf.files()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "photo").write_bytes(b"somebody's photo")
    harm(victim, other, outside)
    found = shelf.read_both()
    damage = take_damage()
    for read_both, wanted in zip(found, truth, strict=True):
        assert read_both in (None, wanted)
    assert victim in [each.path for each in damage] or found == truth  # bytes behind the end of a PNG
    shelf.fill()
    assert shelf.read_both() == truth
    assert all(each.line().startswith("damaged, remade: ") for each in damage if each.path == victim)
    assert (outside / "photo").read_bytes() == b"somebody's photo"
    kept = [path.read_bytes() for path in shelf.root.rglob("mine")]
    assert kept == ([b"somebody's"] if harm is full_folder else [])


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_damaged_file_makes_room_for_what_is_published(shelf, tmp_path, harm):
    """Nobody reads the file before it is written again."""
    truth, (victim, other) = shelf.read_both(), shelf.files()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "photo").write_bytes(b"somebody's photo")
    harm(victim, other, outside)
    shelf.fill()
    assert shelf.read_both() == truth
    assert take_damage() == []


def test_two_damaged_entries_are_both_made_again(shelf):
    truth = shelf.read_both()
    for path in shelf.files():
        flip(path, 8 * (path.stat().st_size - 60))
    assert shelf.read_both() == (None, None)
    shelf.fill()
    assert shelf.read_both() == truth


def test_an_edit_replaces_a_damaged_one_in_its_place(tmp_path):
    store = EditStore(tmp_path)
    store.publish(ONE, made_edit(1))
    flip(store.path(ONE), 8 * (store.path(ONE).stat().st_size - 1))
    mine = made_edit(2)
    assert store.publish(ONE, mine) is mine
    assert torch.equal(EditStore(tmp_path).read(ONE).edit.weights["t.w"], mine.edit.weights["t.w"])
    assert store.publish(ONE, made_edit(3)).edit.weights["t.w"].tolist() == mine.edit.weights["t.w"].tolist()


def test_a_summary_needs_no_tensor_and_believes_no_damaged_header(tmp_path):
    from iceb.base.digest import digest_tensor

    store, made = EditStore(tmp_path), made_edit(1)
    assert store.summary(ONE) is None
    store.publish(ONE, made)
    path = store.path(ONE)
    flip(path, 8 * (path.stat().st_size - 1))  # a tensor's
    summary = store.summary(ONE)
    assert summary.weights == {name: digest_tensor(tensor) for name, tensor in made.edit.weights.items()}
    assert (summary.rewrites, summary.negative_prompt, summary.about) == ({"cat": "dog"}, "boat", made.about)
    flip(path, 8 * path.read_bytes().index(b"boat"))
    assert store.summary(ONE) is None
    assert path.exists()


def test_rows_of_one_measure_are_not_taken_for_anothers(tmp_path):
    store = MeasuredStore(tmp_path)
    store.publish("m@1", "r", [ONE], np.ones((1, 3)))
    store.publish("n@1", "r", [ONE], np.zeros((1, 3)))
    (first,), (second,) = store.paths("m@1", "r", [ONE]), store.paths("n@1", "r", [ONE])
    swap(first, second, None)
    take_damage()
    for measure in ("m@1", "n@1"):
        assert MeasuredStore(tmp_path).read(measure, "r", [ONE]) == {}
    assert [damage.reason for damage in take_damage()] == ["it is the file of another owner"] * 2


def test_missing_images_are_counted_without_touching_anything(tmp_path):
    store = ImageStore(tmp_path)
    for number, key in enumerate((ONE, OTHER)):
        put_image(tmp_path, key, number)
    store.path(ONE).write_bytes(b"short")
    store.path(OTHER).unlink()
    store.path(OTHER).symlink_to(store.path(OTHER))
    assert store.missing([ONE, OTHER]) == [ONE, OTHER]
    assert store.path(ONE).read_bytes() == b"short"
    assert store.path(OTHER).is_symlink()


def test_unremovable_damage_is_reported_and_counts_as_missing(tmp_path, monkeypatch):
    put_image(tmp_path, ONE, 0)
    path = ImageStore(tmp_path).path(ONE)
    half(path)
    take_damage()

    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refuse)
    assert ImageStore(tmp_path).read(ONE) is None
    assert [damage.line() for damage in take_damage()] == [f"damaged, cannot be removed: {path} (it is cut short)"]


def test_a_file_that_was_replaced_since_is_not_removed(tmp_path, monkeypatch):
    from iceb.stores import images

    put_image(tmp_path, ONE, 0)
    store, real = ImageStore(tmp_path), images._decode
    sound = store.path(ONE).read_bytes()
    half(store.path(ONE))
    take_damage()

    def slowly(path, key):
        try:
            return real(path, key)
        finally:  # another process is faster
            path.unlink()
            path.with_suffix(".new").write_bytes(sound)
            os.replace(path.with_suffix(".new"), path)

    monkeypatch.setattr(images, "_decode", slowly)
    assert store.read(ONE) is None
    assert store.path(ONE).read_bytes() == sound
    assert take_damage() == []
