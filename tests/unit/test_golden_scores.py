"""Every metric's score of frozen inputs is as recorded.

A changed score under one version is reported, and so is a raised version without a record.
"""

import dataclasses
import json
from dataclasses import replace

import numpy as np
import pytest

from iceb.metrics import choices, concept_ablation, neighbours, rows, sets
from iceb.specs.reduction import RESAMPLE
from tools import golden_scores
from tools.golden_scores import INPUTS, SCORES, complete_inputs, main, our_metrics, problems, read, record_scores

METRICS, BLOCKS, RECORDS = our_metrics(), read(INPUTS), read(SCORES)
WITHOUT_EFFECT = {
    ("scale", 100.0): "of two texts the one above one half, and the likeliest of all, are the nearest at any scale",
    ("low", 0): "no bystander is at a distance of 0, for that is the edited class itself",
}
NEAREST = {"efficacy", "generality", "specificity", "object_hit_e", "object_hit_g", "object_hit_s"}


def differ(**metrics):
    """What the guard says of some metrics."""
    return problems(metrics, BLOCKS, {name: RECORDS[name] for name in metrics})


def as_they_are(found):
    """What was found, as it is."""
    return found


class Mutant:
    """A metric whose statistics or reduction are another's."""

    def __init__(self, metric, values=as_they_are, reduced=as_they_are):
        self.metric, self.values, self.reduced = metric, values, reduced

    def __getattr__(self, name):
        return getattr(self.metric, name)

    @property
    def reduction(self):
        return self.reduced(self.metric.reduction)

    def __call__(self, measured):
        return self.values(self.metric(measured))


def scale_after(values):
    """The first part's statistics after the edit, one in a thousand too small."""
    first = values[0].part
    return [replace(value, after=0.999 * value.after) if value.part == first else value for value in values]


def short(values):
    """Statistics without those of the last concept, of a distance without the last split: off by one."""
    if values[-1].part == RESAMPLE:
        return values[:-2]
    return [value for value in values if value.concept != values[-1].concept]


def without_halves(values):
    """Statistics without any split, for scores that their halves deny: one split more or less changes no median."""
    return [value for value in values if value.part != RESAMPLE]


def heavier(reduction):
    """A reduction whose first part counts one in a thousand more."""
    name, part = next(iter(reduction.parts.items()))
    parts = {**reduction.parts, name: replace(part, weight=1.001 * part.weight)}
    return replace(reduction, parts=parts)


def test_every_score_is_as_recorded():
    assert problems(METRICS, BLOCKS, RECORDS) == []


DENIED = (
    "damage_radius",
    "damage_radius_look",
    "damage_radius_text",
)  # on made-up rows, halves of the concepts have another radius
OF_OWN_TEXTS = ("profession_acc",)  # frozen rows have no texts of others, so all count (but see test_balance.py)


def test_every_recorded_score_says_something():
    for name, metric in METRICS.items():
        score = RECORDS[name][str(metric.version)]
        assert score["value"], name
        assert score["stderr"] or name in OF_OWN_TEXTS or (name in DENIED and "halves" in score["note"]), name


@pytest.mark.parametrize("mutation", [scale_after, short])
@pytest.mark.parametrize("name", sorted(METRICS))
def test_changed_statistics_under_one_version_are_reported(name, mutation):
    mutation = without_halves if mutation is short and name in DENIED else mutation
    found = differ(**{name: Mutant(METRICS[name], values=mutation)})
    assert len(found) == 1
    assert f"of {name} changed from " in found[0]
    assert f"while its version stayed {METRICS[name].version}: raise `version` of {name}" in found[0]


@pytest.mark.parametrize("name", sorted(name for name, each in METRICS.items() if each.reduction.kind == "mean"))
def test_a_changed_reduction_under_one_version_is_reported(name):
    assert len(differ(**{name: Mutant(METRICS[name], reduced=heavier)})) == 1


def numeric_settings():
    """Each metric's settings that are numbers, but for its version and those without effect."""
    for name, metric in METRICS.items():
        for field in dataclasses.fields(metric) if dataclasses.is_dataclass(metric) else ():
            value = getattr(metric, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or field.name == "version":
                continue
            if (field.name, value) not in WITHOUT_EFFECT or (field.name == "scale" and name not in NEAREST):
                yield name, field.name, value


@pytest.mark.parametrize(("name", "field", "value"), list(numeric_settings()))
def test_a_changed_setting_under_one_version_is_reported(name, field, value):
    other = value + 1 if isinstance(value, int) else 0.6 * value
    assert len(differ(**{name: replace(METRICS[name], **{field: other})})) == 1


@pytest.mark.parametrize(
    ("module", "attribute", "mutant", "some"),
    [
        (rows, "_mean", lambda numbers, at: None if numbers is None else float(np.median(numbers[at])), "source2dest"),
        (choices, "nearest_is_answer", lambda side, choice=None: np.ones(len(side.prompts)), "object_hit_e"),
        (concept_ablation, "kernel_distance", lambda one, other: 2 * sets.kernel_distance(one, other), "kid_target"),
        (neighbours, "LEAST_GAIN", 10_000.0, "damage_radius"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_changed_code_is_reported_of_every_metric_that_it_serves(monkeypatch, module, attribute, mutant, some):
    monkeypatch.setattr(module, attribute, mutant)
    found = problems(METRICS, BLOCKS, RECORDS)
    assert any(f" of {some} changed" in line for line in found)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_raised_version_without_a_record_is_reported(name):
    raised = METRICS[name].version + 1
    mutant = Mutant(METRICS[name])
    mutant.version = raised
    (found,) = differ(**{name: mutant})
    assert found.startswith(
        f"version {raised} of {name} has no recorded score: record it with python tools/golden_scores"
    )


def test_a_record_without_a_metric_and_a_metric_without_inputs_are_reported():
    (left,) = problems({}, BLOCKS, {"gone": {}})
    assert left == "gone has recorded scores and is no metric: remove them"
    (lacking,) = problems({"fid": METRICS["fid"]}, {}, {"fid": RECORDS["fid"]})
    assert lacking.startswith("fid reads inception/preservation, of which there are no frozen inputs")


def test_recording_adds_versions_and_changes_none():
    mutant = Mutant(METRICS["source2dest"], values=scale_after)
    same = record_scores({"source2dest": mutant}, BLOCKS, RECORDS)
    assert same["source2dest"] == RECORDS["source2dest"]
    mutant.version = 2
    both = record_scores({"source2dest": mutant}, BLOCKS, RECORDS)["source2dest"]
    assert both["1"] == RECORDS["source2dest"]["1"]
    assert both["2"]["after"] == pytest.approx(0.999 * both["1"]["after"])
    again = record_scores(
        {"source2dest": METRICS["source2dest"]}, BLOCKS, {"source2dest": {"1": both["2"]}}, again=True
    )
    assert again["source2dest"]["1"]["value"] == pytest.approx(both["1"]["value"])


def test_frozen_inputs_are_kept_and_missing_ones_made():
    assert complete_inputs(METRICS, BLOCKS) == BLOCKS
    (made,) = complete_inputs({"fid": METRICS["fid"]}, {}).values()
    assert len(made["sides"]["before"]) == len(made["prompts"])


def test_the_tool_lists_records_and_says_how_it_went(monkeypatch, tmp_path, capsys):
    for name in ("INPUTS", "SCORES"):
        monkeypatch.setattr(golden_scores, name, tmp_path / f"{name}.json")
    monkeypatch.setattr(golden_scores, "our_metrics", lambda: {"fid": METRICS["fid"]})
    assert main([]) == 1
    assert "0 of 1 scores are as recorded" in capsys.readouterr().out
    assert main(["--write"]) == 0
    assert main([]) == 0
    assert json.loads((tmp_path / "SCORES.json").read_text(encoding="utf-8"))["fid"]["2"]["value"] > 0
    assert main(["--again"]) == 0
