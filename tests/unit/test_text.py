"""Phrases in prompts are replaced as whole words, and nothing else of the text changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.rewriting import Rewriter

CASES = [
    ("A hen.", {"hen": "suit"}, "A suit."),
    ("Hens and a HEN", {"hen": "suit"}, "suits and a suit"),
    ("when then hence", {"hen": "suit"}, "when then hence"),
    ("a hen-house", {"hen": "suit"}, "a hen-house"),
    ("a hen's egg (hen)", {"hen": "suit"}, "a suit's egg (suit)"),
    ("a  brood  hen", {"brood hen": "suit", "hen": "wok"}, "a  suit"),
    ("a sea lion and a lion", {"lion": "hen", "sea lion": "sea lion"}, "a sea lion and a hen"),
    ("a hen and a wok", {"hen": "wok", "wok": "hen"}, "a wok and a hen"),
    ("A Sea Lion", {"sea lion": "sea lion"}, "A Sea Lion"),
    ("1.5 (a+b)", {"a+b": "c", "1.5": "2"}, "2 (c)"),
    ("a hen", {" hen ": "suit"}, "a suit"),
    ("a hen", {}, "a hen"),
    ("a hen", {"": "suit", "  ": "wok"}, "a hen"),
]


@pytest.mark.parametrize(("text", "rewrites", "expected"), CASES)
def test_phrases_are_whole_words_longest_first_in_one_pass(text, rewrites, expected):
    assert Rewriter(rewrites)(text) == expected


@given(st.text(), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_any_text_and_any_phrases_are_handled(text, rewrites):
    assert isinstance(Rewriter(rewrites)(text), str)


@given(st.text(), st.lists(st.text(min_size=1, max_size=5), max_size=4))
def test_phrases_that_map_to_themselves_change_nothing(text, phrases):
    assert Rewriter({phrase: phrase for phrase in phrases})(text) == text
