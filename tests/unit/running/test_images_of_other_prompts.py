"""Handed-in images after the edit that are the unedited model's of another prompt are counted, byte for byte."""

import numpy as np
import pytest

from iceb.running.before_images import count_of_other_prompts
from iceb.runs.ledger import ImageRow
from iceb.specs.outside import OutsideRecord
from iceb.specs.prompts import Prompt
from iceb.stores.images import ImageStore

HEN, WOK, AGAIN = Prompt("a hen", 1, "source"), Prompt("a wok", 1, "dest"), Prompt("a hen", 1, "train")


@pytest.fixture
def store(tmp_path):
    """Images of four shades; that of 10 stands under a key of its own and under one of ICEB's."""
    found = ImageStore(tmp_path)
    for place, shade in enumerate((10, 20, 30, 10)):
        found.save(f"{place:064x}", np.full((8, 8, 3), shade, np.uint8))
    return found


@pytest.mark.parametrize(
    ("sides", "count"),
    [
        ([(HEN, 0, 2), (WOK, 1, 2)], 0),
        ([(HEN, 0, 0), (WOK, 1, 1)], 0),  # nothing was changed
        ([(HEN, 0, 1), (WOK, 1, 2)], 1),
        ([(HEN, 0, 1), (WOK, 1, 0)], 2),
        ([(HEN, 0, 2), (WOK, 1, 3)], 1),  # the same pixels under another key
        ([(HEN, 0, 2), (AGAIN, 1, 0)], 0),  # one text and seed in two roles
        ([(HEN, None, 2), (WOK, 1, None)], 0),
    ],
)
def test_images_after_that_are_another_prompts_before_are_counted(store, sides, count):
    keys = {None: None, **{place: f"{place:064x}" for place in range(4)}}
    rows = [ImageRow("end", "", prompt, keys[before], keys[after]) for prompt, before, after in sides]
    assert count_of_other_prompts(rows, store) == count


def test_the_mark_says_how_many():
    said = OutsideRecord(made_by="images", before="same", of_other_prompts=3).words
    assert said.endswith("byte-equal to those drawn here, 3 of those after are another prompt's before, byte for byte")
