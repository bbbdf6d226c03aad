"""Professions to be balanced: requests, prompts and noise as the authors' programs make them, from both sources."""

import csv
import random
from pathlib import Path

import pytest

from iceb.base.digest import digest_file
from iceb.base.errors import DataError
from iceb.datasets import EMBEDDED, load_card, open_dataset
from iceb.datasets.debias import Debias
from iceb.mini.people import GENDERS, female_odds, professions
from iceb.specs.datasets import DataCard, DataFile, DataSource
from iceb.specs.prompts import NoiseDraw
from iceb.specs.schedules import Add, Checkpoint, Remove, edit_batches

ROWS = """female,male,old,new,validation,ex1,ex2,ex3,ex4,ex5
a female pilot,a male pilot,a pilot,a female pilot,a pilot by day,one,two,three,four,five
a female monk,a male monk,a monk,a male monk,a monk by day,one,two,three,four,five
"""


def small(folder: Path, text: str = ROWS, single: bool = False) -> Debias:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    card = DataCard(
        name="small",
        version=1,
        paper="",
        licence="MIT",
        source=DataSource(repository="nobody/nothing", commit="c" * 40),
        files={"professions": DataFile(path=path.name, sha256=digest_file(path))},
        counts={"requests": 2, "seeds": 10},
    )
    return Debias(card, {"professions": path}, single)


def whole(dataset: Debias, count: int):
    (batch,) = edit_batches(dataset.schedule(count))
    return batch


def test_a_request_is_balanced_between_the_female_and_the_male_text(tmp_path):
    pilot, monk = small(tmp_path).requests
    assert (pilot.source, pilot.dests) == ("a pilot", ("a female pilot", "a male pilot"))
    assert pilot.templates == ("a photo of {}", "an image of {}", "{}")
    random.seed(2023)
    assert [pilot.seed, monk.seed] == random.sample(range(100_000), 2)


def test_every_seed_draws_six_sentences_of_twelve_images_in_order(tmp_path):
    dataset = small(tmp_path)
    prompts = dataset.prompts(whole(dataset, 1))
    assert len(prompts) == 6 * 12 * 10
    first = [prompt.text for prompt in prompts[:72]]
    assert first == [text for text in ("a pilot by day", "one", "two", "three", "four", "five") for _ in range(12)]
    assert [prompt.replicate for prompt in prompts] == [seed for seed in range(10) for _ in range(72)]
    own, others = ("a female pilot", "a male pilot"), ("a female monk", "a male monk")
    assert {prompt.choices for prompt in prompts} == {own + others}
    assert len({prompt.seed for prompt in prompts}) == 720


def test_the_published_noise_is_one_image_after_the_other_from_each_seed(tmp_path):
    dataset = small(tmp_path)
    prompts = dataset.prompts(whole(dataset, 2))
    assert prompts[0].noise == NoiseDraw(0)
    assert prompts[72 + 13].noise == NoiseDraw(1, (1,) * 14, 0)
    assert prompts[720].noise == prompts[0].noise  # every profession starts from the seed again


def test_all_at_once_is_one_batch_and_single_ones_are_removed_in_turn(tmp_path):
    assert len(whole(small(tmp_path), 2).requests) == 2
    steps = small(tmp_path, single=True).schedule(2)
    assert [type(step) for step in steps] == [Add, Checkpoint, Remove] * 2
    assert [[request.source for request in batch.requests] for batch in edit_batches(steps)] == [
        ["a pilot"],
        ["a monk"],
    ]


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("asked", [0, 3])
def test_a_number_of_edits_out_of_bounds_is_refused(tmp_path, asked, single):
    with pytest.raises(DataError, match=f"has 2 edit requests, `num_edits` asked for {asked}: choose 1 to 2"):
        small(tmp_path, single=single).schedule(asked)


def test_files_of_another_length_or_with_a_profession_twice_are_refused(tmp_path):
    with pytest.raises(DataError, match="has 1 requests, its data card declares 2"):
        small(tmp_path, "\n".join(ROWS.splitlines()[:2]))
    with pytest.raises(DataError, match="names 'a pilot' twice"):
        small(tmp_path, "\n".join([*ROWS.splitlines()[:2], ROWS.splitlines()[1]]))
    with pytest.raises(DataError, match="row 0: 'ex5': Field required"):
        small(tmp_path, ROWS.replace(",ex5", "").replace(",five", ""))


@pytest.mark.parametrize("name", ["debias", "debias_single"])
def test_the_embedded_rows_are_minis_professions(name):
    dataset = open_dataset(name, EMBEDDED)
    assert isinstance(dataset, Debias)
    assert [request.source.split(" ", 1)[1] for request in dataset.requests] == list(professions())
    for request in dataset.requests:
        profession = request.source.split(" ", 1)[1]
        assert request.dests == tuple(f"a {gender} {profession}" for gender in GENDERS)
    batches = edit_batches(dataset.schedule(37))
    assert len(batches) == (37 if name == "debias_single" else 1)
    prompts = [prompt for batch in batches for prompt in dataset.prompts(batch)]
    assert len(prompts) == 37 * 72 * 3 == 7992
    assert {prompt.replicate for prompt in prompts} == {0, 1, 2}  # of the ten published seeds
    assert load_card(name).counts["seeds"] == 10


def test_the_embedded_column_new_names_the_rarer_gender():
    dataset = open_dataset("debias", EMBEDDED)
    path = Path(__file__).parents[3] / "iceb" / "mini" / "data" / dataset.card.files["professions"].path
    with path.open(newline="", encoding="utf-8") as stream:
        news = [row["new"] for row in csv.DictReader(stream)]
    assert news == [dataset.requests[i].dests[female_odds(i) > 0.5] for i in range(37)]


def test_the_odds_on_mini_have_the_delta_that_the_card_says():
    deltas = [abs(female_odds(place) - 0.5) / 0.5 for place in range(37)]
    assert round(sum(deltas) / 37, 3) == 0.493


@pytest.fixture(scope="module")
def upstream(real_folder):
    dataset = open_dataset("debias", str(real_folder))
    assert isinstance(dataset, Debias)
    return dataset


def test_the_upstream_file_holds_37_professions(upstream, real_folder):
    folder = real_folder / "debias"
    with (folder / "TIMED_gender_test_set_processed.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    with (folder / "TIMED_gender_test_set.csv").open(newline="", encoding="utf-8") as stream:
        raw = list(csv.DictReader(stream))
    assert (len(rows), len(raw), len(rows[0]), len(raw[0])) == (37, 35, 10, 8)
    assert {row["old"] for row in rows} - {row["old"] for row in raw} == {"a doctor", "a chef"}
    assert rows[-1]["ex5"] == "a chef digital ar"
    random.seed(2023)
    seeds = random.sample(range(100_000), len(rows))
    for row, request, seed in zip(rows, upstream.requests, seeds, strict=True):
        assert (request.source, request.dests, request.seed) == (row["old"], (row["female"], row["male"]), seed)


def test_the_upstream_prompts_are_26640(upstream):
    prompts = upstream.prompts(whole(upstream, 37))
    assert len(prompts) == 26_640
    first = [prompt.text for prompt in prompts[:72:12]]
    assert len(set(first)) == 6
    assert all(upstream.requests[0].source in text for text in first)


def test_single_edits_have_the_same_requests_and_prompts(upstream, real_folder):
    single = open_dataset("debias_single", str(real_folder))
    assert [request.source for request in single.requests] == [request.source for request in upstream.requests]
    first = edit_batches(single.schedule(1))[0]
    together = upstream.prompts(whole(upstream, 1))
    assert [(p.text, p.seed, p.noise) for p in single.prompts(first)] == [(p.text, p.seed, p.noise) for p in together]
