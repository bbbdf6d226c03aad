"""The words of docs/vocabulary.md where a machine can hold them: names of functions, and words that are not used."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("iceb", "methods", "metrics", "baselines", "tools", "benchmarks", "tests")

# Functions named by one participle that stay, with the reason. A new one is refused; so is an entry that is gone.
STAY = {
    "iceb/models/bundle.py:applied": "public: `with bundle.applied(edit): ...` reads as a sentence",
    "iceb/specs/methods.py:applied": "the protocol of the same method",
}
IRREGULAR = """
beaten become been begun borne bought bound broken brought built caught chosen done drawn driven eaten
fallen fed felt flown forgiven forgotten found frozen given gone gotten grown heard held hidden kept known
laid lain led left lent lost made meant met paid ridden risen said seen sent shaken shown sold sought spent
spoken spun stolen stood sworn swum taken taught thought thrown told torn understood undone withdrawn woken
won worn wound woven written
"""
NOT_IN_ED = frozenset(IRREGULAR.split())
NOUNS_IN_ED = frozenset(("bed", "embed", "feed", "need", "red", "seed", "shed", "speed"))

LONGEST_CLAIM = 80  # characters of a test's name

UNUSED = re.compile(r"\w*(?:picture|hyperparameter|synonym|catalogue)\w*", re.IGNORECASE)
UNUSED_NAMES = frozenset(("told",))  # of variables too; prose may say that things can be told apart
HERE = "tests/test_vocabulary.py"

# Words of UNUSED that stay in a file, with the reason. A word that is not here is refused; so is one that is gone.
PROMPTS = "texts of prompts, which are data"
ALLOWED: dict[str, dict[str, str]] = {
    "iceb/leaderboard/published.py": {"picture": "a key of baselines/published/*.toml"},
    "tools/comparison/published_orders.py": {"synonyms": "a column of a published table"},
    "tools/make_published.py": {"picture": "a key of that file and its text", "pictures": "text of that file"},
    "iceb/mini/phrases.py": {"picture": PROMPTS},
    "iceb/datasets/objects10.py": {"picture": PROMPTS},
    "methods/mace/concepts.py": {"picture": PROMPTS, "catalogue": PROMPTS},
    "methods/uce/texts.py": {"picture": PROMPTS},
    "methods/uce_debias/shares.py": {"picture": PROMPTS},
    "methods/time/alignment.py": {"picture": PROMPTS},
    "methods/time/__init__.py": {"picture": PROMPTS},
    "tests/reference/test_time.py": {"picture": PROMPTS},
    "tests/reference/test_uce_debias.py": {"picture": PROMPTS},
    "tests/unit/running/test_grid.py": {"picture": PROMPTS},
    "tests/unit/test_method_cards.py": {"picture": "the test that no card uses the word"},
}


def is_bare_participle(name: str) -> bool:
    """Whether a name is one participle and nothing else, leading underscores aside."""
    word = name.strip("_")
    if not word or "_" in word:
        return False
    return word in NOT_IN_ED or (word.endswith("ed") and word not in NOUNS_IN_ED)


def sources() -> Iterator[tuple[str, str]]:
    """Path and text of every Python file."""
    for top in TOP:
        for path in sorted((ROOT / top).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


@cache
def bare_participles() -> frozenset[str]:
    """file:name of every function and method that is named by one bare participle."""
    return frozenset(
        f"{path}:{node.name}"
        for path, text in sources()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_bare_participle(node.name)
    )


def unused_words() -> Iterator[tuple[str, str]]:
    """File and word of every word that docs/vocabulary.md replaces by another: names, comments, docstrings, texts."""
    for path, text in sources():
        if path != HERE:
            yield from ((path, word) for word in sorted({found.lower() for found in UNUSED.findall(text)}))


def unused_names() -> Iterator[str]:
    """file:line of every name that says nothing of what it holds."""
    for path, text in sources():
        if not any(name in text for name in UNUSED_NAMES):
            continue
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME and token.string in UNUSED_NAMES:
                yield f"{path}:{token.start[0]} {token.string}"


@pytest.mark.parametrize("name", ["made", "_told", "kept", "rendered", "__checked"])
def test_one_participle_is_bare(name):
    assert is_bare_participle(name)


@pytest.mark.parametrize("name", ["seed", "embed", "read", "split", "edited_model", "make_edit", "_", "set", "run"])
def test_a_verb_a_noun_and_a_participle_with_a_noun_are_not(name):
    assert not is_bare_participle(name)


def test_no_function_is_named_by_a_bare_participle():
    assert sorted(bare_participles() - set(STAY)) == []


def test_every_exception_is_still_there():
    assert sorted(set(STAY) - bare_participles()) == []


def test_no_word_is_used_that_the_vocabulary_replaces_but_the_listed_ones():
    allowed = {(path, word) for path, words in ALLOWED.items() for word in words}
    found = set(unused_words())
    assert sorted(found - allowed) == []
    assert sorted(allowed - found) == []  # an exception that is gone is taken from the list


def test_no_variable_is_told():
    assert list(unused_names()) == []


def test_a_claim_is_at_most_80_characters():
    found = (
        re.findall(r"^ *def (test_\w+)", text, re.MULTILINE) for path, text in sources() if path.startswith("tests/")
    )
    assert [name for names in found for name in names if len(name) > LONGEST_CLAIM] == []
