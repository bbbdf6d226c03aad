"""Images from elsewhere: how their files are found, and what of them is refused, in words."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iceb.base.errors import DataError
from iceb.running.handed_images import find_files, take_images
from iceb.running.prompt_files import PromptFiles, prompt_id
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.runs import Sampling
from iceb.specs.schedules import Checkpoint
from iceb.stores.images import ImageStore

SIZE = Sampling(height=32, width=32)
PROMPTS = tuple(Prompt(f"a hen {place}", place, "source", request="r") for place in range(3))
STEP = Checkpoint("only")


def wanted_prompts() -> Iterator[PromptFiles]:
    for prompt in PROMPTS:
        yield PromptFiles(prompt_id(prompt), STEP, prompt, prompt_id(prompt), prompt_id(prompt))


def write_image(path: Path, grey: int = 7, size: tuple[int, int] = (32, 32)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), grey, np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Both sides of all prompts, each image of another grey."""
    for side, grey in (("before", 10), ("after", 100)):
        for place, prompt in enumerate(PROMPTS):
            write_image(tmp_path / "images" / side / f"{prompt_id(prompt)}.png", grey + place)
    return tmp_path / "images"


def take(folder: Path, tmp_path: Path, before: Path | None = None):
    return take_images(wanted_prompts(), find_files(folder, before), SIZE, ImageStore(tmp_path / "cache"))


def test_an_id_follows_from_text_seed_and_noise_alone():
    prompt = PROMPTS[0]
    assert prompt_id(prompt) == prompt_id(Prompt(prompt.text, prompt.seed, "holdout", label=3))
    others = [Prompt("a hen", 0, "source"), Prompt(prompt.text, 9, "source")]
    others.append(Prompt(prompt.text, prompt.seed, "source", noise=NoiseDraw(4)))
    assert len({prompt_id(each) for each in (prompt, *others)}) == 4


def test_every_prompt_gets_the_pixels_of_its_two_files(folder, tmp_path):
    taken = take(folder, tmp_path)
    store = ImageStore(tmp_path / "cache")
    assert [row.prompt for row in taken.rows] == list(PROMPTS)
    assert [int(store.load(row.before).mean()) for row in taken.rows] == [10, 11, 12]
    assert [int(store.load(row.after).mean()) for row in taken.rows] == [100, 101, 102]
    assert (taken.missing, taken.unknown) == ([], [])


def test_missing_images_are_named_and_their_prompts_left_out(folder, tmp_path):
    gone = folder / "after" / f"{prompt_id(PROMPTS[1])}.png"
    gone.unlink()
    taken = take(folder, tmp_path)
    assert taken.missing == [f"after/{gone.name}"]
    assert [row.prompt for row in taken.rows] == [PROMPTS[0], PROMPTS[2]]


def test_files_of_no_prompt_are_reported_and_others_passed_over(folder, tmp_path):
    stray = write_image(folder / "after" / "holiday.png")
    (folder / "after" / "notes.txt").write_text("nothing")
    assert take(folder, tmp_path).unknown == [stray]


def test_two_manifests_name_files_anywhere(folder, tmp_path):
    for side in ("before", "after"):
        rows = [{"id": prompt_id(prompt), "path": f"../images/{side}/{prompt_id(prompt)}.png"} for prompt in PROMPTS]
        path = tmp_path / "lists" / f"{side}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(map(json.dumps, rows)))
    assert take(tmp_path / "lists", tmp_path).rows == take(folder, tmp_path).rows


def test_one_manifest_holds_both_sides(folder, tmp_path):
    rows = [
        {"id": prompt_id(prompt), "path": f"images/{side}/{prompt_id(prompt)}.png", "side": side, "checkpoint": "only"}
        for side in ("before", "after")
        for prompt in PROMPTS
    ]
    manifest = tmp_path / "both.jsonl"
    manifest.write_text("\n".join(map(json.dumps, rows)))
    assert take(manifest, tmp_path).rows == take(folder, tmp_path).rows


def test_the_unedited_images_may_lie_elsewhere(folder, tmp_path):
    expected = take(folder, tmp_path).rows
    (folder / "before").rename(tmp_path / "shared")
    assert take(folder, tmp_path, tmp_path / "shared").rows == expected


def refusal(folder: Path, tmp_path: Path) -> str:
    with pytest.raises(DataError) as refused:
        take(folder, tmp_path)
    return str(refused.value)


def test_a_wrong_size_is_refused_with_both_sizes(folder, tmp_path):
    write_image(folder / "after" / f"{prompt_id(PROMPTS[0])}.png", size=(16, 64))
    assert "is 64x16 pixels, the model draws 32x32" in refusal(folder, tmp_path)


def test_an_unreadable_image_is_refused_by_name(folder, tmp_path):
    path = folder / "after" / f"{prompt_id(PROMPTS[0])}.png"
    path.write_bytes(b"no image")
    assert refusal(folder, tmp_path).startswith(f"image {path}: cannot be read")


def test_a_duplicate_is_refused_with_both_files(folder, tmp_path):
    path = write_image(folder / "after" / f"{prompt_id(PROMPTS[0])}.jpg")
    said = refusal(folder, tmp_path)
    assert "a duplicate" in said
    assert str(path.with_suffix(".png")) in said


def test_a_duplicate_in_a_manifest_is_refused(tmp_path):
    row = json.dumps({"id": prompt_id(PROMPTS[0]), "path": "a.png"})
    (tmp_path / "after.jsonl").write_text(f"{row}\n{row}\n")
    assert "a duplicate" in refusal(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"path": "a.png"}, "line 1: has no id"),
        ({"id": "x", "path": "a.png", "side": "left"}, "must be before or after"),
        ({"id": "x", "path": 3}, "path 3: must be text"),
        ({"id": "x", "file": "a.png"}, "unknown field 'file'"),
    ],
)
def test_a_line_of_a_manifest_that_is_none_is_refused(tmp_path, row, said):
    (tmp_path / "after.jsonl").write_text(json.dumps(row))
    assert said in refusal(tmp_path, tmp_path)


def test_a_folder_without_images_says_how_they_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "put them into a folder after/" in refusal(tmp_path / "empty", tmp_path)


def test_images_of_another_task_are_refused_as_none_of_its_prompts(tmp_path):
    for side in ("before", "after"):
        write_image(tmp_path / "images" / side / "other.png")
    assert "no prompt has its images" in refusal(tmp_path / "images", tmp_path)
