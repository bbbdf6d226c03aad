"""Ten classes, each erased alone: rows to prompts and roles, from the upstream form and from the embedded set."""

from pathlib import Path

import pytest

from iceb.base.digest import digest_file
from iceb.base.errors import DataError
from iceb.datasets import EMBEDDED, open_dataset
from iceb.datasets.objects10 import ERASED, IMAGENETTE, OTHERS, Objects10
from iceb.mini.world import class_names
from iceb.specs.datasets import DataCard, DataFile, DataSource
from iceb.specs.schedules import Add, Checkpoint, Remove, edit_batches

ROWS = """case_number,prompt,class,evaluation_seed
0,an image of a tench,tench,11
1,an image of a tench,tench,12
2,an image of a Church,Church,13
3,an image of a Church,Church,11
"""


def small(folder: Path, text: str = ROWS, images: int = 2) -> Objects10:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    card = DataCard(
        name="small",
        version=1,
        paper="",
        licence="MIT",
        source=DataSource(repository="nobody/nothing", commit="c" * 40),
        files={"prompts": DataFile(path=path.name, sha256=digest_file(path))},
        counts={"requests": 2, "images": images},
    )
    return Objects10(card, {"prompts": path})


def test_a_class_is_erased_without_a_destination(tmp_path):
    tench, church = small(tmp_path).requests
    assert (tench.source, tench.dests, tench.source_label) == ("tench", (), 0)
    assert (church.source, church.source_label) == ("Church", 497)


def test_every_edit_draws_all_classes_and_the_erased_one_has_its_own_role(tmp_path):
    dataset = small(tmp_path)
    first, second = edit_batches(dataset.schedule(2))
    drawn = [(p.text, p.seed, p.role, p.label, p.request) for p in dataset.prompts(second)]
    assert drawn == [
        ("an image of a tench", 11, OTHERS, 0, None),
        ("an image of a tench", 12, OTHERS, 0, None),
        ("an image of a Church", 13, ERASED, 497, "small/0001"),
        ("an image of a Church", 11, ERASED, 497, "small/0001"),
    ]
    assert [p.role for p in dataset.prompts(first)] == [ERASED, ERASED, OTHERS, OTHERS]
    assert {p.concept for p in dataset.prompts(first)} == {"tench", "Church"}


def test_an_image_that_is_asked_for_again_is_another_replicate(tmp_path):
    dataset = small(tmp_path, ROWS.replace("tench,12", "tench,11"))
    first, second = ([p.replicate for p in dataset.prompts(batch)] for batch in edit_batches(dataset.schedule(2)))
    assert first[1] - first[0] == second[1] - second[0] > 9  # the repeated row
    assert [b - a for a, b in zip(first, second, strict=True)] == [1] * 4  # the other edit


def test_classes_are_erased_one_after_the_other(tmp_path):
    assert [type(step) for step in small(tmp_path).schedule(2)] == [Add, Checkpoint, Remove] * 2
    with pytest.raises(DataError, match="`num_edits` asked for 3: choose 1 to 2; task artists goes to 1000"):
        small(tmp_path).schedule(3)


def test_other_classes_and_other_numbers_of_images_are_refused(tmp_path):
    with pytest.raises(DataError, match="row 0: class 'hen' is none of Imagenette's ten"):
        small(tmp_path, ROWS.replace("a tench,tench", "a hen,hen"))
    with pytest.raises(DataError, match="has 1, 2 images, its data card declares 2"):
        small(tmp_path, "\n".join(ROWS.splitlines()[:-1]))
    with pytest.raises(DataError, match="row 1: 'evaluation_seed'"):
        small(tmp_path, ROWS.replace("tench,12", "tench,x"))


def test_the_embedded_classes_are_imagenettes_and_mini_knows_them():
    dataset = open_dataset("objects10", EMBEDDED)
    assert isinstance(dataset, Objects10)
    assert {each.name.lower(): each.label for each in dataset.classes}.items() <= IMAGENETTE.items()
    for each in dataset.classes:
        assert class_names()[each.label].lower().replace("chainsaw", "chain saw").startswith(each.name.lower())
    (batch, *_) = edit_batches(dataset.schedule(10))
    prompts = dataset.prompts(batch)
    assert [sum(p.role == role for p in prompts) for role in (ERASED, OTHERS)] == [20, 180]
    assert [p.seed for p in prompts[:20]] == list(range(20))


def test_a_file_of_the_upstream_form_is_taken_and_its_digest_recorded(tmp_path, monkeypatch):
    monkeypatch.delenv("ICEB_DATA", raising=False)
    names = [name for name in IMAGENETTE if name != "chainsaw"]
    rows = [f"{place},an image of a {name},{name},{seed}" for place, name in enumerate(names) for seed in range(500)]
    path = tmp_path / "imagenette.csv"
    path.write_text("\n".join(["case_number,prompt,class,evaluation_seed", *rows]), encoding="utf-8")
    dataset = open_dataset("objects10", str(tmp_path))
    assert len(dataset.requests) == 10
    assert dataset.card.files["prompts"].sha256 == digest_file(path)
