"""Every metric of ours says what it means, and recorded numbers lie in the range that it declares."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from iceb import registry
from iceb.base.errors import SpecError
from iceb.leaderboard.published import read_published
from iceb.report.meanings import meaning_of
from iceb.report.metric_pages import MetricFacts, explanation, measures_text, metric_facts, metric_pages, page
from iceb.specs.meanings import Meaning, group_of, of_group, parse_meanings, read_meanings
from iceb.specs.reduce import change_of
from iceb.specs.reduction import ConceptValue
from tools.committed import committed_results

ROOT = Path(__file__).parents[2]
OURS = [entry for entry in registry.entries_of("metrics") if entry.package == "iceb"]


def test_every_metric_of_ours_has_a_meaning_and_no_meaning_is_left_over():
    assert set(read_meanings()) == {entry.name for entry in OURS}


@pytest.mark.parametrize("name", sorted(read_meanings()))
def test_a_meaning_says_definition_formula_and_what_it_does_not_tell(name):
    meaning = read_meanings()[name]
    assert meaning.definition.endswith(".")
    assert meaning.caveat.endswith(".")
    assert meaning.formula
    assert len(meaning.first_sentence) <= 160, "its first sentence stands in a table"


def _shape(metric):
    """What two metrics share that measure one thing on one scale."""
    parts = [(part.weight, part.change, part.slope, part.offset, bool(part.over)) for part in _parts(metric)]
    return metric.unit, metric.reduction.kind, metric.reduction.combine, sorted(parts)


def _parts(metric):
    return metric.reduction.parts.values()


@pytest.mark.parametrize("group", sorted({meaning.group for meaning in read_meanings().values()}))
def test_the_metrics_of_a_group_measure_one_thing_on_one_scale(group):
    names = of_group(group)
    shapes = [_shape(registry.load("metrics", name)) for name in names]
    assert all(shape == shapes[0] for shape in shapes), dict(zip(names, shapes, strict=True))
    assert (group == names[0]) == (len(names) == 1), "a group of one metric has its name, and no other has"


@pytest.mark.parametrize("entry", OURS, ids=[entry.name for entry in OURS])
def test_a_card_says_whose_protocol_the_metric_follows(entry):
    """One of ours says so, and one of a paper names the paper that the metric cites."""
    protocol, paper = read_meanings()[entry.name].protocol, entry.load().paper
    assert "ours" in protocol or (paper and paper in protocol)


def test_a_metric_without_an_entry_compares_with_itself_alone():
    assert group_of("foreign") == "foreign"
    assert group_of("holdout_unseen") == group_of("source2dest") != group_of("source_forget")


def test_recorded_scores_lie_in_the_declared_range():
    found = 0
    for result in committed_results():
        for score in result.scores:
            if score.value is not None and score.metric in read_meanings():
                low, high = read_meanings()[score.metric].range
                assert low <= score.value <= high, (result.id, score.metric)
                found += 1
    assert found > 200


def test_published_numbers_lie_in_the_declared_range():
    for paper in read_published():
        for row in paper.rows:
            if row.metric in read_meanings():
                low, high = read_meanings()[row.metric].range
                column = paper.columns.get(row.metric)
                scale = 0.01 if column is not None and column.unit == "%" else 1
                assert low <= scale * row.value <= high, row


@pytest.mark.parametrize("entry", OURS, ids=[entry.name for entry in OURS])
def test_the_range_follows_from_the_extremes_of_what_is_reduced(entry):
    """Of probabilities: the extremes of each part's change, by its weight."""
    metric = entry.load()
    if metric.unit != "probability":
        pytest.skip("not a probability: its range is its authors' to say")
    sides = [(0.0, 1.0), (1.0, 0.0)]
    changes = [
        [part.weight * change_of(ConceptValue("c", name, *side, 1), part.change) for side in sides]
        for name, part in metric.reduction.parts.items()
    ]
    least, greatest = math.fsum(map(min, changes)), math.fsum(map(max, changes))
    assert read_meanings()[entry.name].range == (least, greatest)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a]\nformula = 'x'\n", "a: definition"),
        ("[a]\ndefinition = 'x'\nrange = [1, 0]\n", "a: .*must ascend"),
        ("[a]\ndefinition = 'x'\nrange = [0, nan]\n", "a: .*must ascend"),
        ("[a]\ndefinition = 'x'\nranges = [0, 1]\n", "a: ranges"),
        ("a = 1\n", "a: "),
        ("[a\n", "not TOML"),
    ],
)
def test_a_wrong_entry_is_named(text, said):
    with pytest.raises(SpecError, match=said):
        parse_meanings(text)


def test_a_range_may_be_open():
    found = parse_meanings("[a]\ndefinition = 'x'\nrange = [0, inf]\n")["a"]
    assert found.range == (0.0, math.inf)


@dataclass(frozen=True)
class Foreign:
    """A metric of another package,
    in two lines.

    More.
    """

    name: ClassVar[str] = "foreign"


def test_a_metric_of_another_package_is_explained_by_its_docstring():
    entry = registry.Registered("metrics", "foreign", "other", "1", "other:FOREIGN")
    assert meaning_of(entry, Foreign()).definition == "A metric of another package, in two lines."


def test_one_of_ours_without_an_entry_is_an_error_that_names_the_file():
    entry = registry.Registered("metrics", "none", "iceb", "1", "other:FOREIGN")
    with pytest.raises(SpecError, match=r"metric none has no entry in metrics/meanings\.toml"):
        meaning_of(entry, Foreign())


def test_measures_are_named_for_mini_and_for_real_models():
    metric = registry.load("metrics", "source2dest")
    assert measures_text(metric) == "imagenet_classifier (vit_mini on mini, vit_b16_imagenet on real models)"


def test_an_explanation_says_what_the_declaration_says():
    said = explanation(metric_facts("dest_forget"))
    metric = registry.load("metrics", "dest_forget")
    assert (said["better"], said["version"], said["unit"]) == ("lower", str(metric.version), metric.unit)
    assert said["reads"] == "images of holdout prompts tagged dest, before and after, by imagenet_classifier"
    assert said["tasks"] == "aice, rectification"
    assert said["protocol"] == "ours, on AICE's holdout"
    assert said["compares with"].startswith("alias_forget, ")


def test_a_page_is_made_for_every_metric_and_without_a_caveat_has_no_such_heading():
    assert set(metric_pages()) == {"README.md"} | {f"{entry.name}.md" for entry in OURS}
    facts = metric_facts("source2dest")
    assert "## What it does not tell" in page(facts)
    short = MetricFacts(facts.entry, facts.metric, Meaning(definition="One. Two."), ())
    assert "## What it does not tell" not in page(short)
    assert "- range: unbounded" in page(short)
