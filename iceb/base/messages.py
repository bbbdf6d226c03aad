"""Text for one-line error messages: values quoted within bounds, no control characters."""

import re

QUOTED = 200  # characters of one value in a message
LINE = 1000  # characters of a whole message
ELLIPSIS = " … "
WORD = re.compile(rf"\S{{{QUOTED + 1},}}")


def quote(value: object, most: int = QUOTED) -> str:
    """`value` as Python writes it, printable and at most `most` characters long.

    >>> quote("a\\x1b[31m")
    "'a\\\\x1b[31m'"
    >>> quote("x" * 1000, 20)
    "'xxxxxxxxxx … xxxxx'"
    """
    try:
        written = repr(value)
    except ValueError:  # an int of more digits than Python turns into text
        written = f"a number of {_digits(value)} digits" if isinstance(value, int) else f"a {type(value).__name__}"
    except RecursionError:
        written = f"a deeply nested {type(value).__name__}"
    return shorten(printable(written), most)


def _digits(value: int) -> int:
    """The approximate number of decimal digits of a number: log10(2) times its bits."""
    return int(value.bit_length() * 0.30103) + 1


def shorten(text: str, most: int = QUOTED) -> str:
    """`text` with its middle left out where it is longer than `most` characters.

    >>> shorten("abcdefghijklmnopqrstuvwxyz", 13)
    'abcdef … wxyz'
    """
    if len(text) <= most:
        return text
    room = most - len(ELLIPSIS)
    tail = room * 2 // 5
    return f"{text[: room - tail]}{ELLIPSIS}{text[len(text) - tail :]}"


def printable(text: str) -> str:
    """`text` with blanks for line ends, and every character that cannot be shown written as its escape.

    >>> printable("a\\nb\\x07\\ud800")
    'a b\\\\x07\\\\ud800'
    """
    plain = " ".join(text.split())
    return plain if plain.isprintable() else "".join(map(_visible, plain))


def reason(error: BaseException, most: int = QUOTED) -> str:
    """An error's message in one line of bounded length; its class where it has none.

    >>> reason(ValueError("two\\nlines")), reason(KeyboardInterrupt())
    ('two lines', 'KeyboardInterrupt')
    """
    return shorten(printable(without_fields(str(error))), most) or type(error).__name__


def first_line(error: BaseException, most: int = QUOTED) -> str:
    """The first line of an error's message, where libraries say what is wrong before they advise on it.

    >>> first_line(OSError("no such model\\nlog in, or name another"))
    'no such model'
    """
    lines = str(error).strip().splitlines()
    return shorten(printable(without_fields(lines[0])), most) if lines else type(error).__name__


def without_fields(text: str) -> str:
    """A library's text with quotes for its backticks, which name fields in our messages.

    >>> without_fields("pass `token=<your_token>`")
    "pass 'token=<your_token>'"
    """
    return text.replace("`", "'")


def _visible(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")


def one_line(text: str) -> str:
    """`text` as a message: one printable line of at most LINE characters, long words shortened.

    >>> one_line("two\\nlines")
    'two lines'
    """
    return shorten(WORD.sub(lambda found: shorten(found[0]), printable(text)), LINE)
