"""The roles of a prompt's token rows, as plain integers without a model.

A row of token ids is the start token, the words, the end token and pads, cut at the encoder's positions (77).
"""

from collections.abc import Sequence


def paired_rows(source: Sequence[int], dest: Sequence[int], positions: int) -> tuple[list[int], list[int]]:
    """Pair rows of a source prompt with rows of the same prompt for the destination.

    What both begin with and what both end with is paired; the differing middle, the concept itself, is left out
    (MACE, arXiv:2403.06135). Then both go on through the pads for as long as the longer of the two can.

    Args:
        source: token ids up to and including the end token, no pads.
        dest: the same of the destination's prompt.
        positions: length of a padded row.

    Returns:
        Row numbers of the source and, as many, of the destination.

    >>> paired_rows([1, 7, 8, 2], [1, 9, 2], 6)
    ([0, 3, 4, 5], [0, 2, 3, 4])
    """
    shorter = min(len(source), len(dest))
    head = _agreeing(source, dest, shorter)
    tail = _agreeing(source[::-1], dest[::-1], shorter - head)
    pads = positions - max(len(source), len(dest))

    def rows(length: int) -> list[int]:
        return [*range(head), *range(length - tail, length + pads)]

    return rows(len(source)), rows(len(dest))


def _agreeing(first: Sequence[int], second: Sequence[int], most: int) -> int:
    """The number of equal ids at the start, at most `most`."""
    for index in range(most):
        if first[index] != second[index]:
            return index
    return most


def concept_columns(ids: Sequence[int], concept: Sequence[int], end: int, ends_too: bool) -> list[bool]:
    """The columns of an attention map that belong to a concept.

    Args:
        ids: the padded row.
        concept: the concept's own token ids, without start and end token.
        end: index of the row's end token.
        ends_too: the end token and every pad after it count too (the authors' `use_pooler`).

    >>> concept_columns([1, 5, 7, 8, 2, 2], [7, 8], 4, True)
    [False, False, True, True, True, True]
    """
    marked = [ends_too and index >= end for index in range(len(ids))]
    width = len(concept)
    for start in range(1, end - width + 1):
        if width and list(ids[start : start + width]) == list(concept):
            marked[start : start + width] = [True] * width
    return marked
