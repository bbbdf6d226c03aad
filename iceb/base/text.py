"""Rewriting phrases in a prompt: whole words, the longest phrase first, in one pass."""

import re
from collections.abc import Mapping
from functools import lru_cache


def rewritten(text: str, rewrites: Mapping[str, str]) -> str:
    """`text` with each phrase replaced by what it maps to.

    A phrase is found as whole words, whatever its case (the text encoder reads "Hen" and "hen" alike) and whatever blanks
    stand between its words; a plural "s" after it stays. The longest phrase at a place wins, and what was written is not
    read again: a phrase that maps to itself thereby protects its words from shorter ones.

    >>> rewritten("A lion looks at two sea lions.", {"lion": "hen", "sea lion": "sea lion"})
    'A hen looks at two sea lions.'
    >>> rewritten("Hammerhead's jaw; a jackhammerhead", {"hammerhead": "tiger shark"})
    "tiger shark's jaw; a jackhammerhead"
    """
    known = {_plain(phrase): replacement for phrase, replacement in rewrites.items() if phrase.strip()}
    if not known:
        return text
    return _pattern(tuple(known)).sub(lambda match: known[_plain(match[1])] + match[2], text)


def _plain(phrase: str) -> str:
    return " ".join(phrase.casefold().split())


@lru_cache(maxsize=16)
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the phrases, the longest first, not inside a longer or hyphenated word."""
    longest_first = sorted(phrases, key=len, reverse=True)
    choices = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in longest_first)
    return re.compile(rf"(?<![\w-])({choices})(s?)(?![\w-])", re.IGNORECASE)
