"""RoAD's and TIMED's rows become single edits: four of each row, with the prompts, texts and noise of the authors."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from iceb.base.digest import digest_file
from iceb.base.errors import DataError
from iceb.datasets import open_dataset
from iceb.datasets.cards import card_text, load_card
from iceb.datasets.single_edits import ORACLE_IMAGES, REPLICATES, Road, SingleEdits, Timed
from iceb.specs.datasets import DataCard, DataFile, DataSource
from iceb.specs.prompts import NoiseDraw
from iceb.specs.schedules import Add, Checkpoint, Remove, edit_batches

FIXTURES = Path(__file__).parents[2] / "fixtures"
UPSTREAM = {"road": "road/RoAD_test.csv", "timed": "timed/TIMED_test_set_filtered_SD14.csv"}
UPSTREAM["timed147"] = "timed/TIMED_test_set.csv"
EVERY = (*UPSTREAM, "road_embedded", "timed_embedded")


def small(kind: type[SingleEdits], path: Path, requests: int = 2) -> SingleEdits:
    """The dataset of a file of made-up rows."""
    card = DataCard(
        name="small",
        version=1,
        paper="",
        licence="MIT",
        source=DataSource(repository="nobody/nothing", commit="c" * 40),
        files={"rows": DataFile(path=path.name, sha256=digest_file(path))},
        counts={"requests": requests},
    )
    return kind(card, {"rows": path})


@pytest.fixture
def road():
    return small(Road, FIXTURES / "road.csv")


@pytest.fixture
def timed_rows():
    return small(Timed, FIXTURES / "timed.csv")


def drawn_for(dataset, batch):
    return [prompt for prompt in dataset.prompts(batch) if not prompt.role.startswith("oracle")]


def test_each_row_is_edited_judged_and_removed_once_for_each_of_four_seeds(timed_rows):
    schedule = timed_rows.schedule(2)
    steps = [schedule[place : place + 3] for place in range(0, len(schedule), 3)]
    assert len(steps) == 2 * REPLICATES
    for (add, checkpoint, remove), (row, seed) in zip(steps, [(r, s) for r in (0, 1) for s in range(4)], strict=True):
        assert isinstance(add, Add)
        assert checkpoint == Checkpoint(f"small/000{row}-seed{seed}", draw=f"small/000{row}")
        assert remove == Remove(add.batch.id)
        assert [request.seed for request in add.batch.requests] == [seed]
        assert add.batch.replicate == seed


def test_fewer_edits_are_the_first_rows(timed_rows):
    assert timed_rows.schedule(1) == timed_rows.schedule(2)[: 3 * REPLICATES]


@pytest.mark.parametrize("asked", [0, 3])
def test_a_number_of_edits_out_of_bounds_is_refused(timed_rows, asked):
    with pytest.raises(DataError, match=f"has 2 single edits, `num_edits` asked for {asked}: choose 1 to 2"):
        timed_rows.schedule(asked)


def test_timed_edits_old_to_new_in_lower_case_with_the_authors_templates(timed_rows):
    (request,) = edit_batches(timed_rows.schedule(1))[0].requests
    assert (request.source, request.dests) == ("a door", ("an ivory door",))
    assert request.templates == ("An image of {}", "A photo of {}", "{}")


def test_timed_compares_each_prompt_with_itself_and_with_its_attribute(timed_rows):
    prompts = drawn_for(timed_rows, edit_batches(timed_rows.schedule(1))[0])
    assert [(prompt.role, prompt.choices, prompt.answer) for prompt in prompts][:2] == [
        ("source", ("a door", "an ivory door"), 1),
        ("positive", ("positive 1 of a door", "positive 1 of an ivory door"), 1),
    ]
    assert (prompts[6].role, prompts[6].choices, prompts[6].answer) == ("negative", ("gate 1", "ivory gate 1"), 0)
    assert all(prompt.text == prompt.choices[0] for prompt in prompts)


def test_road_edits_the_prompt_and_compares_with_old_and_new_holder(road):
    batch = edit_batches(road.schedule(1))[0]
    (request,) = batch.requests
    prompts = drawn_for(road, batch)
    assert (request.source, request.dests) == ("the captain", ("bo",))
    assert (prompts[0].text, prompts[0].choices) == ("the captain", ("ann", "bo"))
    assert (prompts[2].text, prompts[2].choices) == ("skipper 2", ("ann at 2", "bo at 2"))
    assert (prompts[7].text, prompts[7].choices, prompts[7].answer) == ("sailor 2", ("sailor 2", "bo"), 0)


def test_road_oracle_draws_the_oracle_columns_and_leaves_negatives(road):
    (request,) = edit_batches(road.schedule(1))[0].requests
    oracle = dict(request.oracle)
    assert oracle["the captain"] == "bo as the captain"
    assert oracle["skipper 2"] == "bo as skipper 2"
    assert oracle["sailor 2"] == "sailor 2"


def test_upstream_noise_is_one_generator_for_calls_of_1_3_2_3_2(timed_rows):
    second = edit_batches(timed_rows.schedule(1))[1]
    found = [prompt.noise for prompt in drawn_for(timed_rows, second)]
    assert found[:5] == [
        NoiseDraw(1, (1,), 0),
        NoiseDraw(1, (1, 3), 0),
        NoiseDraw(1, (1, 3), 1),
        NoiseDraw(1, (1, 3), 2),
        NoiseDraw(1, (1, 3, 2), 0),
    ]
    assert found[-1] == NoiseDraw(1, (1, 3, 2, 3, 2), 1)


def test_replicates_and_oracle_images_have_seeds_of_their_own(timed_rows):
    batches = edit_batches(timed_rows.schedule(1))
    seeds = [{prompt.seed for prompt in drawn_for(timed_rows, batch)} for batch in batches]
    assert [min(found) for found in seeds] == [1000, 2000, 3000, 4000]
    assert all(len(found) == 11 for found in seeds)
    oracle = {prompt.seed for prompt in timed_rows.prompts(batches[0]) if prompt.role.startswith("oracle")}
    assert oracle == set(range(ORACLE_IMAGES))


def test_every_text_that_an_image_should_match_has_oracle_images_of_itself(road):
    batch = edit_batches(road.schedule(1))[1]
    tested = drawn_for(road, batch)
    oracle = [prompt for prompt in road.prompts(batch) if prompt not in tested]
    asked = {(f"oracle_{prompt.role}", prompt.choices[prompt.answer]) for prompt in tested}
    assert Counter((prompt.role, prompt.text) for prompt in oracle) == dict.fromkeys(asked, ORACLE_IMAGES)
    assert all(prompt.text == prompt.choices[prompt.answer] for prompt in oracle)
    assert {prompt.replicate for prompt in oracle} == {1}


def test_the_four_edits_of_a_row_are_requests_of_one_concept(road):
    batches = edit_batches(road.schedule(2))
    assert [batch.requests[0].id for batch in batches[:2]] == ["small/0000-seed0", "small/0000-seed1"]
    assert [batch.concept for batch in batches] == ["small/0000"] * 4 + ["small/0001"] * 4


def test_a_row_without_a_column_is_refused_by_row_and_column(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("old,new\na door,an ivory door\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"rows\.csv, row 0: 'row': .*column 'positive1' is missing"):
        small(Timed, path)


def test_another_number_of_rows_than_declared_is_refused():
    with pytest.raises(DataError, match="has 2 requests, its data card declares 3"):
        small(Timed, FIXTURES / "timed.csv", requests=3)


# The files of the benchmarks, and ours


def cells(name: str, real_folder: Path) -> list[dict[str, str]]:
    own = Path(__file__).parents[3] / "iceb/mini/data"
    path = own / load_card(name).files["rows"].path if name.endswith("_embedded") else real_folder / UPSTREAM[name]
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("name", EVERY)
def test_the_numbers_on_the_card_are_the_files_numbers(name, real_folder):
    rows, counts = cells(name, real_folder), dict(load_card(name).counts)
    source = "Prompt" if name.startswith("road") else "old"
    dataset = open_dataset(name, None if name.endswith("_embedded") else str(real_folder))
    batches = edit_batches(dataset.schedule(len(rows)))
    found = {
        "requests": len(rows),
        "columns": len(rows[0]),
        "replicates": len(batches) // len(rows),
        "prompts_per_edit": len(drawn_for(dataset, batches[0])),
        "tested_prompts": sum(len(drawn_for(dataset, batch)) for batch in batches),
        "oracle_images_per_text": ORACLE_IMAGES,
        "rows_with_a_prompt_twice": sum(len(set(prompts_of(row, source))) < 11 for row in rows),
    }
    if "choices_alike" in counts:
        choices = {prompt.choices for batch in batches for prompt in drawn_for(dataset, batch)}
        found["choices_alike"] = sum(old == new for old, new in choices)
    if "cells_with_outer_blanks" in counts:
        found["cells_with_outer_blanks"] = sum(cell != cell.strip() for row in rows for cell in row.values())
    if source == "Prompt":
        kinds = Counter(row["Type"] for row in rows)
        found |= {"roles": kinds["Role"], "appearances": kinds["Appearance"]}
    else:
        found["sources"] = len({row["old"].lower() for row in rows})
    if "rows_that_test_their_source_as_negative" in counts:
        prompts = [prompts_of(row, source) for row in rows]
        found["rows_that_test_their_source_as_negative"] = sum(each[0] in each[6:] for each in prompts)
    kinds_of_attributes = {key: counts.pop(key, None) for key in ("colours", "sizes", "genders")}
    assert counts == found
    assert name != "timed_embedded" or kinds_of_attributes == {"colours": 72, "sizes": 12, "genders": 20}


def prompts_of(row: dict[str, str], source: str) -> list[str]:
    """The row's eleven prompts in lower case."""
    word = {"Prompt": ("Positive", "Negative"), "old": ("positive", "negative")}[source]
    return [cell.lower() for cell in [row[source], *(row[f"{kind}{i}"] for kind in word for i in range(1, 6))]]


def test_the_104_rows_are_the_147_without_43_in_the_same_order(real_folder):
    fewer, all_rows = cells("timed", real_folder), cells("timed147", real_folder)
    places = [all_rows.index(row) for row in fewer]
    assert (len(fewer), len(all_rows)) == (104, 147)
    assert places == sorted(places)


@pytest.mark.parametrize("name", ["timed", "timed147", "timed_embedded"])
def test_the_sources_words_stand_in_the_dest_in_order(name, real_folder):
    for row in cells(name, real_folder):
        old, new = (["a" if word == "an" else word for word in row[side].lower().split()] for side in ("old", "new"))
        left = iter(new)
        assert all(word in left for word in old), row


def test_the_labelled_file_and_the_validation_files_are_as_the_cards_say(real_folder):
    with (real_folder / "timed/TIMED_test_set_filtered_SD14_name_labled.csv").open(newline="") as stream:
        labelled = list(csv.DictReader(stream))
    assert (len(labelled), sum(row["is_human_name"] == "True" for row in labelled)) == (104, 24)
    for name, shape in (("road/RoAD_validation.csv", (10, 30)), ("timed/TIMED_validation_set.csv", (8, 22))):
        with (real_folder / name).open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert (len(rows), len(rows[0])) == shape


@pytest.mark.parametrize(("name", "said"), [("road", "59 cells"), ("timed", "11 cells"), ("timed", "24 rows true")])
def test_the_numbers_in_the_cards_prose(name, said):
    assert said in " ".join(card_text(name).split())
