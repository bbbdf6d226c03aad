"""The upstream lists of names to erase, where they are at hand: every count and quirk that is known of them."""

import csv
import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
import torch

from iceb.base.errors import DataError
from iceb.datasets import open_dataset
from iceb.datasets.artists import training_seeds
from iceb.datasets.cards import card_text, load_card
from iceb.specs.schedules import edit_batches
from tests.unit.datasets.mace_files import mace_folder

ARTISTS = (1, 5, 10, 50, 100, 500, 1000)
FILE = "erased-{}artists-towards_art-preserve_true-sd_1_4-method_replace"


@pytest.fixture(scope="module")
def artists(real_folder):
    return open_dataset("artists", str(real_folder))


@pytest.fixture(scope="module")
def celebrities():
    return open_dataset("celebrities", str(mace_folder()))


@pytest.fixture(scope="module")
def styles():
    return open_dataset("styles", str(mace_folder()))


@pytest.fixture(scope="module")
def objects():
    return open_dataset("objects", str(mace_folder()))


def ask(dataset, num_edits):
    """The batch, and all prompts of one checkpoint."""
    (batch,) = edit_batches(dataset.schedule(num_edits))
    return batch, [*dataset.prompts(batch), *dataset.shared_prompts(num_edits)]


def roles(prompts):
    return Counter(prompt.role for prompt in prompts)


# Artists


@pytest.mark.parametrize("count", ARTISTS)
def test_the_requests_of_artists_are_the_file_in_its_order(artists, real_folder, count):
    path = real_folder / "artists" / "info" / f"{FILE.format(count)}.txt"
    batch, _ = ask(artists, count)
    assert [request.source for request in batch.requests] == json.loads(path.read_text(encoding="utf-8"))
    assert {request.dests for request in batch.requests} == {("art",)}


@pytest.mark.parametrize(
    ("count", "erased", "preserved"),
    [(1, 5, 500), (5, 25, 500), (10, 50, 500), (50, 250, 500), (100, 500, 500), (500, 500, 375), (1000, 500, 240)],
)
def test_artists_are_drawn_five_times_each_and_edited_ones_are_not_preserved(artists, count, erased, preserved):
    _, prompts = ask(artists, count)
    found = roles(prompts)
    assert (found["erased"], found["preserved"], found["holdout"]) == (erased, preserved, 500)
    assert found["erased_more"] == 5 * max(0, count - 100)


@pytest.mark.parametrize("count", ARTISTS)
def test_every_row_of_the_artists_file_is_a_prompt_with_its_seed(artists, real_folder, count):
    path = real_folder / "artists" / "prompts_dir" / f"{FILE.format(count)}.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    batch, prompts = ask(artists, count)
    edited = {request.source for request in batch.requests}
    wanted = [row for row in rows if not (row["type"] == "preserved" and row["artist"] in edited)]
    found = Counter((prompt.role, prompt.text, prompt.seed) for prompt in prompts if prompt.role != "erased_more")
    assert found == Counter((row["type"], row["prompt"], int(row["evaluation_seed"])) for row in wanted)
    assert {len(rows) - len(wanted)} == {{500: 125, 1000: 260}.get(count, 0)}
    assert [row["case_number"] for row in rows] == [str(place) for place in range(len(rows))]


def test_the_lists_of_artists_are_not_nested(artists):
    names = {count: {request.source for request in artists.requests[count]} for count in ARTISTS}
    assert len(set().union(*names.values())) == load_card("artists").counts["names"] == 1277
    assert sum(map(len, names.values())) == 1666
    assert not names[1] & names[5]
    assert len(names[500] & names[1000]) == 274


def test_the_holdout_artists_are_the_same_hundred_with_other_seeds(artists):
    known = [{prompt for prompt in artists.shared_prompts(count) if prompt.role == "holdout"} for count in ARTISTS]
    assert len({frozenset(prompt.concept for prompt in each) for each in known}) == 1
    assert {len({prompt.concept for prompt in each}) for each in known} == {100}
    drawn = [{(prompt.text, prompt.seed) for prompt in each} for each in known]
    assert sum(len(one & other) for one, other in combinations(drawn, 2)) == 3  # of 21 pairs of 500, by chance
    edited = {request.source for requests in artists.requests.values() for request in requests}
    assert not edited & {prompt.concept for prompt in known[0]}


def test_every_artist_is_drawn_in_the_same_five_sentences(artists):
    frames = Counter()
    for count in ARTISTS:
        batch, prompts = ask(artists, count)
        sources = {request.id: request.source for request in batch.requests}
        frames.update(prompt.text.replace(sources.get(prompt.request) or prompt.concept, "{}") for prompt in prompts)
    assert len(frames) == 5
    assert len(set(frames.values())) == 1


def test_the_training_seeds_of_artists_are_torchs_numbers():
    """The authors: torch.random.manual_seed(2023), then torch.randint(0, 100000, (1,)) for each artist."""
    generator = torch.Generator().manual_seed(2023)
    assert training_seeds(1000) == [int(torch.randint(0, 100_000, (1,), generator=generator)) for _ in range(1000)]


def test_the_list_for_universal_erasing_is_that_of_ten_artists(real_folder):
    folder = real_folder / "artists" / "info"
    universal = folder / "universal-10artists-towards_uncond-preserve_true-sd_1_4-method_replace.txt"
    assert universal.read_bytes() == (folder / f"{FILE.format(10)}.txt").read_bytes()


@pytest.mark.parametrize(("count", "size"), [(2, 5), (20, 50), (300, 500), (501, 1000)])
def test_a_number_between_takes_the_first_of_the_next_larger_list(artists, count, size):
    batch, prompts = ask(artists, count)
    assert batch.requests == artists.requests[size][:count]
    assert roles(prompts)["erased"] > 0
    assert roles(prompts)["erased"] + roles(prompts)["erased_more"] == 5 * count


def test_more_artists_than_the_largest_list_are_refused(artists):
    with pytest.raises(DataError, match="`num_edits` asked for 1001: choose 1 to 1000"):
        artists.schedule(1001)


# Celebrities and styles


@pytest.mark.parametrize(("count", "erased", "seeds"), [(1, 250, 50), (5, 250, 10), (10, 250, 5), (100, 2500, 5)])
def test_celebrities_are_drawn_in_five_sentences_with_as_many_seeds(celebrities, count, erased, seeds):
    batch, prompts = ask(celebrities, count)
    assert roles(prompts) == {"erased": erased, "others": 2500}
    of_first = [prompt for prompt in prompts if prompt.request == batch.requests[0].id]
    assert sorted({prompt.seed for prompt in of_first}) == list(range(1, seeds + 1))
    assert len({prompt.text for prompt in of_first}) == 5
    assert {prompt.seed for prompt in prompts if prompt.role == "others"} == {1, 2, 3, 4, 5}
    assert max(Counter((prompt.text, prompt.seed) for prompt in prompts).values()) == 1


def test_a_celebritys_name_is_found_in_each_of_its_prompts(celebrities):
    for count in (1, 5, 10, 100):
        batch, prompts = ask(celebrities, count)
        sources = {request.id: request.source for request in batch.requests}
        for prompt in prompts:
            (name,) = prompt.choices
            assert name == (sources.get(prompt.request) or prompt.concept)
            assert name in prompt.text
            assert 1 <= len(name.split()) <= 4


def test_the_frames_of_all_celebrities_are_the_same_five(celebrities):
    _, prompts = ask(celebrities, 100)
    frames = Counter(prompt.text.replace(prompt.choices[0], "{}") for prompt in prompts)
    assert len(frames) == 5
    assert set(frames.values()) == {1000}


def test_lists_of_celebrities_are_the_first_of_the_longest_but_for_the_single_one(celebrities):
    names = {count: [request.source for request in celebrities.requests[count]] for count in (1, 5, 10, 100)}
    assert names[5] == names[100][:5]
    assert names[10] == names[100][:10]
    assert names[1] == names[100][-1:]


def test_other_celebrities_are_the_same_at_every_number_and_never_erased(celebrities):
    known = [celebrities.shared_prompts(count) for count in (1, 5, 10, 100)]
    assert all(each == known[0] for each in known)
    assert len({prompt.concept for prompt in known[0]}) == 100
    assert not {prompt.concept for prompt in known[0]} & {request.source for request in celebrities.requests[100]}


def test_one_celebrity_becomes_a_woman_and_several_a_person(celebrities):
    assert [celebrities.requests[count][0].dests for count in (1, 5, 10, 100)] == [("a woman",), *[("a person",)] * 3]


def test_styles_are_a_hundred_erased_and_a_hundred_others(styles):
    batch, prompts = ask(styles, 100)
    assert roles(prompts) == {"erased": 2500, "others": 2500}
    assert {prompt.seed for prompt in prompts} == {1, 2, 3, 4, 5}
    others = {prompt.concept for prompt in prompts if prompt.role == "others"}
    erased = {request.source for request in batch.requests}
    assert (len(erased), len(others), len(erased & others)) == (100, 100, 0)
    names = {request.id: request.source for request in batch.requests}
    frames = Counter(prompt.text.replace(names.get(prompt.request) or prompt.concept, "{}") for prompt in prompts)
    assert len(frames) == 5
    assert set(frames.values()) == {1000}


def test_styles_are_drawn_in_the_sentences_of_artists(styles, artists):
    def frames(dataset):
        return {prompt.text.replace(prompt.concept, "{}") for prompt in dataset.shared_prompts(100)}

    assert frames(styles) == frames(artists)


def test_fewer_styles_are_the_first_of_the_list(styles):
    assert ask(styles, 7)[0].requests == styles.requests[100][:7]
    with pytest.raises(DataError, match="choose 1 to 100; task artists goes to 1000"):
        styles.schedule(101)


# Objects


def test_objects_are_the_classes_of_cifar_with_three_other_names_each(objects):
    names = [request.source for request in objects.requests]
    assert names == ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    assert {len(request.aliases) for request in objects.requests} == {3}
    assert len({alias for request in objects.requests for alias in request.aliases}) == 30


def test_objects_have_maces_destinations_where_it_names_some(objects):
    dests = {request.source: request.dest for request in objects.requests}
    assert (dests["ship"], dests["automobile"], dests["bird"]) == ("ground", "sky", "street")


def test_an_object_is_judged_by_200_images_of_each_name(objects):
    batches = edit_batches(objects.schedule(10))
    assert [roles(objects.prompts(batch)) for batch in batches] == [{"erased": 200, "alias": 600, "others": 1800}] * 10
    drawn_before = {(prompt.text, prompt.seed) for batch in batches for prompt in objects.prompts(batch)}
    assert len(drawn_before) == 8000
    assert {seed for _, seed in drawn_before} == set(range(1, 201))


@pytest.mark.parametrize("name", ["artists", "celebrities", "styles", "objects"])
def test_rows_on_the_card_are_the_files_rows(name, real_folder):
    card = load_card(name)
    folder = real_folder / "artists" if name == "artists" else Path(mace_folder())
    for file in card.files.values():
        text = (folder / file.path).read_text(encoding="utf-8")
        rows = (
            len(json.loads(text))
            if file.path.endswith((".json", ".txt"))
            else len([line for line in text.splitlines() if line]) - 1
        )
        assert file.rows in (None, rows), file.path


def test_the_cards_prose_has_the_numbers_of_the_files():
    text = " ".join(card_text("artists").split())
    for number in ("1 666 artists, 1 277 different", "25 of the preserved artists", "52 in that of 1 000"):
        assert number in text
