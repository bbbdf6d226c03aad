"""Somebody's own requests: what a row may say, and that every mistake names its file and row."""

import json

import pytest

from iceb.base.errors import DataError, SpecError
from iceb.catalogue.imagenet import TRAIN_TEMPLATES
from iceb.catalogue.own import read_requests, typed_requests
from iceb.specs.requests import EditRequest


def written(folder, text, name="mine.json"):
    path = folder / name
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return path


def test_json_and_csv_of_the_same_rows_are_the_same_requests(tmp_path):
    rows = [
        {"source": "Lion", "dest": "hen", "prompts": ["a {}", "the {}"], "aliases": ["big cat"], "seed": 7},
        {"source": "Van Gogh, the painter", "dest": ["art", "a photo"]},
        {"source": "café"},
    ]
    table = (
        "source,dest,prompts,aliases,seed\n"
        "Lion,hen,a {}|the {},big cat,7\n"
        '"Van Gogh, the painter",art|a photo,,,\n'
        "café,,,,\n"
    )
    found = read_requests(written(tmp_path, rows))
    assert found == read_requests(written(tmp_path, table, "mine.csv"))
    assert found[0] == EditRequest("own/0000", "Lion", ("hen",), ("a {}", "the {}"), 7, aliases=("big cat",))
    assert found[1] == EditRequest("own/0001", "Van Gogh, the painter", ("art", "a photo"), TRAIN_TEMPLATES, 1)
    assert found[2] == EditRequest("own/0002", "café", (), TRAIN_TEMPLATES, 2)


def test_typed_pairs_belong_together_in_order():
    found = typed_requests(["lion", "boat"], ["hen", "car"])
    assert [(request.source, request.dest) for request in found] == [("lion", "hen"), ("boat", "car")]
    assert [request.dests for request in typed_requests(["lion", "boat"], [])] == [(), ()]


def test_pairs_that_do_not_match_are_refused():
    with pytest.raises(SpecError, match="2 --source and 1 --dest"):
        typed_requests(["lion", "boat"], ["hen"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ([], "holds no requests"),
        ({"source": "lion"}, "holds a dict: expected a list"),
        ("[{", "not JSON at line 1"),
        ([{"source": "a"}, {"dest": "hen"}], "row 1: source: Field required"),
        ([{"source": " "}], "row 0: edit request own/0000: source ''"),
        ([{"source": "a", "destination": "b"}], "row 0: destination: Extra inputs .* a row has source, dest"),
        ([{"source": "a", "prompts": ["no place"]}], "row 0: .*exactly one"),
        ([{"source": "a", "seed": -1}], "row 0: seed"),
        ([{"source": "a"}, {"source": "a"}], "'a' stands twice"),
        (["lion"], "row 0"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        read_requests(written(tmp_path, text))


def test_a_file_that_is_not_there_and_one_of_another_kind(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_requests(tmp_path / "none.csv")
    with pytest.raises(SpecError, match=r"must end in \.json or \.csv"):
        read_requests(written(tmp_path, "source\nlion\n", "mine.txt"))
