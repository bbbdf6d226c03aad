"""Alignment of the new text's states with the old text's, and TIME's longer texts."""

from collections.abc import Sequence

from iceb.base.errors import MethodError

OPENINGS = ("A photo of ", "An image of ", "A picture of ")


def augment_text(text: str) -> list[str]:
    """A text and its three longer forms; a leading capital A becomes lower case in them.

    >>> augment_text("A cat")[1:]
    ['A photo of a cat', 'An image of a cat', 'A picture of a cat']
    """
    inner = "a" + text[1:] if text.startswith("A") else text
    return [text, *(opening + inner for opening in OPENINGS)]


def subsequence(old: Sequence[int], new: Sequence[int], length: int) -> list[int] | None:
    """The authors' alignment: each old token's next occurrence in the new text, then the rest.

    Args:
        old: ids of the old text, start and end token included, without pads; "an" and "a" count as one token, so one id
            stands for both in `old` and `new`.
        new: the same of the new text.
        length: positions of a padded text (77).

    Returns:
        For each of the `length` old positions the new position whose state is its target; None where the old tokens do
        not occur in the new text in this order (the authors' code raises an IndexError).

    >>> subsequence([0, 5, 9], [0, 7, 5, 9], 6)
    [0, 2, 3, 4, 5, 5]
    """
    found: list[int] = []
    for token in old:
        start = found[-1] + 1 if found else 0
        if token not in new[start:]:
            return None
        found.append(new.index(token, start))
    return _continue_over_pads(found, length)


def substitution(old: Sequence[int], new: Sequence[int], length: int) -> list[int]:
    """Our alignment of a text whose subject is replaced: shared tokens pair, subjects by their ends.

    The last token of the old subject gets the last of the new one, whose state has read all of it; the tokens before it
    get those before, the first repeated where the new subject is shorter. Where the new text has no subject at all, the
    state just before its place stands for it.

    Args:
        old, new, length: as of `subsequence`; both texts begin with the start token.

    >>> substitution([0, 5, 6, 7, 9], [0, 5, 8, 9], 7)  # tokens 6 and 7 become 8
    [0, 1, 2, 2, 3, 4, 5]
    """
    prefix = _shared_length(old, new)
    suffix = _shared_length(old[prefix:][::-1], new[prefix:][::-1])
    first, last = prefix, len(new) - suffix - 1  # of the new subject; last < first where it has none
    ends = range(last - (len(old) - suffix - prefix) + 1, last + 1)
    subject = [max(place, min(first, last)) for place in ends]
    return _continue_over_pads([*range(prefix), *subject, *range(len(new) - suffix, len(new))], length)


def _shared_length(one: Sequence[int], other: Sequence[int]) -> int:
    """The number of tokens that two rows have in common at the start."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _continue_over_pads(found: list[int], length: int) -> list[int]:
    """Continue a map of the first tokens over the pads, and fill it up with the last position."""
    if len(found) > length or found[-1] >= length:
        raise MethodError(f"time: a text has more than the {length} positions that the text encoder reads: shorten it")
    rest = range(found[-1] + 1, found[-1] + 1 + length - len(found))
    return [*found, *(min(place, length - 1) for place in rest)]
