"""WordNet's table of the ImageNet classes: its size, distances by hand, and how it is made from WordNet's own file."""

import numpy as np
import pytest

from iceb.mini.wordnet import edges_up, hops
from tools.wordnet_table import ancestry, hypernyms

ENTITY = 1740  # the synset above all others
TABBY, SIAMESE, PERSIAN, LEOPARD, RETRIEVER, TENCH = 281, 284, 283, 288, 207, 0


def test_every_class_has_the_one_root_above_it():
    synsets = [edges_up(label) for label in range(1000)]
    assert all(ENTITY in found for found in synsets)
    assert len({synset for found in synsets for synset in found}) == 1860
    assert len({min(found, key=found.get) for found in synsets}) == 1000  # each class its own


def test_hops_are_a_distance():
    draw = np.random.default_rng(0)
    for first, second in draw.integers(0, 1000, (300, 2)).tolist():
        assert hops(first, second) == hops(second, first)
        assert (hops(first, second) == 0) == (first == second)
        assert hops(first, second) <= edges_up(first)[ENTITY] + edges_up(second)[ENTITY]


@pytest.mark.parametrize(
    ("first", "second", "edges"),
    [
        (SIAMESE, PERSIAN, 2),  # both domestic cats
        (TABBY, LEOPARD, 5),  # both felines: domestic cat, cat, feline, and big cat, feline
        (RETRIEVER, TABBY, 7),  # both domestic animals: 5 and 2
    ],
)
def test_distances_are_those_counted_by_hand(first, second, edges):
    assert hops(first, second) == edges


def test_nearer_kinds_are_nearer():
    assert hops(TABBY, SIAMESE) < hops(TABBY, LEOPARD) < hops(TABBY, RETRIEVER) < hops(TABBY, TENCH)


LINES = (
    "00000010 03 n 01 thing 0 001 ~ 00000020 n 0000 | anything",
    "00000020 03 n 02 animal 0 beast 0 002 @ 00000010 n 0000 ~ 00000030 n 0000 | alive",
    "00000030 03 n 01 dog 0 003 @ 00000020 n 0000 @i 00000010 n 0000 @ 00000099 v 0000 | barks",
    "00000040 03 n 01 rock 0 001 @ 00000010 n 0000 | lies",
)


def test_the_table_holds_what_is_above_the_classes_and_nothing_else():
    above = dict(map(hypernyms, LINES))
    assert above == {10: [], 20: [10], 30: [20, 10], 40: [10]}  # a verb is no hypernym
    assert ancestry([30], above) == {10: [], 20: [10], 30: [20, 10]}
