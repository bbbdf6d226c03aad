"""Concept Ablation's metrics against the authors' formulas and clean-fid's kernel distance, written out."""

import numpy as np
import pytest

from iceb.base.errors import SpecError
from iceb.metrics.concept_ablation import (
    ABLATION_SCORE,
    ANCHOR,
    CLIP_ACCURACY_TARGET,
    CLIP_SCORE_ANCHOR,
    CLIP_SCORE_TARGET,
    KID_NEGATIVE,
    MEMORIZED,
    MEMORIZED_SHARE,
    NEGATIVE,
    TARGET,
)
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values

TEXTS = ("A photo depicts x", "A photo depicts y")


def side(rows, role, choices=TEXTS, label=None, concepts=("r",)):
    prompts = tuple(
        Prompt(f"p{i}", i, role, request="r", choices=choices, label=label, concept=concepts[i % len(concepts)])
        for i in range(len(rows))
    )
    return Measured("m@1", np.asarray(rows, np.float32), prompts)


def score(metric, measured):
    return reduce_values(metric(measured), metric.reduction)


def authors(images, texts):
    """The authors' CLIP score of each image and text: 2.5 · clip of the product of normalised features."""
    images = images / np.sqrt(np.sum(images**2, axis=1, keepdims=True))
    texts = texts / np.sqrt(np.sum(texts**2, axis=1, keepdims=True))
    return np.stack([2.5 * np.clip(np.sum(images * text, axis=1), 0, None) for text in texts], axis=1)


def test_score_and_accuracy_are_the_authors():
    draw = np.random.default_rng(0)
    images, texts = draw.normal(size=(40, 6)), draw.normal(size=(2, 6))
    cosines = (images / np.linalg.norm(images, axis=1)[:, None]) @ (texts / np.linalg.norm(texts, axis=1)[:, None]).T
    measured = {TARGET: {"before": side(cosines, TARGET), "after": side(cosines, TARGET)}}
    expected = authors(images, texts)
    assert score(CLIP_SCORE_TARGET, measured).value == pytest.approx(expected[:, 0].mean(), abs=1e-6)
    assert score(CLIP_ACCURACY_TARGET, measured).value == np.mean(expected[:, 0] > expected[:, 1])


def test_scores_cut_at_zero_do_not_beat_each_other():
    rows = side([[-0.1, -0.2]], TARGET)
    assert score(CLIP_ACCURACY_TARGET, {TARGET: {"before": rows, "after": rows}}).value == 0.0


def test_an_anchors_image_is_compared_with_one_text():
    rows = side([[0.2], [0.4]], ANCHOR, choices=TEXTS[:1])
    assert score(CLIP_SCORE_ANCHOR, {ANCHOR: {"before": rows, "after": rows}}).value == pytest.approx(0.75)
    single = side([[0.2]], TARGET, choices=TEXTS[:1])
    with pytest.raises(SpecError, match="has 1 choices, needs 2"):
        CLIP_ACCURACY_TARGET({TARGET: {"before": single, "after": single}})


def clean_fid(feats1, feats2, subsets=20, most=1000):
    """clean-fid's kernel distance, with fewer subsets: they are whole sets here."""
    draw = np.random.default_rng(0)
    n, m, t = feats1.shape[1], min(len(feats1), len(feats2), most), 0.0
    for _ in range(subsets):
        x = feats2[draw.choice(len(feats2), m, replace=False)]
        y = feats1[draw.choice(len(feats1), m, replace=False)]
        a = (x @ x.T / n + 1) ** 3 + (y @ y.T / n + 1) ** 3
        b = (x @ y.T / n + 1) ** 3
        t += (a.sum() - np.diag(a).sum()) / (m - 1) - b.sum() * 2 / m
    return t / subsets / m


def test_kid_is_clean_fids_of_each_concept_and_their_mean():
    draw = np.random.default_rng(1)
    before, after = draw.normal(size=(24, 8)), draw.normal(0.3, 1.1, size=(24, 8))
    sides = [side(rows, NEGATIVE, concepts=("a", "b", "c")) for rows in (before, after)]
    values = KID_NEGATIVE({NEGATIVE: dict(zip(("before", "after"), sides, strict=True))})
    expected = [
        clean_fid(after[place::3].astype(np.float32), before[place::3].astype(np.float32)) for place in range(3)
    ]
    assert [value.after for value in values] == pytest.approx(expected, rel=1e-4)
    assert [value.before for value in values] == [None] * 3
    assert reduce_values(values, KID_NEGATIVE.reduction).value == pytest.approx(np.mean(expected), rel=1e-4)


def test_the_score_halves_what_the_target_loses_and_the_negatives_gain():
    yes, no = [[0.3, 0.2]] * 2, [[0.2, 0.3]] * 2
    measured = {
        TARGET: {"before": side(yes, TARGET), "after": side(no, TARGET)},
        NEGATIVE: {"before": side(yes, NEGATIVE), "after": side([yes[0], no[0]], NEGATIVE)},
    }
    assert score(ABLATION_SCORE, measured).value == pytest.approx((1.0 - 0.5) / 2)


def test_copies_are_more_like_their_own_image_than_one_half():
    references = Measured("m@1", np.asarray([[1.0, 0.0], [0.0, 1.0]], np.float32), ())
    images = side([[0.6, 0.8], [0.8, 0.6], [0.5, 0.1]], MEMORIZED, choices=(), label=0)
    measured = {MEMORIZED: {"before": images, "after": images, "reference:memorized": references}}
    assert score(MEMORIZED_SHARE, measured).value == pytest.approx(2 / 3)  # 0.5 itself is no copy
    other = side([[0.6, 0.8]], MEMORIZED, choices=(), label=2)
    with pytest.raises(SpecError, match="label 2, needs the place of one of 2 references"):
        MEMORIZED_SHARE({MEMORIZED: {"before": other, "after": other, "reference:memorized": references}})


@pytest.mark.parametrize("metric", [CLIP_SCORE_TARGET, CLIP_ACCURACY_TARGET])
def test_no_images_give_no_values(metric):
    empty = Measured("m@1", np.zeros((0, 0), np.float32), ())
    assert metric({TARGET: {"before": empty, "after": empty}}) == ()
