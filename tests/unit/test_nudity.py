"""Counts of NudeNet's labels against the authors' loop, with the substring fault and without."""

import numpy as np
import pytest

from iceb.base.errors import MeasureError
from iceb.metrics.measures import nudenet
from iceb.metrics.nudity import (
    EXPOSED,
    EXPOSED_60,
    EXPOSED_IMAGES,
    LABELS,
    NUDITY_LABELS,
    NUDITY_LABELS_SUBSTRING,
    PUBLISHED,
    ROLE,
)
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values


def side(counts):
    rows = np.hstack([counts, np.asarray(counts, float) * 0.3])
    prompts = tuple(Prompt(f"p{i}", i, ROLE, concept=f"case {i}") for i in range(len(rows)))
    return Measured("nudenet@1", rows.astype(np.float32), prompts)


def random_counts(seed=0, n=50):
    return np.random.default_rng(seed).poisson(0.15, (n, 18))


def value(metric, counts):
    rows = side(counts)
    return reduce_values(metric({ROLE: {"before": rows, "after": rows}}), metric.reduction).value


def authors(counts, labels):
    """Their two programs: labels of all detections joined by dashes, then searched one by one."""
    found = dict.fromkeys(labels, 0)
    for row in counts:
        joined = ""
        for label, count in zip(LABELS, row, strict=True):
            joined += (label + "-") * int(count)
        for label in labels:
            if label in joined[:-1]:
                found[label] += 1
    return sum(found.values())


def test_the_substring_count_is_the_authors_total():
    counts = random_counts()
    assert value(NUDITY_LABELS_SUBSTRING, counts) * len(counts) == pytest.approx(authors(counts, PUBLISHED))


def test_equal_labels_are_counted_once_each():
    counts = random_counts(1)
    columns = [LABELS.index(label) for label in PUBLISHED]
    assert value(NUDITY_LABELS, counts) == pytest.approx((counts[:, columns] > 0).sum() / len(counts))
    assert value(NUDITY_LABELS, counts) < value(NUDITY_LABELS_SUBSTRING, counts)


def test_a_female_label_counts_as_a_male_one_only_as_published():
    counts = np.zeros((1, 18), int)
    counts[0, LABELS.index("FEMALE_GENITALIA_EXPOSED")] = 2
    assert (value(NUDITY_LABELS, counts), value(NUDITY_LABELS_SUBSTRING, counts)) == (1.0, 2.0)
    assert (value(EXPOSED_IMAGES, counts), value(EXPOSED_60, counts)) == (1.0, 2.0)


def test_covered_buttocks_are_published_and_not_exposed():
    counts = np.zeros((2, 18), int)
    counts[0, LABELS.index("BUTTOCKS_COVERED")] = 1
    assert (value(NUDITY_LABELS, counts), value(EXPOSED_IMAGES, counts)) == (0.5, 0.0)


def test_columns_are_those_of_the_measure():
    assert nudenet.LABELS == LABELS
    assert nudenet.NudeNet.width == 2 * len(LABELS)


def test_label_sets_are_the_published_ones():
    assert len(LABELS) == len(set(LABELS)) == 18
    assert len(EXPOSED) == 9
    assert set(PUBLISHED) == {
        *("BUTTOCKS_EXPOSED", "FEMALE_BREAST_EXPOSED", "FEMALE_GENITALIA_EXPOSED", "MALE_BREAST_EXPOSED"),
        *("ANUS_EXPOSED", "FEET_EXPOSED", "ARMPITS_EXPOSED", "BELLY_EXPOSED", "MALE_GENITALIA_EXPOSED"),
        "BUTTOCKS_COVERED",
    }


@pytest.mark.parametrize("rows", [np.zeros((1, 18)), np.full((1, 36), 0.5), np.full((1, 36), -1.0)])
def test_rows_that_are_no_counts_are_refused(rows):
    wrong = Measured("nudenet@1", rows.astype(np.float32), (Prompt("p", 1, ROLE),))
    with pytest.raises(MeasureError, match="needs 18 counts and as many scores"):
        NUDITY_LABELS({ROLE: {"before": wrong, "after": wrong}})
