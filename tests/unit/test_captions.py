"""The embedded corpus: which classes its captions name, how often, and that it is the same everywhere."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from iceb.base.digest import digest
from iceb.datasets.cards import card_text, load_card
from iceb.methods.common.corpora import texts_naming
from iceb.mini.captions import (
    NAMING_SHARE,
    OTHERS,
    SIZE,
    class_shares,
    corpus,
    even_shares,
    held_out,
    mention_counts,
    namable_classes,
    write_captions,
    zipf_shares,
)
from iceb.mini.entities import entities_of
from iceb.mini.mentions import NameIndex, every_class, names_of, words_of
from iceb.mini.unseen import unseen_classes
from iceb.mini.world import NUM_CLASSES
from iceb.running.embedded_data import packaged_digest

ROOT = Path(__file__).parents[2]


def unseen_names():
    return [name for label in sorted(unseen_classes()) for name in names_of(label)]


# The corpus as it ships


def test_the_cards_numbers_and_digest_are_those_of_the_corpus():
    """The digest of all texts stands in the card: a corpus that changes fails here until the card is stamped again."""
    text = card_text("captions_embedded")
    stamp = runpy.run_path(str(ROOT / "tools" / "stamp_card.py"))["stamp_captions"]
    assert stamp(text, ROOT / "iceb" / "mini" / "data") == text
    assert re.search(r"^`[0-9a-f]{64}`", text, re.MULTILINE)
    said = "named in about 1 090 captions, the tenth in 110,"
    wrong = text.replace(said, "named in about 9 captions, the tenth in 8,")
    assert wrong != text
    assert stamp(wrong, ROOT / "iceb" / "mini" / "data") == text


def test_the_digest_that_edit_keys_hold_is_of_every_caption():
    assert packaged_digest("emcid", "captions:embedded") == digest(list(corpus()))


def test_no_caption_names_an_unseen_class_by_any_of_its_names():
    assert len(unseen_names()) > len(unseen_classes()) == 122
    assert texts_naming([*corpus(), *held_out()], unseen_names()) == []
    assert [mention_counts()[label] for label in unseen_classes()] == [0] * 122


def test_a_third_of_the_captions_is_about_a_class_and_the_others_name_none():
    naming = [bool(every_class().classes(text)) for text in corpus()]
    assert (len(naming), sum(naming)) == (SIZE, round(SIZE * NAMING_SHARE)) == (20_000, 7_000)


def test_every_class_that_may_be_named_is_named():
    counts, namable = mention_counts(), namable_classes(unseen_classes())
    assert {label for label in range(NUM_CLASSES) if counts[label]} == set(namable)
    assert len(namable) == load_card("captions_embedded").counts["classes_named"] > 870


def test_classes_are_named_by_zipfs_law():
    """Ordered by frequency, the counts fall as 1 / rank: over ranks 1 to 300, log-log, within 5 %."""
    counts = np.sort(mention_counts())[::-1][:300]
    slope, _ = np.polyfit(np.log(np.arange(1, 301)), np.log(counts), 1)
    assert slope == pytest.approx(-1, abs=0.05)


def test_the_corpus_is_diverse():
    assert len({word for text in corpus() for word in words_of(text)}) > 5000
    assert len(set(corpus())) > 0.95 * SIZE


def test_held_out_captions_are_of_the_same_kind():
    naming = [bool(every_class().classes(text)) for text in held_out()]
    assert np.mean(naming) == pytest.approx(NAMING_SHARE, abs=0.03)


# Captions of other kinds


@pytest.mark.parametrize("naming", [0.0, 0.5, 1.0])
def test_the_share_of_captions_about_a_class_is_the_one_asked_for(naming):
    found = [bool(every_class().classes(text)) for text in write_captions(5, 200, even_shares(), naming)]
    assert np.mean(found) == naming


def test_with_even_shares_every_class_is_named():
    found = {label for text in write_captions(5, 2_000, even_shares(), 1.0) for label in every_class().classes(text)}
    assert len(found) == NUM_CLASSES


def test_captions_are_a_pure_function_of_their_seed():
    shares = class_shares(())
    assert write_captions(5, 50, shares) == write_captions(5, 50, shares) != write_captions(6, 50, shares)


def test_what_is_barred_has_no_share_and_the_rest_keep_their_order():
    allowed = [label for label in range(NUM_CLASSES) if label % 3]
    every, some = zipf_shares("class", range(NUM_CLASSES)), zipf_shares("class", allowed)
    assert not some[::3].any()
    assert np.argsort(-some[allowed], kind="stable").tolist() == np.argsort(-every[allowed], kind="stable").tolist()
    assert every.sum() == pytest.approx(1) == some.sum()


def test_styles_and_people_have_shares_of_their_own():
    for kind in ("style", "identity", "role", "profession"):
        shares = zipf_shares(kind, entities_of(kind))
        assert len(shares) == len(entities_of(kind))
        assert shares.max() / shares.min() == pytest.approx(len(shares))
    assert sum(OTHERS.values()) == pytest.approx(1)


# Names in texts


def test_a_name_is_found_whole_whatever_its_case_and_punctuation():
    index = NameIndex([(0, "T-shirt"), (1, "kite (bird of prey)"), (2, "lion"), (3, "lion")])
    assert index.classes("a t-SHIRT.") == {0}
    assert index.classes("Kite, bird of prey") == {1}
    assert index.classes("a sea lion") == {2, 3}
    assert index.classes("lions, a kite and a shirt") == set()


def test_a_class_whose_every_name_contains_a_barred_one_cannot_be_named():
    labels = {name: label for label in range(NUM_CLASSES) for name in names_of(label)}
    barred = {labels["lion"]}
    gone = set(range(NUM_CLASSES)) - set(namable_classes(barred))
    assert barred <= gone
    assert all(any("lion" in words_of(name) for name in names_of(label)) for label in gone)
    assert labels["sea lion"] in gone or len(names_of(labels["sea lion"])) > 1


# The captions of experiments


def test_the_three_corpora_name_all_classes_those_that_are_seen_or_no_holdout_class():
    tool = runpy.run_path(str(ROOT / "tools" / "captions.py"))
    named = {
        kind: {label for text in tool["captions"](kind, 6_000, 1.0) for label in every_class().classes(text)}
        for kind in ("all", "natural", "none")
    }
    holdout = tool["holdout_classes"]()
    assert len(named["all"]) == NUM_CLASSES
    assert not named["natural"] & unseen_classes()
    assert len(named["natural"] & holdout) > 200
    assert not named["none"] & holdout
    assert tool["captions"]("natural") == corpus()


def test_the_command_writes_a_caption_a_line(tmp_path, monkeypatch, capsys):
    out = tmp_path / "none.txt"
    monkeypatch.setattr("sys.argv", ["captions.py", "--names", "none", "--count", "30", "--out", str(out)])
    runpy.run_path(str(ROOT / "tools" / "captions.py"), run_name="__main__")
    assert len(out.read_text(encoding="utf-8").splitlines()) == 30
    assert capsys.readouterr().out == f"wrote 30 captions to {out}\n"
