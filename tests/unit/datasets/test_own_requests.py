"""A user's own requests as a dataset: labels for known classes, texts for others, and what is left alone."""

import json

import pytest

from iceb.base.errors import DataError
from iceb.datasets.known_classes import label_of, nearest_labels, spread_labels
from iceb.datasets.own_requests import TESTS, Amounts, OwnDataset, OwnRequests
from iceb.mini.world import class_names
from iceb.specs.schedules import edit_batches

ROWS = [
    {"source": "lion", "dest": "hen"},
    {"source": "our mascot", "dest": "tiger", "aliases": ["Leo"], "tests": ["{} waves", "a drawing of {}"]},
    {"source": "goldfinch", "neighbours": ["brambling", "our parrot"]},
]


@pytest.fixture
def own(tmp_path) -> OwnRequests:
    path = tmp_path / "three.json"
    path.write_text(json.dumps(ROWS))
    return OwnRequests.read(path)


def prompts_of(own: OwnRequests, role: str):
    data = OwnDataset(own)
    (batch,) = edit_batches(data.schedule(len(own.concepts)))
    return [each for each in (*data.prompts(batch), *data.shared_prompts(len(own.concepts))) if each.role == role]


def test_a_name_is_a_class_by_its_first_name_or_by_one_that_it_alone_has():
    assert label_of("LION") == class_names().index("lion")
    assert label_of("our mascot") is None


def test_the_nearest_labels_lie_around_and_leave_out_what_is_edited():
    assert nearest_labels(0, {1}, 3) == [2, 3, 4]
    assert nearest_labels(999, set(), 2) == [998, 997]


def test_labels_are_spread_evenly_and_each_stands_once():
    found = list(spread_labels({20}, 25))
    assert len(set(found)) == 25
    assert 20 not in found
    assert all(40 * place <= label < 40 * (place + 1) for place, label in enumerate(found))


def test_prompts_of_known_classes_carry_both_labels(own):
    known = [each for each in prompts_of(own, "source") if each.request == "own/0000"]
    assert [each.text for each in known] == [test.replace("{}", "lion") for test in TESTS]
    assert {(each.label, each.target, each.tags) for each in known} == {(label_of("lion"), label_of("hen"), ("class",))}


def test_a_destination_has_the_noise_of_its_source(own):
    source, dest = prompts_of(own, "source"), prompts_of(own, "dest")
    pairs = {(each.request, each.seed): each.text for each in source}
    assert len(pairs) == len(source)
    assert all((each.request, each.seed) in pairs for each in dest)


def test_prompts_of_unknown_concepts_carry_the_texts_to_compare(own):
    first = next(each for each in prompts_of(own, "source") if each.request == "own/0001")
    assert (first.text, first.choices, first.tags) == (
        "our mascot waves",
        ("our mascot waves", "tiger waves"),
        ("text",),
    )
    alias = next(each for each in prompts_of(own, "alias"))
    assert alias.text == "Leo waves"
    assert alias.choices == first.choices


def test_an_erased_concept_has_no_destination(own):
    erased = [each for each in prompts_of(own, "source") if each.request == "own/0002"]
    assert {each.tags for each in erased} == {("class", "erased")}
    assert {each.target for each in erased} == {None}


def test_neighbours_are_those_of_the_row_or_the_classes_around(own):
    near = {each.concept for each in prompts_of(own, "neighbour")}
    lion = label_of("lion")
    assert near == {
        *(class_names()[each] for each in nearest_labels(lion, {lion, label_of("tiger")}, 2)),
        "brambling",
        "our parrot",
    }
    unknown = next(each for each in prompts_of(own, "neighbour") if each.concept == "our parrot")
    assert unknown.choices == (unknown.text, unknown.text.replace("our parrot", "goldfinch"))


def test_sources_without_a_known_neighbour_are_named(own):
    assert own.without_neighbours() == ["our mascot"]


def test_unrelated_concepts_are_neither_edited_nor_neighbours(own):
    unrelated = prompts_of(own, "unrelated")
    labels = {each.label for each in unrelated}
    assert len(unrelated) == own.amounts.unrelated * own.amounts.each
    assert not labels & {each.label for role in ("source", "neighbour") for each in prompts_of(own, role)}


def test_fewer_images_are_the_first_of_more(own):
    few = OwnRequests(own.concepts, own.file, Amounts(tests=2, near=1, unrelated=12, each=1))
    assert set(prompts_of(few, "source")) < set(prompts_of(own, "source"))


def test_more_edits_than_rows_are_refused(own):
    with pytest.raises(DataError, match=r"three.json holds 3 requests, `num_edits` asked for 4"):
        OwnDataset(own).schedule(4)


def test_a_test_prompt_without_a_place_for_the_name_is_refused(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("source,dest,tests\nlion,hen,a {} here|a hen\n")
    with pytest.raises(DataError, match=r"line 2: test prompt 'a hen' must hold exactly one \{\}"):
        OwnRequests.read(path)
