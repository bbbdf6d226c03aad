"""The position of a concept in a tokenised prompt.

The edit is written at the *last subject token* (EMCID, arXiv:2403.13807; ROME, arXiv:2202.05262). This file
finds it as the authors' code does, quirks included, because published numbers depend on them; it knows nothing of
models.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

from iceb.base.errors import MethodError

FIRST_TOKEN = "[CLS]"
LAST_TOKENS = ("[EOS]", "", " ")
LONE_ACCENT = 78  # the token that stands for half of "ń"; it decodes to one character too many


def last_subject_token(tokenizer: Any, ids: Sequence[int], subject: str) -> int:
    """The index of the last token of `subject` in one padded row of token ids.

    The whole row is decoded and stripped of blanks, the first occurrence of the subject is found in it, and the
    tokens' own lengths are added up until the occurrence is covered. The decoded start token takes part: a subject
    that is a piece of "<|startoftext|>" ("art", "text", "star") gives index 0, and one that stands earlier in the
    template gives the earlier place. Both are kept, because the vectors that were published contain them.

    Args:
        tokenizer: a CLIP tokenizer.
        ids: one row, start token, end token and pads included.
        subject: the concept's name; "[CLS]" means the first token, "[EOS]", "" and " " the row's last column.

    Raises:
        MethodError: the subject does not occur in the row, for instance because the prompt was cut at 77 tokens.
    """
    if subject == FIRST_TOKEN:
        return 0
    if subject in LAST_TOKENS:
        return len(ids) - 1
    text = _squeeze(tokenizer.decode(list(ids)))
    wanted = _squeeze(subject.lower())
    if "’" in wanted:
        text = text.replace("'", "’")
    start = text.find(wanted)
    if start >= 0:
        index = _token_reaching(tokenizer, ids, start + len(wanted), skip_accent="ń" in wanted)
        if index is not None:
            return index
    raise MethodError(
        f"the concept {subject!r} was not found in the tokens of its prompt, which read {text!r}: "
        f"use a template that contains it as written and is at most {len(ids)} tokens long"
    )


def _squeeze(text: str) -> str:
    return unicodedata.normalize("NFKC", text.replace(" ", ""))


def _token_reaching(tokenizer: Any, ids: Sequence[int], end: int, skip_accent: bool) -> int | None:
    seen = 0
    for index, token in enumerate(ids):
        if not (skip_accent and token == LONE_ACCENT):
            seen += len(tokenizer.decode([token]).replace(" ", ""))
        if seen >= end:
            return index
    return None
