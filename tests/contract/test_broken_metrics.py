"""One deliberately broken metric for each check, and the check that must catch it; sound ones pass them all."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from iceb.base.errors import MeasureError, SpecError
from iceb.conformance.check_line import Line
from iceb.conformance.parts.made_up_rows import MadeUpRows, made_up_prompts
from iceb.conformance.parts.metrics import check_metric
from iceb.metrics.sets import SetDistance, frechet_distance, kernel_distance
from iceb.specs.metrics import Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import ConceptValue, Part, Reduction
from tests.contract.registering import by_name, failures, only_failure, register  # noqa: F401

KIND = "imagenet_classifier"
Numbers = np.ndarray[Any, Any]


@dataclass
class Sound:
    """The change of the first number on the prompts of a role, concept by concept."""

    name: str = "first_number"
    version: Any = 1
    unit: Any = "share"
    higher_is_better: Any = True
    paper: Any = ""
    needs: Any = (Need(KIND, "source"),)
    reduction: Any = field(default_factory=lambda: Reduction({"source": Part()}))
    asked: int = 0

    def __call__(self, measured: Measurements) -> Any:
        self.asked += 1
        sides = measured["source"]
        groups = by_concept(sides["after"].prompts).items()
        return [self.value(sides, concept, replicate, rows) for (concept, replicate), rows in groups]

    def value(self, sides: Any, concept: str, replicate: int, rows: list[int]) -> ConceptValue:
        before, after = (self.number(sides[side], rows) for side in ("before", "after"))
        return ConceptValue(concept, "source", before, after, len(rows), replicate)

    def number(self, side: Measured, rows: list[int]) -> float:
        return float(side.values[rows, 0].astype(np.float64).mean())


def by_concept(prompts: Sequence[Prompt]) -> dict[tuple[str, int], list[int]]:
    rows: dict[tuple[str, int], list[int]] = {}
    for row, prompt in enumerate(prompts):
        rows.setdefault((prompt.cluster, prompt.replicate), []).append(row)
    return rows


@pytest.fixture
def lines(register: Any) -> Any:  # noqa: F811
    """The checks of a metric that a package registers."""

    def run_checks(metric: Any, name: str = "first_number") -> list[Line]:
        register("metrics", name, metric)
        return list(check_metric(name))

    return run_checks


def test_a_sound_metric_fails_nothing(lines):
    made = by_name(lines(Sound()))
    assert {check: line.status for check, line in made.items() if line.status != "pass"} == {}
    assert made["measures to be had"].note == "imagenet_classifier: vit_mini"


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
@pytest.mark.parametrize("reference", ["before", "reference:photographs"])
def test_sound_distances_of_sets_fail_nothing(distance, reference, lines):
    made = by_name(lines(SetDistance("apart", distance, KIND, "holdout", reference), "apart"))
    assert failures(made.values()) == {}
    assert {check for check, line in made.items() if line.status == "skipped"} == {
        "concepts are those of the prompts",
        "other concepts do not matter",
    }


BOTH = Reduction({"source": Part(), "else": Part(0.5)}, "concepts")


class Tagged(Sound):
    """Reads tagged prompts of one role, and another role through a second measure."""

    def __init__(self) -> None:
        other = Need("vit_mini", "kept", name="else")
        super().__init__(needs=(Need(KIND, "source", tags=("dest",)), other), reduction=BOTH)

    def __call__(self, measured: Measurements) -> Any:
        other = [replace(value, part="else") for value in super().__call__({"source": measured["else"]})]
        return [*super().__call__(measured), *other]


def test_needs_with_tags_sides_and_names_are_made_up_too(lines):
    assert failures(lines(Tagged())) == {}


# --- what it says of itself


def test_a_class_in_place_of_a_metric_is_caught(lines):
    class AsClass(Sound):
        reduction = Reduction({"source": Part()})

    check, note = only_failure(lines(AsClass))
    assert (check, "is a class: register an instance" in note) == ("registered and importable", True)


TWO = (Need(KIND, "source"), Need(KIND, "source", ("after",)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "second_number"}, "the name is 'second_number', the entry point's is 'first_number'"),
        ({"version": 0}, "the version is 0"),
        ({"version": True}, "the version is True"),
        ({"unit": ""}, "the unit is ''"),
        ({"higher_is_better": "yes"}, "higher_is_better is 'yes'"),
        ({"paper": "TODO"}, "the paper 'TODO' is a placeholder"),
        ({"paper": None}, "paper is None"),
        ({"needs": [Need(KIND, "source")]}, "must be a tuple of Need"),
        ({"needs": ()}, "at least one"),
        ({"needs": TWO}, "two different needs are called 'source'"),
        ({"needs": (Need(KIND, "source", ()),)}, "need source reads no side"),
        ({"reduction": {"source": 1}}, "the reduction is a dict"),
        ({"reduction": Reduction({"source": Part(0.0)})}, "no part has a weight"),
        ({"reduction": Reduction({"source": Part(1.0, "drop")})}, "has the change 'drop'"),  # type: ignore[arg-type]
        ({"reduction": Reduction({"source": Part(float("nan"))})}, "has the weight nan"),
        ({"reduction": Reduction({"source": Part()}, "rows")}, "the weighting is 'rows'"),  # type: ignore[arg-type]
    ],
)
def test_a_metrics_fields_are_checked(changes, words, lines):
    check, note = only_failure(lines(replace(Sound(), **changes)))
    assert (check, words in note) == ("fields", True), note


def test_a_kind_of_measure_that_nobody_has_is_caught(lines):
    check, note = only_failure(lines(Sound(needs=(Need("imagenet_clasifier", "source"),))))
    assert (check, "no measure of kind 'imagenet_clasifier'" in note) == ("measures to be had", True)


# --- what it computes


class Crashing(Sound):
    def value(self, sides: Any, concept: str, replicate: int, rows: list[int]) -> ConceptValue:
        return sides["befor"]


class PlainNumbers(Sound):
    def value(self, sides: Any, concept: str, replicate: int, rows: list[int]) -> Any:
        return self.number(sides["after"], rows)


class OtherPart(Sound):
    def value(self, sides: Any, concept: str, replicate: int, rows: list[int]) -> ConceptValue:
        return replace(super().value(sides, concept, replicate, rows), part="holdout")


class NotANumber(Sound):
    def number(self, side: Measured, rows: list[int]) -> float:
        return float("nan")


class CountsNone(Sound):
    def value(self, sides: Any, concept: str, replicate: int, rows: list[int]) -> ConceptValue:
        return replace(super().value(sides, concept, replicate, rows), n=0)


class NoValues(Sound):
    def __call__(self, measured: Measurements) -> Any:
        return []


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (Crashing, "raised KeyError: 'befor' (tests/contract/test_broken_metrics.py:"),
        (PlainNumbers, "it gives a float: must give ConceptValue"),
        (OtherPart, "part 'holdout'"),
        (NotANumber, "before is nan: must be finite, or None"),
        (CountsNone, "has n=0 images"),
        (NoValues, "there is no value: no source prompts were drawn"),
    ],
)
def test_a_metric_without_a_value_is_caught(metric, words, lines):
    check, note = only_failure(lines(metric()))
    assert (check, words in note) == ("a value of made-up numbers", True), note


class Choosy(Sound):
    def number(self, side: Measured, rows: list[int]) -> float:
        raise MeasureError("needs rows of 512 numbers")


def test_a_metric_that_refuses_made_up_numbers_in_words_is_skipped(lines):
    made = by_name(lines(Choosy()))
    assert failures(made.values()) == {}
    assert made["a value of made-up numbers"].note == "it refuses made-up numbers: needs rows of 512 numbers"


class OneWidth(Sound):
    def number(self, side: Measured, rows: list[int]) -> float:
        if side.values.shape[1] != 1:
            raise MeasureError("needs rows of one number")
        return super().number(side, rows)


def test_rows_of_another_width_are_tried(lines):
    assert "from rows of 1: 5 statistics of 4 concepts" in by_name(lines(OneWidth()))["a value of made-up numbers"].note


class Drifting(Sound):
    def number(self, side: Measured, rows: list[int]) -> float:
        return super().number(side, rows) + 0.01 * self.asked


class Scribbling(Sound):
    def number(self, side: Measured, rows: list[int]) -> float:
        found = super().number(side, rows)
        side.values[rows] = 0
        return found


class FirstRow(Sound):
    def number(self, side: Measured, rows: list[int]) -> float:
        return super().number(side, rows[:1])


class ZeroForNothing(Sound):
    def __call__(self, measured: Measurements) -> Any:
        return super().__call__(measured) or [ConceptValue("ant", "source", 0.0, 0.0, 1)]


class CrashesOnNothing(Sound):
    def __call__(self, measured: Measurements) -> Any:
        assert len(measured["source"]["after"].prompts), "no prompts"
        return super().__call__(measured)


class Shifted(Sound):
    def value(self, sides: Any, concept: str, replicate: int, rows: list[int]) -> ConceptValue:
        found = super().value(sides, concept, replicate, rows)
        return replace(found, after=found.after + 0.1)


class Logarithmic(Sound):
    def number(self, side: Measured, rows: list[int]) -> float:
        with np.errstate(divide="ignore"):
            return float(np.log(side.values[rows, 0]).mean())


class OneConcept(Sound):
    def value(self, sides: Any, concept: str, replicate: int, rows: list[int]) -> ConceptValue:
        return replace(super().value(sides, concept, replicate, rows), concept="everything")


class TwiceEach(Sound):
    def __call__(self, measured: Measurements) -> Any:
        return [value for value in super().__call__(measured) for _ in range(2)]


class CountsOne(Sound):
    def value(self, sides: Any, concept: str, replicate: int, rows: list[int]) -> ConceptValue:
        return replace(super().value(sides, concept, replicate, rows), n=7)


class CountsByRow(Sound):
    """Counts a concept's images over all replicates where the edit raised the number, else its replicate's alone."""

    def value(self, sides: Any, concept: str, replicate: int, rows: list[int]) -> ConceptValue:
        found = super().value(sides, concept, replicate, rows)
        pooled = sum(prompt.cluster == concept for prompt in sides["after"].prompts)
        return replace(found, n=pooled if found.after > found.before else len(rows))


class OnlyWhereItRose(Sound):
    """Has no statistic of the concepts whose number fell."""

    def __call__(self, measured: Measurements) -> Any:
        return [value for value in super().__call__(measured) if value.after >= value.before]


class ByClass(Sound):
    """Gives one statistic for each class of a concept."""

    def __call__(self, measured: Measurements) -> Any:
        sides, rows = measured["source"], dict[Any, list[int]]()
        for row, prompt in enumerate(sides["after"].prompts):
            rows.setdefault((prompt.cluster, prompt.replicate, prompt.label), []).append(row)
        return [self.value(sides, concept, replicate, at) for (concept, replicate, _), at in rows.items()]


class Centred(Sound):
    def value(self, sides: Any, concept: str, replicate: int, rows: list[int]) -> ConceptValue:
        found = super().value(sides, concept, replicate, rows)
        mean = float(sides["before"].values[:, 0].astype(np.float64).mean())
        return replace(found, before=found.before - mean, after=found.after - mean)


class ReadsElsewhere(Sound):
    def __call__(self, measured: Measurements) -> Any:
        return super().__call__({"source": measured.get("elsewhere", measured["source"])})


@pytest.mark.parametrize(
    ("metric", "check", "words"),
    [
        (Drifting, "same value twice", "give other values"),
        (Scribbling, "numbers left as they are", "copy before you change"),
        (FirstRow, "order of images", "in another order concept ant"),
        (ZeroForNothing, "no images, no value", "without images at all the value is 0"),
        (CrashesOnNothing, "no images, no value", "raised AssertionError: no prompts"),
        (Shifted, "an edit that did nothing", "and the value is 0.1"),
        (Logarithmic, "zeros and ones", "must be finite"),
        (OneConcept, "concepts are those of the prompts", "'everything' is no prompt's cluster"),
        (TwiceEach, "concepts are those of the prompts", "has several statistics"),
        (CountsOne, "n counts images", "n is 7, there are [3, 5]"),
        (CountsByRow, "n depends on prompts alone", "n counts all images that a statistic was taken or chosen from"),
        (ByClass, "concepts are those of the prompts", "has several statistics"),
        (Centred, "other concepts do not matter", "without concept 'ant'"),
        (ReadsElsewhere, "reads nothing but its needs", "where there is more to read"),
    ],
)
def test_arithmetic_that_breaks_the_contract_is_caught(metric, check, words, lines):
    found, note = only_failure(lines(metric()))
    assert (found, words in note) == (check, True), note


def test_a_metric_that_leaves_out_concepts_by_their_rows_is_caught(lines):
    found = failures(lines(OnlyWhereItRose()))
    assert "with other rows of the same prompts, concept" in found["n depends on prompts alone"]


class NeverHits(Sound):
    """Looks for a class that is never the likeliest."""

    def number(self, side: Measured, rows: list[int]) -> float:
        return float((side.values[rows, 0] > 1).mean())


class Hits(Sound):
    """The share of images whose likeliest class is the one asked for."""

    def number(self, side: Measured, rows: list[int]) -> float:
        asked = [side.prompts[row].target for row in rows]
        return float(np.mean(side.values[rows].argmax(axis=1) == asked))


def test_a_metric_that_is_0_on_all_made_up_numbers_says_so(lines):
    line = by_name(lines(NeverHits()))["a value of made-up numbers"]
    assert (line.status, "0 from rows of 8: 5 statistics of 4 concepts; the metric is 0" in line.note) == ("info", True)


def test_a_metric_that_counts_hits_has_some(lines):
    made = by_name(lines(Hits()))
    assert {check: line.status for check, line in made.items() if line.status != "pass"} == {}


def test_made_up_images_hit_and_miss_the_class_asked_for_in_concepts_of_two_classes():
    needs = (Need(KIND, "source"),)
    prompts = made_up_prompts(needs, 8)
    classes: dict[str, set[int | None]] = {}
    for prompt in prompts:
        classes.setdefault(prompt.cluster, set()).add(prompt.label)
    assert [len(labels) for labels in classes.values()] == [3, 2, 1, 2]  # ant has two replicates, cat one image
    for number in range(5):
        sides = MadeUpRows(needs, prompts, 8, number).sides()["source"]
        shown = sides["after"].values.argmax(axis=1)
        hits = [row == prompt.target for row, prompt in zip(shown, prompts, strict=True)]
        assert 0 < sum(hits) < len(hits)


def near(first: Numbers, second: Numbers) -> float:
    """A distance that is largest where two sets are equal."""
    return 1 / (1 + max(0.0, frechet_distance(first, second)))


def test_a_distance_that_is_not_least_between_equal_sets_is_caught(lines):
    check, note = only_failure(lines(SetDistance("apart", near, KIND, "holdout"), "apart"))
    assert (check, "two equal sets have the distance 1" in note) == ("an edit that did nothing", True), note


@dataclass(frozen=True)
class UnseededSets(SetDistance):
    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        return SetDistance.__call__(replace(self, seed=int(np.random.default_rng().integers(2**32))), measured)


def test_a_resampling_without_a_seed_is_caught(lines):
    check, note = only_failure(lines(UnseededSets("apart", frechet_distance, KIND, "holdout"), "apart"))
    assert (check, "give other values" in note) == ("same value twice", True), note


class DrawsGlobally(Sound):
    def number(self, side: Measured, rows: list[int]) -> float:
        np.random.rand()
        return super().number(side, rows)


def test_a_changed_process_is_caught(lines):
    check, note = only_failure(lines(DrawsGlobally()))
    assert (check, "numpy's random state" in note) == ("process untouched by all of this", True)


def test_an_unknown_metric_is_a_users_mistake():
    with pytest.raises(SpecError, match="unknown metric 'edit_scor': did you mean edit_score"):
        list(check_metric("edit_scor"))
