"""A damaged data file gives one sentence: the file, the row, what is wrong, what to do."""

import json

import pytest

from iceb.base.errors import DataError
from iceb.datasets.aice_rows import EditRow, HoldoutRow, by_class, read_aliases, read_rows


def rows_of(small, name="edits.json"):
    return json.loads((small.folder / name).read_text())


def test_seeds_written_as_numbers_and_as_digits_mean_the_same(small):
    rows = read_rows(small.paths["edits"], EditRow)
    assert [row.seed for row in rows[:5]] == [80, 81, 82, 83, 84]


def test_a_file_cut_short_is_named_with_the_place_and_the_remedy(small):
    path = small.write_text("edits.json", json.dumps(rows_of(small))[:-200])
    with pytest.raises(DataError, match=r"edits\.json: not JSON at line 1 column \d+ .*fetch it again"):
        read_rows(path, EditRow)


def test_bytes_that_are_not_text_are_reported(small):
    path = small.folder / "edits.json"
    path.write_bytes(b'["\xff\xfe"]')
    with pytest.raises(DataError, match="not UTF-8 text"):
        read_rows(path, EditRow)


def test_a_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(DataError, match=r"absent\.json: cannot be read \(No such file"):
        read_rows(tmp_path / "absent.json", EditRow)


@pytest.mark.parametrize(("content", "said"), [({"a": 1}, "one object"), ([], "no rows"), ("x", "a str")])
def test_anything_but_a_list_of_rows_is_refused(small, content, said):
    with pytest.raises(DataError, match=f"holds {said}, a list of rows was expected"):
        read_rows(small.write("edits.json", content), EditRow)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("class name", "", "'class name': String should have at least 1 character"),
        ("text prompt", 7, "'text prompt': Input should be a valid string, got 7"),
        ("random seed", "12a", "'random seed': Input should be a valid integer, got '12a'"),
        ("random seed", -1, "'random seed': Input should be greater than or equal to 0"),
        ("random seed", 1.0, "'random seed': Input should be a valid integer"),
        ("random seed", True, "'random seed': Input should be a valid integer"),
        ("class id", 1000, "'class id': Input should be less than or equal to 999"),
        ("class id", "8", "'class id': Input should be a valid integer"),
        ("dest", None, "'dest': Input should be a valid string"),
    ],
)
def test_a_wrong_value_is_named_with_its_row_and_key(small, key, value, said):
    rows = rows_of(small)
    rows[3][key] = value
    with pytest.raises(DataError) as caught:
        read_rows(small.write("edits.json", rows), EditRow)
    assert "edits.json, row 3: " + said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named_with_its_row(small):
    rows = rows_of(small)
    del rows[6]["dest id"]
    with pytest.raises(DataError, match="row 6: 'dest id': Field required; fetch it again"):
        read_rows(small.write("edits.json", rows), EditRow)


def test_a_row_that_is_no_object_is_named(small):
    with pytest.raises(DataError, match="row 1: 'row': Input should be a valid dictionary"):
        read_rows(small.write("holdout.json", [rows_of(small, "holdout.json")[0], 5]), HoldoutRow)


def classes(small, rows, each=5):
    path = small.write("edits.json", rows)
    return by_class(read_rows(path, EditRow), path, each)


def test_rows_are_gathered_by_class_in_the_files_order(small):
    assert [[row.name for row in rows] for rows in classes(small, rows_of(small))] == [["hen"] * 5, ["jay"] * 5]


def test_a_class_with_too_few_rows_is_refused(small):
    with pytest.raises(DataError, match="row 5: class 'jay' has 4 rows, expected 5"):
        classes(small, rows_of(small)[:-1])


def test_a_class_in_two_places_is_refused(small):
    rows = rows_of(small)
    with pytest.raises(DataError, match="row 10: class 'hen' stands in two places"):
        classes(small, rows + rows[:5])


@pytest.mark.parametrize(("key", "value"), [("dest", "daisy"), ("dest id", 985), ("class id", 9)])
def test_a_class_that_changes_between_its_rows_is_refused(small, key, value):
    rows = rows_of(small)
    rows[7][key] = value
    with pytest.raises(DataError, match="row 7: class 'jay' has"):
        classes(small, rows)


def test_both_forms_of_the_alias_file_are_read(small):
    plain = read_aliases(small.paths["aliases"])
    config = small.write("config.json", {"id2label": {"8": "hen, biddy, brood hen", "17": "jay"}, "hidden_size": 3})
    assert plain == {8: (" biddy", " brood hen")}
    assert read_aliases(config) == {8: (" biddy", " brood hen"), 17: ()}


@pytest.mark.parametrize("content", [[1], {"8": "biddy"}, {"8": [""]}, {"eight": ["biddy"]}, {"1000": ["biddy"]}])
def test_an_alias_file_of_another_form_is_refused(small, content):
    with pytest.raises(DataError, match=r"aliases\.json"):
        read_aliases(small.write("aliases.json", content))
