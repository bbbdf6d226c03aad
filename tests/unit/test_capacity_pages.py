"""Capacities of a table's rows, from made-up results: numbers worked out by hand, and what must not move them."""

import dataclasses
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from iceb import registry
from iceb.base.errors import CheckFailed, SpecError
from iceb.leaderboard.capacity import capacity_of
from iceb.leaderboard.capacity_figure import draw_table
from iceb.leaderboard.capacity_section import capacity_section, half_life_text
from iceb.leaderboard.collect import place
from iceb.leaderboard.pages import check, render_pages, write
from iceb.leaderboard.rank import tables
from iceb.registry import OWN
from iceb.report.site.pareto import axes_of
from iceb.specs.reduce import reduce_values
from iceb.specs.tasks import Axes

CONCEPTS = 24
TOP = 0.8  # of the ceiling's source2dest
FALLING = {1: (0.6, 0.0), 10: (0.2, 0.0)}  # source2dest and holdout_delta by number of edits


@pytest.fixture
def with_axes(task):
    return dataclasses.replace(task, axes=Axes("source2dest", "holdout_delta", ceiling="prompt_swap"))


@pytest.fixture
def make_rows(make_result):
    """Results of a method by number of edits, from source2dest and holdout_delta."""

    def make(name, scores, **more):
        return [
            make_result(
                name,
                count,
                {"edit_score": None if gain is None else gain / 2, "source2dest": gain, "holdout_delta": change},
                **{"concepts": CONCEPTS, **more},
            )
            for count, (gain, change) in scores.items()
        ]

    return make


@pytest.fixture
def controls(make_rows):
    flat = [
        make_rows(name, {1: (value, 0.0), 10: (value, 0.0)}, stderr=0.0, paper="") for name, value in CONTROLS.items()
    ]
    return [each for some in flat for each in some]


CONTROLS = {"unedited": 0.0, "prompt_swap": TOP}


def table_of(some, task):
    (found,) = tables(
        [each.result for each in some], task, {each.result.per_concept.sha256: each.rows for each in some}
    )
    return found


def capacity_row(some, task, name="emcid"):
    found = capacity_of(table_of(some, task))
    assert found is not None
    return next(each for each in found.rows if each.row.method == name)


def test_numbers_worked_out_by_hand(make_rows, controls, with_axes):
    """Efficacy 0.75 and 0.25 of the ceiling, all else kept: half of the way from 1 to 10 on a logarithmic scale."""
    found = capacity_row([*make_rows("emcid", FALLING), *controls], with_axes)
    assert [point.efficacy.value for point in found.points] == pytest.approx([0.75, 0.25])
    assert [point.preservation.value for point in found.points] == pytest.approx([1.0, 1.0])
    half, high = found.capacities
    assert half.edits.exact == pytest.approx(10**0.5)
    assert half.fails == ("efficacy",)
    assert high.edits.text() == "< 1"
    assert found.area.value == pytest.approx(0.5)
    assert found.half_life.edits.exact == pytest.approx(10**0.75)


def test_preservation_is_the_share_that_is_kept(make_rows, controls, with_axes):
    """Before and after are 0.65 and 0.35 at 10 edits."""
    found = capacity_row([*make_rows("emcid", {1: (TOP, 0.0), 10: (TOP, -0.3)}), *controls], with_axes)
    assert found.points[1].preservation.value == pytest.approx(0.35 / 0.65)
    assert found.capacities[1].fails == ("preservation",)
    assert found.capacities[0].edits.text() == "≥ 10"


@pytest.mark.parametrize("added", [(TOP, 0.3), (1.0, 0.35), (-0.3, -0.6), (0.0, 0.0)])
def test_adding_a_method_moves_no_other_row(make_rows, controls, with_axes, added):
    """Be it better than the ceiling, or worse than the unedited model."""
    alone = [*make_rows("emcid", FALLING), *controls]
    before = capacity_row(alone, with_axes)
    after = capacity_row([*alone, *make_rows("uce", {1: added, 10: added})], with_axes)
    assert (before.points, before.capacities, before.area, before.half_life) == (
        after.points,
        after.capacities,
        after.area,
        after.half_life,
    )


def test_a_row_that_is_better_everywhere_has_no_smaller_capacity(make_rows, controls, with_axes):
    some = [*make_rows("emcid", FALLING), *make_rows("uce", {1: (0.7, 0.1), 10: (0.3, 0.1)}), *controls]
    worse, better = (capacity_row(some, with_axes, name) for name in ("emcid", "uce"))
    for one, other in zip(worse.capacities, better.capacities, strict=True):
        assert one.edits.least <= other.edits.least
    assert worse.area.value < better.area.value


def scatter_concepts(made_result, metric, seed):
    """With concepts that scatter, and the scores that they make."""
    concepts = sum(row.metric == metric for row in made_result.rows)
    return with_changes(made_result, metric, np.random.default_rng(seed).uniform(0.1, 0.8, concepts))


def with_changes(made_result, metric, changes):
    """With these changes of a metric's concepts, and the scores that they make."""
    left = iter(changes)
    rows = [
        dataclasses.replace(row, value=dataclasses.replace(row.value, before=0.1, after=0.1 + float(next(left))))
        if row.metric == metric
        else row
        for row in made_result.rows
    ]
    scores = []
    for score in made_result.result.scores:
        found = reduce_values([row.value for row in rows if row.metric == score.metric], score.reduction.reduction)
        scores.append(score.model_copy(update={"value": found.value, "before": found.before, "after": found.after}))
    return made_result.with_rows(tuple(rows)).with_fields(scores=tuple(scores), **per_concept_of(made_result, rows))


def per_concept_of(made_result, rows):
    return {"per_concept": made_result.with_rows(tuple(rows)).result.per_concept}


def changes_of(made_result):
    return np.array([row.value.after - row.value.before for row in made_result.rows if row.metric == "source2dest"])


def test_the_scatter_of_efficacy_is_that_of_a_ratio_of_means(make_rows, controls, with_axes):
    """Independent of the code: residuals of value − ratio × ceiling over the same concepts."""
    mine = [scatter_concepts(each, "source2dest", seed) for seed, each in enumerate(make_rows("emcid", FALLING))]
    swaps = [each for each in controls if each.result.method.name == "prompt_swap"]
    tops = [scatter_concepts(each, "source2dest", 10 + seed) for seed, each in enumerate(swaps)]
    rest = [each for each in controls if each.result.method.name == "unedited"]
    found = capacity_row([*mine, *tops, *rest], with_axes)
    for point, own, top in zip(found.points, mine, tops, strict=True):
        value, ceiling = changes_of(own), changes_of(top)
        ratio = value.mean() / ceiling.mean()
        residuals = (value - ratio * ceiling) / ceiling.mean()
        assert point.efficacy.value == pytest.approx(ratio)
        squares = sum(each**2 for each in point.efficacy.scatter.influences.values())
        assert squares == pytest.approx(residuals.var(ddof=1) / len(value))
        assert point.efficacy.scatter.low < ratio < point.efficacy.scatter.high
    (low, high), edits = found.capacities[0].interval, found.capacities[0].edits
    assert low.least <= edits.least <= high.most


def test_a_half_life_beyond_the_largest_number_has_an_interval_too(make_rows, controls, with_axes):
    """The score at 10 is above half of that at 1, by less than its scatter: resampled curves fall further."""
    first, last = (scatter_concepts(each, "source2dest", 3) for each in make_rows("emcid", FALLING))
    noise = 0.25 * np.random.default_rng(1).normal(size=CONCEPTS)
    gains = 0.52 * changes_of(first).mean() + noise - noise.mean()
    last = with_changes(last, "source2dest", gains)
    table = table_of([first, last, *controls], with_axes)
    found = next(each for each in capacity_of(table).rows if each.row.method == "emcid")
    least, most = found.half_life.interval
    assert (found.half_life.beyond, found.half_life.edits.text(), most.text()) == (True, "≥ 10", "≥ 10")
    assert 1 < least.least < 10
    assert half_life_text(found) == f"> 10 [{least.text()}, ≥ 10]"


def test_an_unedited_model_without_an_error_is_a_known_number(make_rows, controls, with_axes):
    """A harmonic mean with a part at 0 has no error: the curves' intervals are as if it were exactly 0."""
    some = [scatter_concepts(each, "source2dest", seed) for seed, each in enumerate(make_rows("emcid", FALLING))]
    known = [without_error(each) if each.result.method.name == "unedited" else each for each in controls]
    (one, other) = (capacity_row([*some, *found], with_axes) for found in (controls, known))
    assert one.capacities[0].interval is not None
    assert (one.points, one.capacities, one.area) == (other.points, other.capacities, other.area)


def without_error(made_result):
    """With a score of source2dest that has no error, as one that is no sum over concepts."""
    scores = [
        score.model_copy(update={"stderr": None, "low": None, "high": None}) if score.metric == "source2dest" else score
        for score in made_result.result.scores
    ]
    rows = tuple(row for row in made_result.rows if row.metric != "source2dest")
    return made_result.with_rows(rows).with_fields(scores=tuple(scores), **per_concept_of(made_result, rows))


def test_below_ten_concepts_there_is_no_interval(make_rows, controls, with_axes):
    found = capacity_row([*make_rows("emcid", FALLING, concepts=9), *controls], with_axes)
    assert found.capacities[0].interval is None
    assert found.area.interval is None
    assert "too few concepts" in found.area.note


def test_without_a_reference_or_a_destination_there_is_no_capacity_and_it_says_why(make_rows, controls, with_axes):
    no_swap = [each for each in controls if each.result.method.name == "unedited"]
    assert capacity_row([*make_rows("emcid", FALLING), *no_swap], with_axes).note == "no prompt_swap at 1"
    eraser = make_rows("esd", {1: (None, 0.0), 10: (None, 0.0)}, reaches_dest=False)
    assert capacity_row([*eraser, *controls], with_axes, "esd").note == "no source2dest"


def test_no_line_is_drawn_across_a_declared_number_that_was_not_run(make_rows, controls, with_axes):
    declared = dataclasses.replace(with_axes, edit_counts=(1, 5, 10))
    found = capacity_row([*make_rows("emcid", FALLING), *controls], declared)
    assert found.capacities[0].edits.text() == "1 to 10"
    assert found.area.value is None
    assert found.area.note == "not measured at 5"
    assert found.half_life.edits.text() == "1 to 10"


def test_a_task_without_axes_or_with_one_number_of_edits_has_no_section(make_rows, controls, task, with_axes):
    some = [*make_rows("emcid", FALLING), *controls]
    assert capacity_of(table_of(some, task)) is None
    assert capacity_of(table_of(some, dataclasses.replace(with_axes, edit_counts=(10,)))) is None


def test_axes_are_among_a_tasks_metrics(task):
    with pytest.raises(SpecError, match="axes name 'fid', must be among its metrics"):
        dataclasses.replace(task, axes=Axes("source2dest", "fid", ceiling=1.0))


def test_every_declared_preservation_is_better_when_higher_and_has_sides():
    for entry in registry.entries_of("tasks"):
        if entry.package != OWN or (axes := entry.load().axes) is None:
            continue
        kept = registry.load("metrics", axes.preservation)
        assert kept.higher_is_better, entry.name
        assert kept.reduction.kind == registry.load("metrics", axes.efficacy).reduction.kind == "mean", entry.name


def test_the_page_shows_capacities_and_links_a_figure_that_is_well_formed(make_rows, controls, with_axes, tmp_path):
    for each in (some := [*make_rows("emcid", FALLING), *controls]):
        each.save(tmp_path / "results" / place(each.result))
    per_concept = {each.result.per_concept.sha256: each.rows for each in some}
    results = [each.result for each in some]
    texts = render_pages(tmp_path, lambda name: with_axes, results, per_concept=per_concept)
    assert set(texts) == {"aice.md", "figures/aice.svg"}
    assert "### Capacity: how many concepts at once" in texts["aice.md"]
    assert "| emcid | 3 [" in texts["aice.md"]
    assert "](figures/aice.svg)" in texts["aice.md"]
    root = ElementTree.fromstring(texts["figures/aice.svg"])
    words = "".join(root.itertext())
    assert all(text in words for text in ("emcid", "prompt_swap (control)", "efficacy (source2dest)", "edits at once"))
    assert texts == render_pages(tmp_path, lambda name: with_axes, list(reversed(results)), per_concept=per_concept)
    write(tmp_path, texts)
    check(tmp_path, texts)


def test_a_page_of_one_number_of_edits_says_why_it_has_no_figure(make_rows, controls, with_axes, tmp_path):
    some = [each.result for each in [*make_rows("emcid", FALLING), *controls]]
    (tmp_path / "results").mkdir()
    alone = [each for each in some if each.num_edits == some[0].num_edits]
    texts = render_pages(tmp_path, lambda name: with_axes, alone)
    assert set(texts) == {"aice.md"}
    assert "There is no figure of scores against the number of edits: fewer than two of those that" in texts["aice.md"]


def test_a_changed_figure_and_one_left_over_are_refused(make_rows, controls, with_axes, tmp_path):
    results = [each.result for each in [*make_rows("emcid", FALLING), *controls]]
    (tmp_path / "results").mkdir()
    texts = render_pages(tmp_path, lambda name: with_axes, results)
    write(tmp_path, texts)
    figure = tmp_path / "figures" / "aice.svg"
    figure.write_text(figure.read_text(encoding="utf-8").replace("emcid", "emcit"), encoding="utf-8")
    (tmp_path / "figures" / "old.svg").write_text("<svg/>", encoding="utf-8")
    with pytest.raises(CheckFailed, match=r"aice\.svg differs from its results.*old\.svg is made by no result"):
        check(tmp_path, texts)


def test_a_task_without_axes_has_a_figure_of_its_headline_alone(make_rows, controls, task):
    text = draw_table(table_of([*make_rows("emcid", FALLING), *controls], task), None)
    assert text is not None
    assert "edit_score" in text
    assert "efficacy" not in text
    assert draw_table(table_of([each for each in controls if each.result.num_edits == 1], task), None) is None


def test_the_reports_axes_are_the_tasks_own(make_rows, controls, with_axes):
    table = table_of([*make_rows("emcid", FALLING), *controls], with_axes)
    assert axes_of(table) == {"efficacy": "source2dest", "preservation": "holdout_delta"}


def test_a_row_without_capacity_is_named_with_the_reason(make_rows, controls, with_axes):
    eraser = make_rows("esd", {1: (None, 0.0)}, reaches_dest=False)
    found = capacity_of(table_of([*make_rows("emcid", FALLING), *eraser, *controls], with_axes))
    assert "Without a capacity: esd (no source2dest)." in capacity_section(found)[1]


def test_every_number_of_the_section_is_explained(make_rows, controls, with_axes):
    found = capacity_of(table_of([*make_rows("emcid", FALLING), *controls], with_axes))
    assert found is not None
    _, said, table = capacity_section(found)
    for heading in ("C(0.5)", "C(0.8)", "fails first", "area", "half-life", "[low, high]"):
        assert f"{heading}" in said, heading
    assert json.dumps(table).count("NaN") == 0
