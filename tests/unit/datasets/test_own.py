"""Somebody's own requests: what a row may say, and that every mistake names its file and row."""

import json

import pytest

from iceb.base.errors import DataError, SpecError
from iceb.datasets.aice import TRAIN_TEMPLATES
from iceb.datasets.user_requests import read_requests, typed_requests
from iceb.specs.requests import EditRequest


def write_file(folder, text, name="mine.json"):
    path = folder / name
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return path


def test_json_and_csv_of_the_same_rows_are_the_same_requests(tmp_path):
    rows = [
        {"source": "Lion", "dest": "hen", "prompts": ["a {}", "the {}"], "aliases": ["big cat"], "seed": 7},
        {"source": "Van Gogh, the painter", "dest": ["art", "a photo"]},
        {"source": "café", "dest": "tea"},
    ]
    table = (
        "source,dest,prompts,aliases,seed\n"
        "Lion,hen,a {}|the {},big cat,7\n"
        '"Van Gogh, the painter",art|a photo,,,\n'
        "café,tea,,,\n"
    )
    found = read_requests(write_file(tmp_path, rows))
    assert found == read_requests(write_file(tmp_path, table, "mine.csv"))
    assert found[0] == EditRequest("own/0000", "Lion", ("hen",), ("a {}", "the {}"), 7, aliases=("big cat",))
    assert found[1] == EditRequest("own/0001", "Van Gogh, the painter", ("art", "a photo"), TRAIN_TEMPLATES, 1)
    assert found[2] == EditRequest("own/0002", "café", ("tea",), TRAIN_TEMPLATES, 2)


def test_typed_pairs_belong_together_in_order():
    found = typed_requests(["lion", "boat"], ["hen", "car"])
    assert [(request.source, request.dest) for request in found] == [("lion", "hen"), ("boat", "car")]
    assert [request.dests for request in typed_requests(["lion", "boat"], [])] == [(), ()]


def test_pairs_that_do_not_match_are_refused():
    with pytest.raises(SpecError, match="2 `source` and 1 `dest`"):
        typed_requests(["lion", "boat"], ["hen"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ([], "holds no requests"),
        ({"source": "lion"}, "holds a dict: expected a list"),
        ("[{", "not JSON at line 1"),
        ([{"source": "a"}, {"dest": "hen"}], "entry 2: source: Field required"),
        ([{"source": " "}], "entry 1: edit request own/0000: source ''"),
        ([{"source": "a", "destination": "b"}], "entry 1: destination: Extra inputs .* a row has source, dest"),
        ([{"source": "a", "prompts": ["no place"]}], "entry 1: .*exactly one"),
        ([{"source": "a", "seed": -1}], "entry 1: seed"),
        ([{"source": "a"}, {"source": "a"}], "'a' stands twice: name each"),
        ([{"source": "a", "dest": "b"}, {"source": "a"}], "'a' stands twice, to become 'b' and nothing: name each"),
        (["lion"], "entry 1"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        read_requests(write_file(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("source,dest\nlion,hen\nboat,\n", "line 3: dest is empty.*leave the column dest out"),
        ("source,dest\nlion\n", "line 2: dest is empty"),
        ("source,seed\nlion,1\n\nboat,-1\n", "line 4: seed"),
        ('source,prompts\nlion,"a\n{}"\nboat,no place\n', "line 4: .*exactly one"),
        ('source,prompts\nlion,a {}\nboat,"no\nplace"\n', "line 3: .*exactly one"),
        ("source;dest\nlion;hen\n", "line 1: looks like semicolon separated .*separated by commas"),
        ("source\tdest\nlion\then\n", "line 1: looks like tab separated"),
        ("lion,hen\n", "line 1: no column source, but lion, hen"),
        ("source,dest\nVan Gogh, the painter,art\n", "line 2: more cells than the header"),
        ("source,destination\nlion,hen\n", "line 2: destination: Extra inputs"),
        ("source,dest\n", "holds no requests"),
        ("", "holds no requests"),
    ],
)
def test_a_wrong_row_of_csv_is_named_by_its_line_in_the_file(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        read_requests(write_file(tmp_path, text, "mine.csv"))


def test_csv_without_a_column_of_destinations_erases(tmp_path):
    found = read_requests(write_file(tmp_path, "source\nlion\nboat\n", "mine.csv"))
    assert [(request.source, request.dests) for request in found] == [("lion", ()), ("boat", ())]


def test_a_file_that_is_not_there_and_one_of_another_kind(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_requests(tmp_path / "none.csv")
    with pytest.raises(SpecError, match=r"must end in \.json or \.csv"):
        read_requests(write_file(tmp_path, "source\nlion\n", "mine.txt"))
