"""Functions are named by a verb or a noun, never by one bare participle (docs/vocabulary.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("iceb", "methods", "metrics", "baselines")

# Those that stay, with the reason. A new one is refused; so is an entry whose function is gone.
STAY = {
    "iceb/models/bundle.py:applied": "public: `with bundle.applied(edit): ...` reads as a sentence",
    "iceb/specs/methods.py:applied": "the protocol of the same method",
}
IRREGULAR = """
beaten become been begun born borne bought bound broken brought built caught chosen done drawn driven eaten
fallen fed felt flown forgiven forgotten found frozen given gone gotten grown heard held hidden kept known
laid lain led left lent lost made meant met paid ridden risen said seen sent shaken shown sold sought spent
spoken spun stolen stood sworn swum taken taught thought thrown told torn understood undone withdrawn woken
won worn wound woven written
"""
NOT_IN_ED = frozenset(IRREGULAR.split())
NOUNS_IN_ED = frozenset(("bed", "embed", "feed", "need", "red", "seed", "shed", "speed"))


def is_bare_participle(name: str) -> bool:
    """Whether a name is one participle and nothing else, leading underscores aside."""
    word = name.strip("_")
    if not word or "_" in word:
        return False
    return word in NOT_IN_ED or (word.endswith("ed") and word not in NOUNS_IN_ED)


def bare_participles() -> Iterator[str]:
    """file:name of every function and method that is named by one bare participle."""
    for top in TOP:
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_bare_participle(node.name):
                    yield f"{path.relative_to(ROOT).as_posix()}:{node.name}"


@pytest.mark.parametrize("name", ["made", "_told", "kept", "rendered", "__checked"])
def test_one_participle_is_bare(name):
    assert is_bare_participle(name)


@pytest.mark.parametrize("name", ["seed", "embed", "read", "split", "edited_model", "make_edit", "_", "set", "run"])
def test_a_verb_a_noun_and_a_participle_with_a_noun_are_not(name):
    assert not is_bare_participle(name)


def test_no_function_is_named_by_a_bare_participle():
    assert sorted(set(bare_participles()) - set(STAY)) == []


def test_every_exception_is_still_there():
    assert sorted(set(STAY) - set(bare_participles())) == []
