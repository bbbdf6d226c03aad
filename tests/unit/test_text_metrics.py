"""Metrics of CLIP's cosines: rows by hand, torchmetrics' own code, and MACE's composite scores."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torchmetrics.functional.multimodal import clip_score

from iceb.base.errors import MeasureError, SpecError
from iceb.conformance.parts.metrics import check_metric
from iceb.metrics.choices import ChoiceAccuracy, ChoiceProbability, choice_probabilities
from iceb.metrics.composite import Composite
from iceb.metrics.cosines import ClipScore
from iceb.metrics.sets import SetDistance, kernel_distance
from iceb.specs.metrics import AFTER, Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import ConceptValue, Part, complement
from tests.contract.registering import failures, register  # noqa: F401

COLOURS = ("red", "green", "blue")
ROWS = np.array([[0.30, 0.20, 0.25], [0.20, 0.26, 0.25], [0.22, 0.24, 0.23]])
ANSWERS = (0, 1, 2)  # right, right, wrong


def prompts_of(answers=ANSWERS, role="erased", choices=COLOURS, concepts=None):
    names = concepts or [f"c{place}" for place in range(len(answers))]
    return tuple(
        Prompt(f"a ball, no. {place}", place, role, concept=name, choices=choices, answer=answer)
        for place, (answer, name) in enumerate(zip(answers, names, strict=True))
    )


def sides_of(after, before=None, prompts=None, key="erased"):
    prompts = prompts or prompts_of()
    before = after if before is None else before
    return {key: {"before": Measured("m@1", before, prompts), "after": Measured("m@1", after, prompts)}}


def after_of(metric, measured):
    return [value.after for value in metric(measured)]


# CLIP scores


@pytest.mark.parametrize(
    ("form", "unit", "expected"),
    [
        ("percent", "100 × cosine", [25.0, -4.0]),
        ("positive percent", "100 × max(cosine, 0)", [25.0, 0.0]),
        ("hessel", "2.5 · max(cos, 0)", [0.625, 0.0]),
        ("cosine", "cosine", [0.25, -0.04]),
    ],
)
def test_each_form_of_the_score_by_hand(form, unit, expected):
    prompts = (Prompt("a hen", 1, "erased"), Prompt("a harp", 2, "erased"))
    metric = ClipScore("score", "erased", "clip_l14", form=form)
    assert after_of(metric, sides_of(np.array([[0.25], [-0.04]]), prompts=prompts)) == pytest.approx(expected)
    assert metric.unit == unit


class Looks:
    """A CLIP model of transformers' shape that gives the features it was made with."""

    def __init__(self, images: torch.Tensor, texts: torch.Tensor) -> None:
        self.images, self.texts, self.config = images, texts, SimpleNamespace()

    def to(self, device: Any) -> "Looks":
        return self

    def get_image_features(self, pixels: Any) -> torch.Tensor:
        return self.images

    def get_text_features(self, ids: Any, mask: Any) -> torch.Tensor:
        return self.texts


def read_nothing(**given: Any) -> dict[str, torch.Tensor]:
    names = ("pixel_values",) if "images" in given else ("input_ids", "attention_mask")
    return dict.fromkeys(names, torch.zeros(1))


@pytest.mark.parametrize("seed", range(3))
def test_the_percent_form_is_torchmetrics_clip_score(seed):
    torch.manual_seed(seed)
    images, texts = torch.randn(6, 8), torch.randn(6, 8)
    texts += 2 * images  # so that the mean is above 0, below which torchmetrics gives 0
    expected = clip_score(
        [torch.zeros(3, 4, 4, dtype=torch.uint8)] * 6, ["text"] * 6, lambda: (Looks(images, texts), read_nothing)
    )
    cosines = torch.nn.functional.cosine_similarity(images, texts).numpy()[:, None]
    prompts = tuple(Prompt(f"text {place}", place, "erased") for place in range(6))
    metric = ClipScore("score", "erased", "clip_l14")
    found = reduce_values(metric(sides_of(cosines, prompts=prompts)), metric.reduction)
    assert found.value == pytest.approx(float(expected), rel=1e-6)


def test_the_score_is_of_the_answer_or_of_the_text_that_is_named():
    assert after_of(ClipScore("score", "erased", "m"), sides_of(ROWS)) == pytest.approx([30, 26, 23])
    assert after_of(ClipScore("score", "erased", "m", text=2), sides_of(ROWS)) == pytest.approx([25, 25, 23])


def test_a_text_that_there_is_not_is_refused():
    with pytest.raises(SpecError, match="has no text 3 among its 3 texts"):
        ClipScore("score", "erased", "m", text=3)(sides_of(ROWS))
    with pytest.raises(SpecError, match="has no answer among its 3 texts"):
        ClipScore("score", "erased", "m")(sides_of(ROWS, prompts=prompts_of([None] * 3)))
    with pytest.raises(SpecError, match="form 'per cent' must be one of percent, positive percent, hessel, cosine"):
        ClipScore("score", "erased", "m", form="per cent")


def test_numbers_that_are_no_cosines_are_refused():
    for wrong in (25.0, float("nan")):
        with pytest.raises(MeasureError, match="m@1 gave a number that is no cosine; nothing was scored"):
            ClipScore("score", "erased", "m")(sides_of(np.full((3, 3), wrong)))


# Choices


def test_the_accuracy_by_hand():
    metric = ChoiceAccuracy("accuracy", "erased", "clip_b32")
    assert after_of(metric, sides_of(ROWS)) == [1.0, 1.0, 0.0]
    score = reduce_values(metric(sides_of(ROWS)), metric.reduction)
    assert (score.value, score.after, score.before) == (
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
    )


def test_an_answer_that_ties_with_another_choice_is_not_the_nearest():
    assert after_of(ChoiceAccuracy("accuracy", "erased", "m"), sides_of(np.full((3, 3), 0.2))) == [0.0, 0.0, 0.0]


def test_probabilities_are_softmax_of_a_hundred_times_the_cosine():
    """By hand: 0.30, 0.20 and 0.25 make 1 / (1 + e⁻¹⁰ + e⁻⁵)."""
    (first, *_) = after_of(ChoiceProbability("probability", "erased", "m"), sides_of(ROWS))
    assert first == pytest.approx(1 / (1 + math.exp(-10) + math.exp(-5)), rel=1e-12)
    expected = torch.softmax(100 * torch.from_numpy(ROWS), dim=1).numpy()
    assert choice_probabilities(ROWS) == pytest.approx(expected, rel=1e-12)
    assert after_of(ChoiceProbability("probability", "erased", "m", scale=0.0), sides_of(ROWS)) == pytest.approx(
        [1 / 3] * 3
    )


def test_a_threshold_is_on_the_probability():
    """The answers' probabilities are 0.993, 0.730 and 0.245."""
    for threshold, expected in ((0.2, [1, 1, 1]), (0.5, [1, 1, 0]), (0.75, [1, 0, 0]), (0.999, [0, 0, 0])):
        metric = ChoiceAccuracy("accuracy", "erased", "m", threshold=threshold)
        assert after_of(metric, sides_of(ROWS)) == expected


def test_a_change_is_of_the_accuracies():
    metric = ChoiceAccuracy("accuracy", "erased", "m", change="fall", part="gone")
    values = metric(sides_of(ROWS, before=np.array([[0.3, 0.2, 0.1], [0.1, 0.3, 0.2], [0.1, 0.2, 0.3]])))
    assert values[2] == ConceptValue("c2", "gone", 1.0, 0.0, 1)
    assert reduce_values(values, metric.reduction).value == pytest.approx(1 / 3)


def test_images_of_a_concept_are_averaged_and_replicates_stay_apart():
    prompts = prompts_of(concepts=["c", "c", "d"])
    values = ChoiceAccuracy("accuracy", "erased", "m")(sides_of(ROWS, prompts=prompts))
    assert [(value.concept, value.after, value.n) for value in values] == [("c", 1.0, 2), ("d", 0.0, 1)]


def test_a_metric_that_reads_one_side_has_no_before():
    metric = ChoiceAccuracy("accuracy", "erased", "m", sides=(AFTER,))
    (value, *_) = metric({"erased": {"after": Measured("m@1", ROWS, prompts_of())}})
    assert (value.before, value.after) == (None, 1.0)


@pytest.mark.parametrize(
    ("rows", "prompts", "words"),
    [
        (ROWS, prompts_of([None, 1, 2]), "has 3 choices and the answer None: needs an answer"),
        (ROWS[:, :2], prompts_of(), "has 3 choices and the answer 0: needs an answer and the 2 choices"),
        (ROWS[:, :1], prompts_of(), "gave rows of 1 choice: an answer needs another beside it"),
    ],
)
def test_prompts_without_choices_to_answer_are_refused(rows, prompts, words):
    with pytest.raises(SpecError, match=words):
        ChoiceAccuracy("accuracy", "erased", "m")(sides_of(rows, prompts=prompts))


# Composites

ERASED = ChoiceAccuracy("erased_accuracy", "erased", "clip_b32", higher_is_better=False)
KEPT = ChoiceAccuracy("kept_accuracy", "kept", "clip_b32")
H_C = Composite("h_c", (ERASED, KEPT), {"erased": complement(), "kept": Part(change="after")}, "harmonic")


def measured_by(metric, rows):
    """Rows by the names of a composite's needs."""
    return {
        need.key: sides_of(rows[need.role], prompts=prompts_of(role=need.role), key="x")["x"] for need in metric.needs
    }


def test_maces_h_c_is_the_harmonic_mean_of_what_is_gone_and_kept():
    """By hand: accuracies of 1/3 and 2/3 make 2 / (3/2 + 3/2)."""
    rows = {"erased": np.array([[0.1, 0.3, 0.2], [0.3, 0.1, 0.2], [0.1, 0.2, 0.3]]), "kept": ROWS}
    score = reduce_values(H_C(measured_by(H_C, rows)), H_C.reduction)
    assert (score.value, score.concepts) == (pytest.approx(2 / (3 / 2 + 3 / 2)), 6)


def test_maces_h_a_is_a_difference():
    members = (ClipScore("clip_e", "erased", "clip_b32"), ClipScore("clip_s", "kept", "clip_b32"))
    metric = Composite("h_a", members, {"kept": Part(1.0, "after"), "erased": Part(-1.0, "after")}, unit="100 × cosine")
    score = reduce_values(metric(measured_by(metric, {"erased": ROWS - 0.05, "kept": ROWS})), metric.reduction)
    assert score.value == pytest.approx(5.0)


def test_two_metrics_of_one_role_stand_beside_each_other():
    members = (ERASED, ChoiceProbability("p", "erased", "clip_l14", part="how surely", asks_dest=True))
    metric = Composite("both", members, {"erased": Part(0.5, "after"), "how surely": Part(0.5, "after")})
    assert len({need.key for need in metric.needs}) == 2
    assert metric.asks_dest
    assert not H_C.asks_dest


@pytest.mark.parametrize(
    ("members", "parts"),
    [((ERASED, ERASED), {"erased": Part()}), ((ERASED, KEPT), {"erased": Part()}), ((KEPT,), {"erased": Part()})],
)
def test_parts_that_are_not_the_members_are_refused(members, parts):
    with pytest.raises(SpecError, match=r"must be the same, each once \(give members a `part`\)"):
        Composite("wrong", members, parts)


def test_a_distance_of_sets_has_no_place_in_a_composite():
    with pytest.raises(SpecError, match="kid is a distance of sets"):
        Composite("wrong", (SetDistance("kid", kernel_distance, "m", "p"),), {"value": Part(), "resample": Part()})


@pytest.mark.parametrize(
    "metric",
    [
        ClipScore("checked", "erased", "clip_l14"),
        ClipScore("checked", "erased", "clip_l14", form="hessel", text=0, change="rise"),
        ChoiceAccuracy("checked", "erased", "clip_bigg"),
        ChoiceAccuracy("checked", "erased", "clip_bigg", threshold=0.5, change="rise", tags=("hard",)),
        ChoiceProbability("checked", "erased", "clip_b32", sides=(AFTER,)),
        Composite("checked", (ERASED, KEPT), H_C.parts, "harmonic"),
        Composite("checked", (ERASED, KEPT), H_C.parts, "geometric"),
    ],
    ids=lambda metric: type(metric).__name__,
)
def test_the_metrics_keep_their_promises(metric, register):  # noqa: F811
    register("metrics", "checked", metric)
    lines = list(check_metric("checked"))
    assert failures(lines) == {}
    assert {line.check for line in lines if line.status == "skipped"} <= {"an edit that did nothing"}


def test_rows_that_are_not_of_the_prompts_texts_are_refused():
    with pytest.raises(MeasureError, match="gave 2 numbers for a prompt of 3 texts"):
        ClipScore("score", "erased", "m", text=0)(sides_of(ROWS[:, :2]))


def test_a_choice_may_be_named_for_all_prompts():
    first = ChoiceAccuracy("accuracy", "erased", "m", choice=0)
    assert after_of(first, sides_of(ROWS, prompts=prompts_of([None] * 3))) == [1.0, 0.0, 0.0]
    sure = after_of(ChoiceProbability("p", "erased", "m", choice=2), sides_of(ROWS, prompts=prompts_of([None] * 3)))
    assert sure == pytest.approx(choice_probabilities(ROWS)[:, 2].tolist())


def test_members_that_read_the_same_share_a_name():
    assert [(need.key, need.name) for need in H_C.needs] == [("erased", ""), ("kept", "")]
