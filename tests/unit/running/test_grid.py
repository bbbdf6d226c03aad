"""`iceb grid`: which prompts a grid shows, what stands on it, and every mistake in one line. No model, no torch."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from iceb import registry
from iceb.base.digest import digest
from iceb.base.errors import ResultError, SpecError
from iceb.cli.main import run as command
from iceb.models.sources import find
from iceb.report.contact_sheet import CAPTION, HEAD, MARGIN, Page, Strip, _font, scale, sheet, wrap
from iceb.report.destinations import find_destinations
from iceb.report.image_grid import edited_role, grid, label
from iceb.runs.folder import read_requests, read_result, write_requests
from iceb.runs.ledger import ImageRow, encode_ledger, ledger_record
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest
from iceb.stores.images import ImageStore
from tools import readme_figures

FIXTURE = Path(__file__).parents[2] / "fixtures" / "result.json"
REQUESTS = tuple(
    EditRequest(f"toy/{index}", source, (dest,), ("a {}",), index, source_label=index, dest_label=9)
    for index, (source, dest) in enumerate([("hen", "dog"), ("fox", "cat"), ("axolotl", "newt")])
)
BEFORE, AFTER = 40, 200  # the grey of the synthetic images


@dataclass(frozen=True)
class Finished:
    """A synthetic run of three requests with two source prompts each, and one holdout prompt."""

    folder: Path
    cache: Path
    rows: tuple[ImageRow, ...]


@pytest.fixture
def finished_run(tmp_path: Path) -> Finished:
    prompts = [
        Prompt(f"{text} {request.source}", seed, "source", request=request.id, label=request.source_label, target=9)
        for request in REQUESTS
        for seed, text in enumerate(["a picture of a", "in the garden, a small"])
    ]
    prompts.append(Prompt("a castle", 7, "holdout", label=5))
    store, folder = ImageStore(tmp_path / "cache"), tmp_path / "run"
    before, after = (_store_images(store, len(prompts), grey) for grey in (BEFORE, AFTER))
    rows = tuple(ImageRow("toy", "", *each) for each in zip(prompts, before, after, strict=True))
    write_run(folder, rows)
    write_requests(folder, REQUESTS)
    return Finished(folder, tmp_path / "cache", rows)


def write_run(folder: Path, rows: Sequence[ImageRow]) -> None:
    """The images of a run, and the fixture result as if it were theirs."""
    folder.mkdir(exist_ok=True)
    data = encode_ledger(rows)
    (folder / "images.jsonl").write_bytes(data)
    document = json.loads(FIXTURE.read_text()) | {"images": ledger_record(data, rows).model_dump()}
    (folder / "result.json").write_text(json.dumps(document))


def _store_images(store: ImageStore, count: int, grey: int) -> list[str]:
    """The keys of so many images, each a little brighter than the one before."""
    keys = [digest([grey, place]) for place in range(count)]
    for place, key in enumerate(keys):
        store.save(key, np.full((32, 32, 3), grey + place, np.uint8))
    return keys


def test_images_of_a_sensitive_task_are_blurred(finished_run, monkeypatch, tmp_path, capsys):
    sensitive = replace(registry.load("tasks", "aice"), sensitive=True)
    checks = np.where(np.indices((32, 32)).sum(axis=0) % 2, 255, 0).astype(np.uint8)
    store = ImageStore(finished_run.cache)
    monkeypatch.setattr(ImageStore, "load", lambda self, key: np.repeat(checks[:, :, None], 3, axis=2))
    sharp = grid(finished_run.folder, finished_run.cache, rows=1)
    monkeypatch.setattr(registry, "load", lambda group, name: sensitive)
    blurred = grid(finished_run.folder, finished_run.cache, rows=1)
    assert (sharp.blurred, blurred.blurred) == (False, True)
    pixels = [np.asarray(Image.open(io.BytesIO(made.png)))[60:240, -200:-40, 0] for made in (sharp, blurred)]
    assert set(np.unique(pixels[0])) == {0, 255}
    assert 100 < pixels[1].min() <= pixels[1].max() < 155  # nothing is left but the mean of the checks
    out = tmp_path / "grid.png"
    assert command(["grid", str(finished_run.folder), "--cache", str(store.folder.parent), "--out", str(out)]) == 0
    assert "blurred because its task is sensitive" in capsys.readouterr().out


def test_captions_stand_below_the_images_of_a_strip():
    pixels = np.full((32, 32, 3), 200, np.uint8)
    strips = [Strip("a hen", (), (pixels, None), said) for said in ((), ("hen 0.97", "not judged"))]
    plain, said = (np.asarray(sheet("h", [strip], ("a", "b"))) for strip in strips)
    assert said.shape[0] == plain.shape[0] + CAPTION
    below = said[MARGIN + HEAD + 192 : -MARGIN]
    page = Page(192, 192, 2)
    assert all((below[:, left : left + 192] < 200).any() for left in page.columns)


def test_a_grid_shows_what_was_drawn_before_and_after(finished_run):
    made = grid(finished_run.folder, finished_run.cache, rows=2)
    assert (made.rows, made.drawn) == (2, 6)
    image = Image.open(io.BytesIO(made.png))
    pixels = np.asarray(image)
    right = image.width - MARGIN
    rows = (100, 300)  # inside the first image and inside the second
    assert [int(pixels[row, right - 300, 0]) for row in rows] == [BEFORE, BEFORE + 3]  # prompt 0 of hen, 1 of fox
    assert [int(pixels[row, right - 10, 0]) for row in rows] == [AFTER, AFTER + 3]
    assert image.text["iceb run"] == json.loads(FIXTURE.read_text())["id"]


def test_a_destination_in_the_cache_stands_beside_its_prompt(finished_run):
    document = json.loads((finished_run.folder / "result.json").read_text())
    document["model"]["revision"] = find("mini").ref.revision
    (finished_run.folder / "result.json").write_text(json.dumps(document))
    prompts = [row.prompt for row in finished_run.rows]
    requests, result = read_requests(finished_run.folder), read_result(finished_run.folder)
    wanted = find_destinations(result, prompts, requests, finished_run.cache)
    assert wanted.prompts[prompts[0]].text == "a picture of a dog"
    assert prompts[-1] not in wanted.prompts  # a holdout prompt, which no edit names
    assert grid(finished_run.folder, finished_run.cache, rows=2).hidden == 2
    for key in wanted.keys.values():
        ImageStore(finished_run.cache).save(key, np.full((32, 32, 3), 90, np.uint8))
    made = grid(finished_run.folder, finished_run.cache, rows=2)
    assert (made.destinations, made.hidden) == (2, 0)
    pixels = np.asarray(Image.open(io.BytesIO(made.png)))
    assert pixels[100, pixels.shape[1] - MARGIN - 10, 0] == 90


def test_readmes_image_is_made_from_its_own_run_alone(finished_run, tmp_path, monkeypatch):
    with pytest.raises(SpecError, match="README shows emcid on aice at 300 edits, whole; this run is aice/emcid/0002-"):
        readme_figures.readme_figures(finished_run.folder, tmp_path, finished_run.cache)
    monkeypatch.setattr(readme_figures, "SHOWN", ("aice", "emcid", 2))
    (path,) = readme_figures.readme_figures(finished_run.folder, tmp_path / "docs", finished_run.cache)
    assert path == tmp_path / "docs" / "before_after.png"
    assert path.read_bytes() == grid(finished_run.folder, finished_run.cache, rows=6).png


def test_equal_runs_give_equal_bytes_whichever_way_they_are_named(finished_run):
    made = grid(finished_run.folder, finished_run.cache)
    assert grid(finished_run.folder / "result.json", finished_run.cache).png == made.png


def test_a_run_without_names_shows_class_numbers(finished_run):
    named = grid(finished_run.folder, finished_run.cache)
    (finished_run.folder / "requests.jsonl").unlink()
    assert read_requests(finished_run.folder) == {}
    assert grid(finished_run.folder, finished_run.cache).png != named.png


def test_a_label_says_what_becomes_of_the_concept():
    prompt = Prompt("a hen", 0, "source", request="r", label=8, target=9)
    erased, balanced = (EditRequest("r", "hen", dests, ("{}",), 0) for dests in [(), ("man", "woman")])
    assert label(prompt, {"r": erased}) == ("hen", "(erased)")
    assert label(prompt, {"r": balanced}) == ("hen", "man / woman")
    assert label(prompt, {}) == ("class 8", "class 9")
    assert label(Prompt("a castle", 0, "holdout", label=5), {}) == ("not edited",)


def test_requests_are_read_as_they_were_written(tmp_path):
    write_requests(tmp_path, REQUESTS)
    assert tuple(read_requests(tmp_path).values()) == REQUESTS
    (tmp_path / "requests.jsonl").write_text("[]\n")
    with pytest.raises(ResultError, match=r"requests\.jsonl line 1: not a line of requests"):
        read_requests(tmp_path)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((32, 32), (192, 192)),
        ((64, 48), (192, 144)),
        ((100, 100), (100, 100)),
        ((200, 180), (200, 180)),
        ((512, 512), (256, 256)),
        ((1024, 512), (256, 128)),
    ],
)
def test_tiny_images_are_enlarged_and_large_ones_reduced(size, shown):
    assert scale(np.zeros((size[1], size[0], 3), np.uint8)).size == shown


def test_enlarging_keeps_every_pixel():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert (np.asarray(scale(image))[::6, ::6] == image).all()


@given(some.text(max_size=200))
def test_words_never_leave_their_column(text):
    lines = wrap(text, _font(14), 200, 3)
    assert len(lines) <= 3
    assert all(_font(14).getlength(line) <= 200 for line in lines)


def test_a_label_too_long_for_one_line_keeps_to_its_column():
    grey = np.full((32, 32, 3), 128, np.uint8)
    canvas = sheet(
        "toy", [Strip("long " * 50, ("soft-coated wheaten terrier " * 3, "black-footed ferret " * 3), (grey, grey))]
    )
    column = np.asarray(canvas)[:, MARGIN + 237 : MARGIN + 248]  # between words and images
    assert (column[60:] == 255).all()


def error_line(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The single line on stderr of a grid that must be refused."""
    assert command(["grid", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("iceb: ")
    return line


def test_what_is_edited_is_shown_unless_another_role_is_asked_for(finished_run):
    assert grid(finished_run.folder, finished_run.cache).role == "source"
    assert grid(finished_run.folder, finished_run.cache, role="holdout").role == "holdout"
    holdout, erased, train = (
        Prompt("a", 0, "holdout"),
        Prompt("b", 0, "erased", "toy/0"),
        Prompt("c", 0, "train", "toy/0"),
    )
    source = Prompt("d", 0, "source", "toy/0")
    assert edited_role([holdout, erased]) == "erased"
    assert edited_role([train, source]) == "source"
    assert edited_role([holdout]) == "holdout"


def test_every_mistake_is_one_line(capsys, finished_run, tmp_path):
    asked = [finished_run.folder, "--cache", finished_run.cache, "--out", tmp_path / "grid.png"]
    assert "name the folder that a run wrote" in error_line(capsys, tmp_path / "nothing")
    other = error_line(capsys, *asked, "--role", "alias")
    assert "this run drew no such images on both sides; choose one of holdout, source" in other
    assert "--rows 0: must be 1 to 100" in error_line(capsys, *asked, "--rows", 0)
    assert "must end in .png" in error_line(capsys, *asked, "--out", tmp_path / "grid.jpg")
    ImageStore(finished_run.cache).path(finished_run.rows[0].after).unlink()
    line = error_line(capsys, *asked)
    assert "1 of 12 images are not in the cache" in line
    assert json.loads(FIXTURE.read_text())["provenance"]["command"] in line
    assert not (tmp_path / "grid.png").exists()


def test_images_of_one_side_alone_are_not_shown(finished_run):
    first, *others = finished_run.rows
    write_run(finished_run.folder, [replace(first, before=None), *others])
    assert grid(finished_run.folder, finished_run.cache).drawn == 5


def test_a_run_that_failed_is_refused(capsys, finished_run):
    failed = {**json.loads(FIXTURE.read_text()), "status": "failed", "error": "the method broke", "limit": None}
    (finished_run.folder / "result.json").write_text(json.dumps(failed))
    assert "failed (the method broke): only a finished run" in error_line(capsys, finished_run.folder)


def test_the_command_writes_the_grid_without_torch(finished_run, tmp_path):
    out = tmp_path / "new" / "grid.png"
    code = (
        "import sys; from iceb.cli.main import run; code = run(sys.argv[1:]); sys.exit(code or 'torch' in sys.modules)"
    )
    arguments = ["grid", finished_run.folder, "--out", out, "--role", "holdout"]
    environment = {**os.environ, "ICEB_CACHE": str(finished_run.cache)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}: 1 of 1 holdout prompts, before and after\n"
    assert Image.open(out).format == "PNG"
