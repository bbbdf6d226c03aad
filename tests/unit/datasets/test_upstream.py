"""The upstream files, where they are at hand: our requests are the authors' own lists, row by row."""

import ast
import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from iceb.datasets import open_dataset
from iceb.datasets.aice import AICE
from iceb.datasets.cards import card_text, load_card
from iceb.specs.schedules import edit_batches

ALIASES_BY_COUNT = {
    1: 5,
    5: 10,
    10: 12,
    20: 25,
    30: 28,
    40: 36,
    50: 47,
    100: 83,
    150: 131,
    200: 165,
    250: 194,
    300: 224,
}


@pytest.fixture(scope="module")
def aice(real_folder: Path) -> AICE:
    dataset = open_dataset("aice", str(real_folder))
    assert isinstance(dataset, AICE)
    return dataset


@pytest.fixture(scope="module")
def prompts(aice):
    (batch,) = edit_batches(aice.schedule(300))
    return [*aice.prompts(batch), *aice.shared_prompts(300)]


def exported_rows(real_folder: Path, name: str) -> list[dict[str, str]]:
    with (real_folder / "iceb_data" / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def prompts_by_request(prompts, role):
    """(texts' seeds) of each request, in order."""
    found: dict[str, list] = {}
    for prompt in prompts:
        if prompt.role == role:
            found.setdefault(prompt.request, []).append(prompt)
    return list(found.values())


def test_all_300_training_requests_are_the_exported_ones(aice, prompts, real_folder):
    rows = exported_rows(real_folder, "arbitrary_train.csv")
    train = prompts_by_request(prompts, "train")
    assert len(rows) == len(aice.requests) == len(train) == 300
    for row, request, row_prompts in zip(rows, aice.requests, train, strict=True):
        assert (row["source"], row["dest"]) == (request.source, request.dest)
        assert (int(row["source id"]), int(row["dest id"])) == (request.source_label, request.dest_label)
        assert int(row["seed_train"]) == request.seed
        assert tuple(ast.literal_eval(row["prompts"])) == request.templates
        assert [int(seed) for seed in ast.literal_eval(row["seeds"])] == [prompt.seed for prompt in row_prompts]


def test_all_300_validation_requests_are_the_exported_ones(aice, prompts, real_folder):
    rows = exported_rows(real_folder, "arbitrary_val.csv")
    sides = zip(
        rows, aice.requests, prompts_by_request(prompts, "source"), prompts_by_request(prompts, "dest"), strict=True
    )
    for row, request, source, dest in sides:
        templates = ast.literal_eval(row["prompts"])
        assert [prompt.text for prompt in source] == [text.replace("{}", request.source) for text in templates]
        assert [prompt.text for prompt in dest] == [text.replace("{}", request.dest) for text in templates]
        assert [int(seed) for seed in ast.literal_eval(row["seeds"])] == [prompt.seed for prompt in source]


@pytest.mark.parametrize(("count", "aliases"), ALIASES_BY_COUNT.items())
def test_the_number_of_aliases_grows_as_counted(aice, count, aliases):
    (batch,) = edit_batches(aice.schedule(count))
    assert sum(len(request.aliases) for request in batch.requests) == aliases
    assert sum(prompt.role == "alias" for prompt in aice.prompts(batch)) == 5 * aliases


def test_aliases_keep_the_leading_blank(aice):
    assert all(alias.startswith(" ") for request in aice.requests for alias in request.aliases)


def test_the_numbers_on_the_card_are_the_files_numbers(aice, prompts, real_folder):
    counts = load_card("aice").counts
    roles = Counter(prompt.role for prompt in prompts)
    rows = json.loads((real_folder / "iceb_data" / "imgnet_aug_edit.json").read_text(encoding="utf-8"))
    assert counts == {
        "requests": len(aice.requests),
        "dests": len({request.dest for request in aice.requests}),
        "prompts_per_request": roles["source"] // 300,
        "templates": roles["train"] // 300,
        "aliases": roles["alias"] // 5,
        "alias_prompts": roles["alias"],
        "holdout_classes": len({prompt.label for prompt in prompts if prompt.role == "holdout"}),
        "holdout_prompts": roles["holdout"],
        "prompts_without_braces": sum("{}" not in row["text prompt"] for row in rows),
        "seeds_as_text": sum(isinstance(row["random seed"], str) for row in rows),
    }


def test_the_numbers_in_the_cards_prose_are_the_declared_ones():
    text = card_text("aice")
    for count, aliases in ALIASES_BY_COUNT.items():
        assert f"{count}: {aliases}" in " ".join(text.split())
    for number in ("1 500", "1 120", "1 098", "1 044", "456"):
        assert number in text


def test_the_rows_on_the_card_are_the_files_rows(real_folder):
    for file in load_card("aice").files.values():
        found = json.loads((real_folder / "iceb_data" / file.path).read_text(encoding="utf-8"))
        assert file.rows is None or len(found) == file.rows


def test_every_destination_is_a_holdout_class_and_no_source_is(aice, prompts):
    holdout = {prompt.label for prompt in prompts if prompt.role == "holdout"}
    assert {request.dest_label for request in aice.requests} <= holdout
    assert not {request.source_label for request in aice.requests} & holdout


def test_the_label_file_is_as_its_card_says(real_folder):
    names = json.loads((real_folder / "iceb_data" / "vit_classifier_config.json").read_text(encoding="utf-8"))[
        "id2label"
    ]
    assert len(names) == load_card("imagenet_labels").counts["labels"]
    first = Counter(label.split(",")[0] for label in names.values())
    assert {name for name, count in first.items() if count > 1} == {"crane", "maillot"}
