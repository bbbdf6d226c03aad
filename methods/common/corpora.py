"""Caption corpora, for the second moments and preserved statistics of several methods."""

import random
import re
from collections.abc import Sequence
from pathlib import Path

from iceb.base.errors import DataError, MethodError
from iceb.base.readers import explain_reading, parse_json, read_text, user_path

SAMPLE_SEED = 1  # the authors' shuffle


def check_captions(path: str | None, family: str, method: str, setting: str = "captions") -> None:
    """Refuse what `caption_corpus` would refuse; the file is opened, not read.

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
        _check_embedded(family, method)
        return
    named = f"{method} {setting} {path}"
    with explain_reading(named, DataError, "name a text or JSON file of texts"), user_path(path).open("rb") as stream:
        begins = stream.read(1)
    if not begins:
        raise DataError(f"{named}: is empty: write one text a line")


def few_captions(path: str | None, asked: int, setting: str = "captions") -> list[str]:
    """Notes on a file that holds fewer texts than requested, all of which are then used.

    Raises:
        DataError: as `read_captions`.
    """
    held = asked if path is None else len(read_captions(path))
    if held >= asked:
        return []
    return [f"{setting}={path} holds {held} texts, the settings ask for {asked}: other concepts may change more"]


def preservation_note(what: str) -> str:
    """The note on an edit that preserves no text but `what`.

    >>> preservation_note("nothing")
    'nothing is preserved, so that other concepts may change: keep some with `retain_file=FILE`, a text a line'
    """
    keep = "keep some with `retain_file=FILE`, a text a line"
    return f"{what} is preserved, so that other concepts may change: {keep}"


def caption_corpus(path: str | None, family: str, method: str) -> list[str]:
    """The caption corpus that a run uses.

    Args:
        path: a user's file; None: the embedded captions.
        family: the model's family; only the embedded model has embedded captions.
        method: who asks, for the message.

    Raises:
        MethodError: no file was named for a model without embedded captions.
        DataError: the file is missing or malformed.
    """
    if path is not None:
        return read_captions(path)
    _check_embedded(family, method)
    from iceb.mini.captions import corpus

    return list(corpus())


def _check_embedded(family: str, method: str) -> None:
    """Refuse a model that has no embedded captions."""
    if family != "mini":
        raise MethodError(
            f"{method} needs a caption corpus for model family {family}: `captions=FILE`, one caption a line, "
            "or a JSON list of objects with a \"caption\" (EMCID's authors use BLIP's ccs_filtered.json, MACE's the "
            "captions of COCO 2014)"
        )


def read_captions(path: str | Path, one: str = "caption") -> list[str]:
    """Read texts from a file, stripped: one a line, or a JSON list of texts or of {"caption": text}.

    Args:
        path: the file, JSON if it is named so; ~ is the home folder.
        one: what it holds, in the singular, for the message.

    Raises:
        DataError: the file cannot be read, is malformed, or holds no such text.
    """
    path = user_path(path)
    text = read_text(path, DataError, f"name a text or JSON file of {one}s")
    rows = _from_json(path, text, one) if path.suffix == ".json" else text.splitlines()
    found = [row.strip() for row in rows if row.strip()]
    if not found:
        raise DataError(f"{one}s {path}: no {one} found: write one a line")
    return found


def _from_json(path: Path, text: str, one: str) -> list[str]:
    rows = parse_json(text, f"{one}s {path}", DataError, "the file may be truncated")
    rows = rows if isinstance(rows, list) else [None]
    captions: list[str] = []
    for index, row in enumerate(rows):
        caption = row.get("caption") if isinstance(row, dict) else row
        if not isinstance(caption, str):
            raise DataError(f'{one}s {path}: entry {index} is neither a text nor an object with a "caption"')
        captions.append(caption)
    return captions


def texts_naming(texts: Sequence[str], names: Sequence[str]) -> list[str]:
    """The texts that contain one of the names as a whole word, ignoring case.

    >>> texts_naming(["a Red Cat", "a catfish", "C++"], ["cat", "c++"])
    ['a Red Cat', 'C++']
    """
    if not names:
        return []
    words = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", re.IGNORECASE)
    return [text for text in texts if words.search(text)]


def sample_captions(captions: Sequence[str], count: int, plain: bool = True) -> list[str]:
    """The first `count` captions of the corpus shuffled by random.Random(1), as EMCID's authors sample.

    With `plain`, typographic quotes and ligatures are made plain, as those authors' tokenizer did and today's no longer
    does.

    >>> sample_captions(["a", "b", "c"], 2)
    ['b', 'c']
    """
    import ftfy

    order = list(range(len(captions)))
    random.Random(SAMPLE_SEED).shuffle(order)
    return [ftfy.fix_text(captions[index]) if plain else captions[index] for index in order[:count]]
