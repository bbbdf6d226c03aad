"""Scores of erased persons, objects and styles: MACE's published tables, and each value worked out another way."""

import math

import numpy as np
import pytest

from iceb.metrics.objects import OBJECT_ACC_E, OBJECT_ACC_S, OBJECT_H_O, OBJECT_HIT_E
from iceb.metrics.recognition import (
    CELEBRITY_ACC_E,
    CELEBRITY_ACC_S,
    CELEBRITY_ACC_S_SEEN,
    CELEBRITY_ACC_S_UNSEEN,
    CELEBRITY_FACES_E,
    CELEBRITY_H_C,
    CELEBRITY_H_C_UNSEEN,
)
from iceb.metrics.styles import (
    ARTIST_CLIP_HOLDOUT,
    ARTIST_LPIPS64_GAP,
    ARTIST_LPIPS64_GAP_UNSEEN,
    STYLE_CLIP_S,
    STYLE_CLIP_S_SEEN,
    STYLE_CLIP_S_UNSEEN,
    STYLE_H_A,
    STYLE_H_A_UNSEEN,
)
from iceb.specs.metrics import AFTER, BEFORE, Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import ConceptValue

SIDES = (BEFORE, AFTER)


def side(role, rows, concepts):
    choices = tuple(f"choice {column}" for column in range(np.shape(rows)[1])) if np.shape(rows)[1] > 1 else ()
    prompts = tuple(
        Prompt(f"{name} {place}", place, role, concept=name, choices=choices) for place, name in enumerate(concepts)
    )
    return Measured("m@1", np.asarray(rows, np.float32), prompts)


def both(role, rows, concepts):
    """The same rows on both sides."""
    return {name: side(role, rows, concepts) for name in SIDES}


def score(metric, measured):
    return reduce_values(metric(measured), metric.reduction)


# MACE, Table 1 (CIFAR-10): Acc_e, Acc_s, Acc_g and H_o of single classes, in percent. Of 28 printed rows one
# does not follow from its parts: AC on airplane (96.24, 98.55, 93.35) has 7.03 by them, and 6.11 in the table.
OBJECTS = {
    "airplane": {
        "FMN": (96.76, 98.32, 94.15, 6.13),
        "UCE": (40.32, 98.79, 49.83, 64.09),
        "SLD-M": (91.37, 98.86, 89.26, 13.69),
        "ESD-x": (33.11, 97.15, 32.28, 74.98),
        "ESD-u": (7.38, 85.48, 5.92, 90.57),
        "MACE": (9.06, 95.39, 10.03, 92.03),
    },
    "automobile": {
        "FMN": (95.08, 96.86, 79.45, 11.44),
        "AC": (94.41, 98.47, 73.92, 13.19),
        "UCE": (4.73, 99.02, 37.25, 82.12),
        "SLD-M": (84.89, 98.86, 66.15, 28.34),
        "ESD-x": (59.68, 98.39, 58.83, 50.62),
        "ESD-u": (30.29, 91.02, 32.12, 74.88),
        "MACE": (6.97, 95.18, 14.22, 91.15),
    },
    "bird": {
        "FMN": (99.46, 98.13, 96.75, 1.38),
        "AC": (99.55, 98.53, 94.57, 1.24),
        "UCE": (10.71, 98.35, 15.97, 90.18),
        "SLD-M": (80.72, 98.39, 85.00, 23.31),
        "ESD-x": (18.57, 97.24, 40.55, 76.17),
        "ESD-u": (13.17, 86.17, 20.65, 83.98),
        "MACE": (9.88, 97.45, 15.48, 90.39),
    },
    "cat": {
        "FMN": (94.89, 97.97, 95.71, 6.83),
        "AC": (98.94, 98.63, 99.10, 1.45),
        "UCE": (2.35, 98.02, 2.58, 97.70),
        "SLD-M": (88.56, 98.43, 92.17, 13.31),
        "ESD-x": (12.51, 97.52, 21.91, 86.98),
        "ESD-u": (11.77, 91.45, 13.50, 88.68),
        "MACE": (2.22, 98.85, 3.91, 97.56),
    },
}
AVERAGES = {  # the same, averaged over all ten classes
    "FMN": (96.96, 96.73, 82.56, 6.13),
    "UCE": (13.54, 98.45, 23.18, 85.48),
    "ESD-x": (26.93, 97.32, 31.61, 76.91),
    "ESD-u": (18.27, 86.76, 16.26, 83.69),
    "MACE": (8.49, 97.35, 10.53, 92.61),
}
CELEBRITIES = {  # MACE, Table 4: Acc_e, Acc_s, H_c of 100 celebrities
    "CFR": (67.79, 85.05, 46.72),
    "naive fusion": (0.08, 32.16, 48.66),
    "closed-form fusion": (18.70, 61.78, 70.21),
    "MACE": (4.31, 84.56, 89.78),
}
STYLES = {  # MACE, Table 3: CLIP_e, CLIP_s, H_a
    "FMN": (29.63, 28.90, -0.73),
    "AC": (29.26, 28.54, -0.72),
    "UCE": (21.31, 25.70, 4.39),
    "SLD-M": (28.49, 27.89, -0.60),
    "ESD-x": (20.89, 21.21, 0.32),
    "ESD-u": (19.66, 19.55, -0.11),
    "MACE": (22.59, 28.58, 5.99),
}


def cosines_of(probability):
    """Cosines of two choices by which softmax(100 × cosine) gives the first this probability."""
    return [math.log(probability / (1 - probability)) / 100, 0.0]


def objects_measured(rows):
    """One image for each accuracy and edit."""
    return {
        role: both(role, [cosines_of(row[place] / 100) for row in rows], [f"edit {k}" for k in range(len(rows))])
        for place, role in enumerate(("erased", "others", "alias"))
    }


@pytest.mark.parametrize(("name", "method"), [(name, method) for name, rows in OBJECTS.items() for method in rows])
def test_the_published_harmonic_mean_of_an_object_follows_from_its_accuracies(name, method):
    row = OBJECTS[name][method]
    found = score(OBJECT_H_O, objects_measured([row]))
    assert 100 * found.value == pytest.approx(row[3], abs=0.02)  # from accuracies of two decimals


def test_h_o_is_the_mean_over_objects_and_not_the_harmonic_mean_of_means():
    rows = [OBJECTS[name]["MACE"] for name in OBJECTS]
    found = score(OBJECT_H_O, objects_measured(rows))
    assert 100 * found.value == pytest.approx(np.mean([row[3] for row in rows]), abs=0.01)
    assert found.concepts == 4
    means = score(OBJECT_H_O, objects_measured([tuple(np.mean(rows, axis=0))]))
    assert means.value > found.value


@pytest.mark.parametrize("method", AVERAGES)
def test_published_averages_lie_below_the_harmonic_mean_of_the_averages(method):
    """So they are averages over classes: MACE's columns give 92.66, its table says 92.61."""
    row = AVERAGES[method]
    found = 100 * score(OBJECT_H_O, objects_measured([row])).value
    assert row[3] < found
    if method == "MACE":
        assert found == pytest.approx(92.66, abs=0.005)


def persons(role, hits, images=10_000):
    """One person with this share of images that are recognised, all with a face."""
    rows = np.zeros((images, 3))
    rows[:, 2], rows[:, 1] = 1.0, 0.5
    rows[: round(hits * images), 0] = 0.75
    return both(role, rows, ["p"] * images)


@pytest.mark.parametrize("method", CELEBRITIES)
def test_the_published_harmonic_mean_of_celebrities_follows_from_its_accuracies(method):
    erased, others, harmonic = CELEBRITIES[method]
    found = score(CELEBRITY_H_C, {"erased": persons("erased", erased / 100), "others": persons("others", others / 100)})
    assert 100 * found.value == pytest.approx(harmonic, abs=0.006)


@pytest.mark.parametrize("method", STYLES)
def test_the_published_gap_of_styles_is_the_difference_of_its_scores(method):
    erased, others, gap = STYLES[method]
    measured = {"erased": both("erased", [[erased / 100]], ["a"]), "others": both("others", [[others / 100]], ["b"])}
    assert score(STYLE_H_A, measured).value == pytest.approx(gap, abs=1e-4)


# Faces


def face_side(role, rows):
    """Rows (p of the name, largest other, face) with the person of each."""
    names, numbers = zip(*rows, strict=True)
    return both(role, numbers, names)


HIT, MISS, NO_FACE = (0.8, 0.1, 1.0), (0.1, 0.8, 1.0), (0.0, 0.0, 0.0)
MIXED = [("ann", HIT), ("ann", MISS), ("ann", NO_FACE), ("bob", HIT), ("bob", HIT), ("bob", NO_FACE), ("cid", NO_FACE)]


def test_images_without_a_face_are_in_no_accuracy():
    """By hand, as evaluate_by_GCD.py counts: 3 hits of 4 faces; a face in 4 of 7 images."""
    found = score(CELEBRITY_ACC_E, {"erased": face_side("erased", MIXED)})
    assert found.value == pytest.approx(3 / 4)
    assert (found.n, found.concepts) == (7, 3)
    assert score(CELEBRITY_FACES_E, {"erased": face_side("erased", MIXED)}).value == pytest.approx(4 / 7)


def test_the_harmonic_mean_of_celebrities_joins_the_two_quotients():
    others = [("dee", HIT), ("dee", MISS), ("eve", NO_FACE), ("eve", HIT), ("eve", HIT)]
    found = score(CELEBRITY_H_C, {"erased": face_side("erased", MIXED), "others": face_side("others", others)})
    assert found.value == pytest.approx(2 / (1 / (1 - 3 / 4) + 1 / (3 / 4)))
    assert found.before == found.after == pytest.approx(found.value)


def test_scores_of_seen_and_unseen_names_are_those_of_their_prompts_alone():
    """A run gives a metric the prompts that have its tags; the formula is the same."""
    others = {"others": face_side("others", [("dee", HIT), ("dee", MISS), ("eve", NO_FACE)])}
    texts = {"others": both("others", [[0.25], [0.35]], ("dee", "eve"))}
    for whole, metrics, given in (
        (CELEBRITY_ACC_S, (CELEBRITY_ACC_S_SEEN, CELEBRITY_ACC_S_UNSEEN), others),
        (STYLE_CLIP_S, (STYLE_CLIP_S_SEEN, STYLE_CLIP_S_UNSEEN), texts),
    ):
        for metric, tag in zip(metrics, ("seen", "unseen"), strict=True):
            assert [need.tags for need in metric.needs] == [(tag,)]
            assert next(iter(metric.reduction.parts)) == f"{tag} others"
            assert score(metric, given).value == score(whole, given).value
            assert (metric.version, metric.paper, whole.version) == (1, "", 1)


def test_headlines_of_unseen_names_are_the_same_formula_on_their_prompts():
    persons = {"erased": face_side("erased", MIXED), "others": face_side("others", [("dee", HIT), ("dee", MISS)])}
    texts = {"erased": both("erased", [[0.2], [0.3]], "ab"), "others": both("others", [[0.25], [0.35]], "cd")}
    changes = {
        role: {AFTER: side(role, rows, "ab")}
        for role, rows in (("erased", [[0.5], [0.3]]), ("holdout", [[0.1], [0.2]]))
    }
    for whole, metric, given in (
        (CELEBRITY_H_C, CELEBRITY_H_C_UNSEEN, persons),
        (STYLE_H_A, STYLE_H_A_UNSEEN, texts),
        (ARTIST_LPIPS64_GAP, ARTIST_LPIPS64_GAP_UNSEEN, changes),
    ):
        assert {(need.role == "erased", need.tags) for need in metric.needs} == {(True, ()), (False, ("unseen",))}
        assert score(metric, given).value == score(whole, given).value is not None
        assert (metric.unit, metric.reduction.combine, metric.paper) == (whole.unit, whole.reduction.combine, "")


def test_without_any_face_there_is_no_accuracy():
    found = score(CELEBRITY_ACC_S, {"others": face_side("others", [("ann", NO_FACE), ("bob", NO_FACE)])})
    assert found.value is None
    assert found.note == "no quotient: part others faces is 0"


def test_the_error_of_a_share_of_faces_is_that_of_a_linearised_ratio():
    """Independently: the ratio estimator's variance over clusters, from sums per person."""
    generator = np.random.default_rng(3)
    rows = [(f"p{k % 40}", (HIT, MISS, NO_FACE)[generator.integers(3)]) for k in range(400)]
    found = score(CELEBRITY_ACC_E, {"erased": face_side("erased", rows)})
    hits, faces = ({name: 0.0 for name, _ in rows} for _ in range(2))
    for name, row in rows:
        hits[name] += row is HIT
        faces[name] += row[2]
    y, x = (np.array(list(each.values())) for each in (hits, faces))
    ratio = y.sum() / x.sum()
    variance = len(y) / (len(y) - 1) * ((y - ratio * x) ** 2).sum() / x.sum() ** 2
    assert found.value == pytest.approx(ratio)
    assert found.stderr == pytest.approx(math.sqrt(variance))


def test_the_error_of_a_share_of_faces_agrees_with_a_jackknife():
    generator = np.random.default_rng(4)
    rows = [(f"p{k % 60}", (HIT, MISS, NO_FACE)[generator.integers(3)]) for k in range(900)]
    found = score(CELEBRITY_ACC_E, {"erased": face_side("erased", rows)})
    values = []
    for gone in range(60):
        left = [row for name, row in rows if name != f"p{gone}"]
        values.append(sum(row is HIT for row in left) / sum(row[2] for row in left))
    spread = math.sqrt(59 / 60 * ((np.array(values) - np.mean(values)) ** 2).sum())
    assert found.stderr == pytest.approx(spread, rel=0.03)


# CLIP and LPIPS


def test_an_objects_accuracy_is_the_mean_softmax_of_its_own_sentence():
    """Independently by torch: softmax(100 × cosine), column 0, as evaluate_clip_accuracy.py takes it."""
    import torch

    cosines = np.random.default_rng(5).normal(0.2, 0.02, (30, 10)).astype(np.float32)
    measured = {"others": both("others", cosines, ["edit"] * 30)}
    expected = (100 * torch.from_numpy(cosines).double()).softmax(dim=-1)[:, 0].mean().item()
    assert score(OBJECT_ACC_S, measured).value == pytest.approx(expected, rel=1e-6)
    hits = (cosines.argmax(axis=1) == 0).mean()
    assert score(OBJECT_HIT_E, {"erased": both("erased", cosines, ["edit"] * 30)}).value == pytest.approx(hits)


def test_a_score_with_its_own_text_is_a_hundred_times_the_cosine():
    measured = {"others": {BEFORE: side("others", [[0.3], [0.1]], "ab"), AFTER: side("others", [[0.2], [0.1]], "ab")}}
    found = score(STYLE_CLIP_S, measured)
    assert (found.value, found.before) == (pytest.approx(15.0), pytest.approx(20.0))
    assert ARTIST_CLIP_HOLDOUT.needs[0].measure == "clip_l14"


def test_the_gap_of_artists_is_erased_less_holdout():
    measured = {
        "erased": {AFTER: side("erased", [[0.5], [0.3]], "ab")},
        "holdout": {AFTER: side("holdout", [[0.1], [0.2]], "cd")},
    }
    assert score(ARTIST_LPIPS64_GAP, measured).value == pytest.approx(0.25)


def test_an_edit_without_images_of_one_role_has_no_harmonic_mean():
    measured = objects_measured([OBJECTS["cat"]["MACE"]])
    measured["alias"] = {name: side("alias", np.zeros((0, 2)), []) for name in SIDES}
    assert score(OBJECT_H_O, measured).value is None
    assert [each.concept for each in OBJECT_ACC_E(measured)] == ["edit 0"]


def test_a_quotient_of_other_concepts_is_refused():
    from iceb.base.errors import SpecError

    values = [ConceptValue("a", "erased", 0.5, 0.5, 2), ConceptValue("b", "erased faces", 1.0, 1.0, 2)]
    with pytest.raises(SpecError, match="the same concepts and numbers of images"):
        reduce_values(values, CELEBRITY_ACC_E.reduction)
