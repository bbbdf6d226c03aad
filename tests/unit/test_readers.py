"""Whatever a file or an option holds becomes a value or one clear line; a message is short and printable."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import DataError, IcebError, SpecError
from iceb.base.messages import LINE, QUOTED, one_line, quote
from iceb.base.readers import is_file, is_folder, parse_json, parse_toml, read_json, read_text, user_path

DEEP = 100_000
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs", "Cc"])), inner),
)  # fmt: skip


@given(VALUES)
def test_every_value_that_json_can_hold_comes_back(value):
    assert parse_json(json.dumps(value), "x", DataError) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON at line 1 column 1"),
        ('{"a": ', "not JSON at line 1"),
        ("7" * 5000, "of 5000 digits, beyond 64 bits"),
        (str(2**63), "beyond 64 bits"),
        ("1e999", "no float can hold"),
        ("[NaN]", "holds NaN"),
        ("-Infinity", "holds -Infinity"),
        ("[" * DEEP, "nested too deeply"),
        ("[" * DEEP + "]" * DEEP, "nested too deeply"),
        ('{"a":' * DEEP, "nested too deeply"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        (r'{"a": "\ud800"}', r"'\ud800', no character"),
        (r'{"\udfff": 1}', "no character"),
        ('"\udcff"', "no character"),
        (r'"\u0000"', "no character"),
        (r'["\u001b[31m"]', "no character"),
    ],
    ids=lambda value: value[:20],
)
def test_json_that_nobody_can_use_is_one_line(text, words):
    with pytest.raises(DataError) as caught:
        parse_json(text, "file.json", DataError, "write it anew")
    assert words in str(caught.value)
    assert str(caught.value).startswith("file.json: ")
    assert str(caught.value).endswith("; write it anew")


def test_a_pair_of_surrogates_is_one_character():
    assert parse_json(r'"\ud83d\ude00"', "x", DataError) == "\U0001f600"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = ", "not TOML"),
        ("a = " + "7" * 5000, "beyond 64 bits"),
        (f"a = [{2**63}]", "beyond 64 bits"),
        ("a = " + "[" * DEEP, "nested too deeply"),
        ("a = " + "{b = " * DEEP, "nested too deeply"),
        (r'a = "\ud800"', "not TOML"),
    ],
    ids=lambda value: value[:20],
)
def test_toml_that_nobody_can_use_is_one_line(text, words):
    with pytest.raises(SpecError, match=words):
        parse_toml(text, "recipe", SpecError)


def test_unreadable_files_are_named_with_a_remedy(tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "bytes", tmp_path / ("x" * 300), Path("nul\0byte")):
        with pytest.raises(DataError, match=r"cannot be read \(.*\): mend it"):
            read_text(path, DataError, "mend it")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json", DataError, "") == {"a": 1}


def test_names_that_no_file_system_takes_are_no_files():
    for path in (Path("x" * 300), Path("nul\0byte"), Path("a/" * 3000)):
        assert not is_folder(path)
        assert not is_file(path)


@pytest.mark.parametrize("text", ["~nobody-has-this-name/x", "nul\0byte"])
def test_a_path_that_names_nothing_is_refused(text):
    with pytest.raises(SpecError):
        user_path(text)


@given(st.text() | st.integers() | st.lists(st.text()) | st.text(st.characters(categories=["Cs", "Cc", "Cf"])))
def test_a_quoted_value_is_printable_and_of_bounded_length(value):
    found = quote(value)
    assert len(found) <= QUOTED
    assert found.isprintable()


@pytest.mark.parametrize(
    ("value", "words"),
    [(10**5000, "a number of 5001 digits"), ("x" * 10**6, "…"), ("\x1b[31m", r"'\x1b[31m'"), ("\ud800", r"'\ud800'")],
    ids=["digits", "long", "escape", "half"],
)
def test_unprintable_values_are_described(value, words):
    assert words in quote(value)


@given(st.text(max_size=3000))
def test_a_message_is_one_printable_line(text):
    for line in (one_line(text), str(IcebError(text))):
        assert line.isprintable()
        assert len(line) <= LINE
        assert all(len(word) <= QUOTED for word in line.split())


def test_a_short_message_stays_as_it_is():
    line = "--steps 0: must be 1 to 1000 (± Δ …)"
    assert one_line(line) == line
