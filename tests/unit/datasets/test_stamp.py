"""The embedded set's card is stamped from its files: digests, rows and counts."""

import runpy
from pathlib import Path

import pytest

from iceb.base.digest import digest_file
from iceb.datasets.cards import card_text, parse_card

TOOL = Path(__file__).parents[3] / "tools" / "stamp_card.py"


@pytest.fixture
def stamped_card(small):
    names = {"edits": "aice_edit.json", "holdout": "aice_holdout.json", "aliases": "aice_aliases.json"}
    for key, name in names.items():
        small.paths[key].rename(small.folder / name)
    small.write("aice_unseen.json", [985])
    text = runpy.run_path(str(TOOL))["stamp_aice"](card_text("aice_embedded"), small.folder)
    return parse_card(text, "card"), small.folder


def test_stamped_digests_are_those_of_the_files(stamped_card):
    card, folder = stamped_card
    assert {file.path: file.sha256 for file in card.files.values()} == {
        path.name: digest_file(path) for path in folder.iterdir()
    }


def test_stamped_rows_and_counts_are_those_of_the_files(stamped_card):
    card, _ = stamped_card
    assert (card.files["edits"].rows, card.files["holdout"].rows) == (10, 15)
    assert {key: card.counts[key] for key in ("requests", "dests", "aliases", "holdout_classes", "unseen_classes")} == {
        "requests": 2,
        "dests": 2,
        "aliases": 2,
        "holdout_classes": 3,
        "unseen_classes": 1,
    }
