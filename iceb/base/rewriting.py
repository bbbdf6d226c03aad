"""Rewrite phrases in a prompt: whole words, the longest phrase first, in one pass."""

import re
from collections.abc import Mapping


class Rewriter:
    """A replacer of phrases in texts; made once, called for each text.

    A phrase is found as whole words, whatever its case (the text encoder reads "Hen" and "hen" alike) and whatever
    blanks stand between its words; a plural "s" after it stays. The longest phrase at a place wins, and what was put in
    is not read again: a phrase that maps to itself thereby protects its words from shorter ones. A phrase that maps to
    nothing is left out, with its plural "s".

    >>> Rewriter({"lion": "hen", "sea lion": "sea lion"})("A lion looks at two sea lions.")
    'A hen looks at two sea lions.'
    >>> Rewriter({"hammerhead": "tiger shark"})("Hammerhead's jaw; a jackhammerhead")
    "tiger shark's jaw; a jackhammerhead"
    """

    def __init__(self, rewrites: Mapping[str, str]) -> None:
        self._known = {_plain(phrase): replacement for phrase, replacement in rewrites.items() if phrase.strip()}
        self._pattern = _pattern(list(self._known)) if self._known else None

    def __call__(self, text: str) -> str:
        """The rewritten text; a text that holds no phrase comes back as it is."""
        return self._pattern.sub(self._replacement, text) if self._pattern else text

    def _replacement(self, match: re.Match[str]) -> str:
        found = _plain(match[1])
        written = self._known[found]
        if not written:
            return ""
        return match[0] if _plain(written) == found else written + match[2]


def _plain(phrase: str) -> str:
    return " ".join(phrase.lower().split())


def _pattern(phrases: list[str]) -> re.Pattern[str]:
    """Any of the phrases, the longest first, not inside a longer or hyphenated word."""
    longest_first = sorted(phrases, key=len, reverse=True)
    choices = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in longest_first)
    return re.compile(rf"(?<![\w-])({choices})(s?)(?![\w-])", re.IGNORECASE)
