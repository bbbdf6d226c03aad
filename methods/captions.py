"""Caption corpora: what the second moments and the preserved statistics of several methods are taken over."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iceb.base.errors import DataError, MethodError

SAMPLE_SEED = 1  # the authors' shuffle


def check_captions(path: str | None, family: str, method: str, setting: str = "captions") -> None:
    """Say what `caption_corpus` would refuse as far as that costs nothing: the file is opened, not read.

    Args:
        path: the file that the user's setting names; None: the embedded captions.
        family: the model's family.
        method: who asks, for the message.
        setting: the setting's name, for the message.

    Raises:
        MethodError: no file was named for a model without embedded captions.
        DataError: the file cannot be read, or is empty.
    """
    if path is None:
        _embedded(family, method)
        return
    try:
        with Path(path).expanduser().open("rb") as stream:
            begins = stream.read(1)
    except OSError as error:
        raise DataError(
            f"{method} {setting} {path}: cannot be read ({error.strerror}): name a text or JSON file of texts"
        ) from error
    if not begins:
        raise DataError(f"{method} {setting} {path}: is empty: write one text a line")


def caption_corpus(path: str | None, family: str, method: str) -> list[str]:
    """The caption corpus a run uses.

    Args:
        path: a user's file; None: the embedded captions.
        family: the model's family; only the embedded model has embedded captions.
        method: who asks, for the message.

    Raises:
        MethodError: no file was named for a model without embedded captions.
        DataError: the file is missing or malformed.
    """
    if path is not None:
        return read_captions(Path(path).expanduser())
    _embedded(family, method)
    from iceb.mini.captions import corpus

    return list(corpus())


def _embedded(family: str, method: str) -> None:
    """Refuse a model that has no embedded captions."""
    if family != "mini":
        raise MethodError(
            f"{method} needs a caption corpus for model family {family}: --set captions=FILE, one caption a line, "
            "or a JSON list of objects with a \"caption\" (EMCID's authors use BLIP's ccs_filtered.json, MACE's the "
            "captions of COCO 2014)"
        )


def _unreadable(path: Path, error: Exception, one: str) -> DataError:
    reason = getattr(error, "strerror", None) or "not UTF-8"
    forms = "text or JSON" if one == "caption" else "text"
    return DataError(f"{one}s {path}: cannot be read ({reason}): name a {forms} file of {one}s")


def read_lines(path: str | Path, one: str) -> list[str]:
    """The lines of a text file without the blanks around them, empty ones left out.

    Args:
        path: the file; ~ is the home folder.
        one: what a line holds, in the singular, for the message.

    Raises:
        DataError: the file cannot be read, or holds no such line.
    """
    path = Path(path).expanduser()
    return _some(path, _text(path, one).splitlines(), one)


def _text(path: Path, one: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error, one) from error


def _some(path: Path, texts: Sequence[str], one: str) -> list[str]:
    found = [text.strip() for text in texts if text.strip()]
    if not found:
        raise DataError(f"{one}s {path}: no {one} found: write one a line")
    return found


def read_captions(path: Path, one: str = "caption") -> list[str]:
    """The captions of a file: one a line, or a JSON list of texts or of objects with a "caption".

    Args:
        path: the file.
        one: what stands for a caption there, in the singular, for the message.

    Raises:
        DataError: the file cannot be read, is malformed, or holds no caption.
    """
    if path.suffix == ".json":
        return _some(path, _from_json(path, _text(path, one), one), one)
    return read_lines(path, one)


def _from_json(path: Path, text: str, one: str) -> list[str]:
    try:
        rows: Any = json.loads(text)
    except ValueError as error:
        raise DataError(f"{one}s {path}: not JSON ({error}): the file may be truncated") from error
    rows = rows if isinstance(rows, list) else [None]
    captions: list[str] = []
    for index, row in enumerate(rows):
        caption = row.get("caption") if isinstance(row, dict) else row
        if not isinstance(caption, str):
            raise DataError(f'{one}s {path}: entry {index} is neither a text nor an object with a "caption"')
        captions.append(caption)
    return captions


def sampled(captions: Sequence[str], count: int, plain: bool = True) -> list[str]:
    """The first `count` captions of the corpus shuffled by random.Random(1), as EMCID's authors sample.

    With `plain`, typographic quotes and ligatures are made plain, as those authors' tokenizer did and today's no longer
    does.

    >>> sampled(["a", "b", "c"], 2)
    ['b', 'c']
    """
    import ftfy

    order = list(range(len(captions)))
    random.Random(SAMPLE_SEED).shuffle(order)
    return [ftfy.fix_text(captions[index]) if plain else captions[index] for index in order[:count]]
