"""Validate texts, names, keys and numbers that come from outside.

A text is read by a model or a person, a name stands for something registered or declared, and a key names a file of
the cache. None of them may break a line, a terminal or a path.
"""

import re

from iceb.base.errors import SpecError
from iceb.base.files import is_key
from iceb.base.messages import quote

LONGEST_TEXT = 10_000  # characters; a text encoder reads 77 tokens
LONGEST_NAME = 200  # bytes; file systems take 255 for one name
MOST_INT, MOST_FLOAT = 2**31, 1e12  # largest numbers of a setting
UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
UNWANTED_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")
PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
RUN_ID = re.compile(rf"{PART.pattern}/{PART.pattern}/[0-9]{{4,7}}-[0-9a-f]{{8}}")


def check_text(text: object, what: str, *, most: int = LONGEST_TEXT) -> None:
    """Refuse what is no text, is longer than `most`, or cannot be written as UTF-8 or shown.

    Args:
        what: whose text it is, for the message.

    Raises:
        SpecError: as it says.

    >>> check_text("a photo of a dog", "prompt")
    """
    if not isinstance(text, str):
        raise SpecError(f"{what} is {quote(text)}: must be text")
    if len(text) > most:
        raise SpecError(f"{what} has {len(text)} characters ({quote(text, 40)}): at most {most} are allowed")
    if found := UNWANTED.search(text):
        raise SpecError(f"{what} {quote(text, 80)} holds the character {quote(found[0])}, which no text may hold")


def check_name(name: object, what: str) -> None:
    """Refuse what cannot name a request, a batch or a checkpoint: "aice/0007" is one.

    Raises:
        SpecError: no text, empty, over 200 bytes, or with control characters or backslashes in it.
    """
    if not isinstance(name, str) or not name.strip() or UNWANTED_IN_NAMES.search(name):
        raise SpecError(f"{what} {quote(name, 80)}: must be non-empty text without control characters")
    if len(name.encode()) > LONGEST_NAME:
        raise SpecError(f"{what} {quote(name, 80)} has {len(name.encode())} bytes: at most {LONGEST_NAME} are allowed")


def check_part(name: object, what: str) -> None:
    """Refuse what is no portable path part: letters, digits, "_", ".", "+" and "-" are allowed.

    Raises:
        SpecError: another character, a leading dot or dash, no characters, or over 200 of them.

    >>> check_part("gloce-iceb.gloce", "method")
    """
    if not isinstance(name, str) or not PART.fullmatch(name) or len(name) > LONGEST_NAME:
        raise SpecError(
            f"{what} {quote(name, 80)}: must be 1 to {LONGEST_NAME} of the characters A-Z a-z 0-9 _ . + -, "
            "not beginning with . + or -"
        )


def check_registered(name: object, what: str) -> None:
    """Refuse what is no registered name: one path part, or two, the first naming the package.

    Raises:
        SpecError: as it says.

    >>> check_registered("iceb-example/repaint", "task")
    >>> check_registered("a/../b", "task")
    Traceback (most recent call last):
    ...
    iceb.base.errors.SpecError: task 'a/../b': must be a name, or package/name as in iceb-example/repaint
    """
    parts = name.split("/") if isinstance(name, str) else [name]
    if len(parts) > 2:
        raise SpecError(f"{what} {quote(name, 80)}: must be a name, or package/name as in iceb-example/repaint")
    for part in parts:
        check_part(part, what)


def check_int(value: object, what: str, least: int, most: int) -> None:
    """Refuse what is no whole number from `least` to `most`.

    Raises:
        SpecError: as it says.

    >>> check_int(10**20, "limit", 1, 1000)
    Traceback (most recent call last):
    ...
    iceb.base.errors.SpecError: limit 100000000000000000000: must be a whole number from 1 to 1000
    """
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise SpecError(f"{what} {quote(value, 80)}: must be a whole number from {least} to {most}")


def check_setting(value: object, where: str) -> None:
    """Refuse a setting beyond all bounds, such as a huge number or an unreadable text.

    Args:
        where: the setting with its value, for the message.

    Raises:
        SpecError: as it says.
    """
    if isinstance(value, int) and abs(value) > MOST_INT:
        raise SpecError(f"{where}: must be a whole number from -{MOST_INT} to {MOST_INT}")
    if isinstance(value, float) and not abs(value) <= MOST_FLOAT:  # "nan" and "inf" too, which are no JSON
        raise SpecError(f"{where}: must be a finite number from -{MOST_FLOAT:g} to {MOST_FLOAT:g}")
    if isinstance(value, str):
        check_text(value, where)


def check_run_id(text: object, what: str) -> None:
    """Refuse what is no run id: task, method, number of edits and eight hex digits.

    Raises:
        SpecError: as it says.

    >>> check_run_id("aice/emcid/0300-3f9c0a1b", "result.json")
    """
    if not isinstance(text, str) or not RUN_ID.fullmatch(text) or len(text) > 2 * LONGEST_NAME:
        raise SpecError(f"{what}: the id {quote(text, 80)} is none: must be as in aice/emcid/0300-3f9c0a1b")


def checked_key(key: object, where: str) -> str:
    """Return the key if it is 64 lower-case hex digits, so that it names a cache file and nothing else.

    Args:
        where: the file and line it was read from, for the message.

    Raises:
        SpecError: as it says.

    >>> checked_key("../victim", "images.jsonl line 3")
    Traceback (most recent call last):
    ...
    iceb.base.errors.SpecError: images.jsonl line 3: the key '../victim' is not one: must be 64 digits of 0-9 and a-f
    """
    if not (isinstance(key, str) and is_key(key)):
        raise SpecError(f"{where}: the key {quote(key, 80)} is not one: must be 64 digits of 0-9 and a-f")
    return key
