"""Metrics of own requests against counts by hand."""

import numpy as np
import pytest

from iceb.base.errors import MeasureError
from iceb.metrics.own import (
    BY_CLASS,
    BY_TEXT,
    OWN_DEST_COSINE,
    OWN_DRIFT,
    OWN_FORGOTTEN,
    OWN_REACHED,
    OWN_SOURCE_COSINE,
    OWN_UNRELATED_KEPT,
)
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values


def prompt(place: int, request: str, kind: str, *more: str, label: int | None = 0, target: int | None = 1) -> Prompt:
    return Prompt(f"a {place}", place, "source", request=request, label=label, target=target, tags=(kind, *more))


CLASSES = (prompt(0, "a", BY_CLASS), prompt(1, "a", BY_CLASS), prompt(2, "b", BY_CLASS, "erased", target=None))
TEXTS = (prompt(3, "c", BY_TEXT), prompt(4, "c", BY_TEXT))
PROBABILITIES = {
    "before": [[0.9, 0.1, 0], [0.4, 0.3, 0.3], [0.8, 0.1, 0.1]],
    "after": [[0.1, 0.9, 0], [0.2, 0.5, 0.3], [0.6, 0.2, 0.2]],
}
COSINES = {"before": [[0.3, 0.3, 0.1], [0.3, 0.3, 0.2]], "after": [[0.2, 0.2, 0.3], [0.4, 0.4, 0.1]]}


def measured_rows(classes=CLASSES, texts=TEXTS):
    def side(rows, prompts):
        return Measured("m@1", np.array(rows[: len(prompts)], np.float32).reshape(len(prompts), 3), tuple(prompts))

    return {
        BY_CLASS: {name: side(rows, classes) for name, rows in PROBABILITIES.items()},
        BY_TEXT: {name: side(rows, texts) for name, rows in COSINES.items()},
    }


def shares(metric, **given) -> dict[str, tuple[float, float, int]]:
    return {each.concept: (each.before, each.after, each.n) for each in metric(measured_rows(**given))}


def test_reached_counts_images_that_show_the_destination_and_leaves_out_erasures():
    assert shares(OWN_REACHED) == {"a": (0.0, 0.5, 2), "c": (0.0, 0.5, 2)}  # 0.5 itself is not above one half


def test_forgotten_counts_images_that_do_not_show_the_source():
    assert shares(OWN_FORGOTTEN) == {"a": (0.5, 1.0, 2), "b": (0.0, 0.0, 1), "c": (0.0, 0.5, 2)}


def test_the_value_is_the_share_of_images_after_the_edit():
    score = reduce_values(OWN_FORGOTTEN(measured_rows()), OWN_FORGOTTEN.reduction)
    assert score.value == pytest.approx(3 / 5)
    assert score.before == pytest.approx(1 / 5)


def test_one_judge_alone_is_enough():
    assert set(shares(OWN_REACHED, texts=())) == {"a"}
    assert set(shares(OWN_REACHED, classes=())) == {"c"}


def test_kept_counts_the_label_that_the_prompt_names():
    sides = {name: Measured("m@1", np.array(rows, np.float32), CLASSES) for name, rows in PROBABILITIES.items()}
    none = {name: Measured("m@1", np.zeros((0, 0), np.float32), ()) for name in PROBABILITIES}
    found = OWN_UNRELATED_KEPT({BY_CLASS: sides, BY_TEXT: none})
    assert [(each.concept, each.before, each.after) for each in found] == [("a", 0.5, 0.0), ("b", 1.0, 1.0)]


def test_a_class_prompt_without_its_class_is_an_error():
    with pytest.raises(MeasureError, match="names no target class"):
        shares(OWN_REACHED, classes=(prompt(0, "a", BY_CLASS, target=None),))


def test_drift_is_the_mean_distance_of_each_concept():
    prompts = tuple(Prompt(f"a {place}", place, "unrelated", concept=name) for place, name in enumerate("aab"))
    side = Measured("m@1", np.array([[0.1], [0.3], [0.7]], np.float32), prompts)
    found = OWN_DRIFT({"unrelated": {"after": side}})
    assert [(each.concept, round(each.after, 6), each.n) for each in found] == [("a", 0.2, 2), ("b", 0.7, 1)]


def test_cosines_with_source_and_destination_are_means_before_and_after():
    texts = (*TEXTS[:1], prompt(4, "d", BY_TEXT, "erased", target=None))
    sides = {"source": {name: Measured("m@1", np.array(rows), texts) for name, rows in COSINES.items()}}
    dest, source = OWN_DEST_COSINE(sides), OWN_SOURCE_COSINE(sides)
    assert [(each.concept, each.before, each.after) for each in dest] == [("c", 0.1, 0.3)]
    assert [(each.concept, each.before, each.after) for each in source] == [("c", 0.3, 0.2), ("d", 0.3, 0.4)]
    assert reduce_values(source, OWN_SOURCE_COSINE.reduction).value == pytest.approx(0.0)
