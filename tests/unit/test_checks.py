"""Texts, names and keys from outside can break no line, no terminal and no path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import SpecError
from iceb.specs.checks import check_name, check_part, check_run_id, check_text, checked_key

KEY = "0123456789abcdef" * 4
PATHS = ("", ".", "..", "../victim", "a/../../victim", "/etc", "a\\b", "a\0b", "a\nb", "x" * 300, None, 7, ["a"])


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=1000))
def test_every_text_that_a_person_can_write_is_accepted(text):
    check_text(text, "prompt")


@pytest.mark.parametrize("text", [None, 7, b"a", ["a"], "\ud800", "a\udcff", "a\0b", "\x1b[31m", "x" * 10_001])
def test_invalid_texts_are_refused(text):
    with pytest.raises(SpecError, match="prompt"):
        check_text(text, "prompt")


@pytest.mark.parametrize("name", ["aice/0007", "own/0000", "Vincent van Gogh", "élan", "class 3"])
def test_valid_names_are_accepted(name):
    check_name(name, "request")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", "a\\b", "\ud800", "é" * 101, None, 7])
def test_invalid_names_are_refused(name):
    with pytest.raises(SpecError, match="request"):
        check_name(name, "request")


@pytest.mark.parametrize("name", ["aice", "emcid-ns", "gloce-iceb.gloce", "sd14", "v1.0+cu12", "_x"])
def test_valid_path_parts_are_accepted(name):
    check_part(name, "method")


@pytest.mark.parametrize("name", [*PATHS, "-rf", ".hidden", "a b", "é"])
def test_invalid_path_parts_are_refused(name):
    with pytest.raises(SpecError, match="method"):
        check_part(name, "method")


def test_a_run_id_is_task_method_count_and_digest():
    check_run_id("aice/emcid/0300-3f9c0a1b", "result.json")


@pytest.mark.parametrize(
    "text",
    [
        *PATHS,
        "aice/emcid/0300-3f9c0a1",
        "aice/emcid/300-3f9c0a1b",
        "aice/../0300-3f9c0a1b",
        "../emcid/0300-3f9c0a1b",
        "aice/emcid/0300-3f9c0a1b/..",
        "aice/emcid/0300-3f9c0a1b\n",
        "/aice/emcid/0300-3f9c0a1b",
    ],
)
def test_invalid_run_ids_are_refused(text):
    with pytest.raises(SpecError, match=r"result\.json"):
        check_run_id(text, "result.json")


@given(st.from_regex(r"[0-9a-f]{64}", fullmatch=True))
def test_a_key_is_64_hex_digits(key):
    assert checked_key(key, "here") == key


@pytest.mark.parametrize("key", [*PATHS, KEY[:-1], KEY + "0", KEY.upper(), KEY[:-1] + "\n", KEY[:-1] + "/", "٣" * 64])
def test_invalid_keys_are_refused(key):
    with pytest.raises(SpecError, match=r"images\.jsonl line 3"):
        checked_key(key, "images.jsonl line 3")
