"""Escape every special character of a text for LaTeX, so that no name becomes a command."""

import re

from iceb.base.messages import printable

SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # behind the end of a row a bracket would be taken for its option
    "]": "{]}",
    "*": "{*}",  # likewise
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    **{
        sign: f"${command}$"
        for sign, command in {
            "±": r"\pm",
            "×": r"\times",
            "−": "-",
            "→": r"\rightarrow",
            "↑": r"\uparrow",
            "↓": r"\downarrow",
            "≤": r"\leq",
            "≥": r"\geq",
            "‖": r"\|",
            "Δ": r"\Delta",
            "λ": r"\lambda",
            "τ": r"\tau",
            "Σ": r"\Sigma",
        }.items()
    },
}
LAST_LATIN = 0x24F  # pdflatex' default encodings have letters up to here
LETTER = re.compile(r"[^\W\d_]")


def latex(text: str) -> str:
    r"""Escape text for a line of LaTeX.

    >>> latex("uce, 5 % (rate=1e_3)\n"), latex("a → b"), latex(r"\input{x}")
    ('uce, 5 \\% (rate=1e\\_3)', 'a $\\rightarrow$ b', '\\textbackslash{}input\\{x\\}')
    """
    return "".join(map(_letter, printable(text).strip()))


def _letter(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if ord(character) < 128 or (ord(character) <= LAST_LATIN and LETTER.match(character)):
        return character
    return f"\\texttt{{U+{ord(character):04X}}}"


def number(text: str) -> str:
    """A number's text with a minus sign of mathematics.

    >>> number("-0.012"), number("0.250")
    ('$-$0.012', '0.250')
    """
    return f"$-${text[1:]}" if text.startswith("-") else text


def comment(text: str) -> str:
    r"""Text as a comment, which no line break can end.

    >>> comment("iceb evaluate\n\\input{x}")
    '% iceb evaluate \\input{x}'
    """
    return f"% {' '.join(printable(text).split())}"
