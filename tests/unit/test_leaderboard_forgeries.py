"""Every number of a result follows from its table: what was changed in either is refused by its name."""

import copy
import dataclasses
import functools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iceb.base.errors import ResultError
from iceb.leaderboard.adding import add_all
from iceb.leaderboard.collect import collect, place
from iceb.leaderboard.filed_result import read_filed, table_beside
from iceb.leaderboard.recompute import COUNTS, NUMBERS, problems
from iceb.runs.table import TableRow, encode_table, table_record
from iceb.specs.records import PartRecord
from iceb.specs.reduce import reduce_values
from iceb.specs.reduction import ConceptValue

SCORES = {"edit_score": 0.25, "source2dest": 0.4, "holdout_delta": -0.1, "alias2dest": None}


@pytest.fixture
def honest(make_result):
    return make_result(scores=SCORES, concepts=12, params={"rate": 0.2, "layers": (7, 8)})


def refusal_of(forged, tmp_path) -> str:
    """The message with which `collect` refuses a forged file."""
    path = forged.save(tmp_path / "results" / place(forged.result))
    with pytest.raises(ResultError) as caught:
        collect(tmp_path / "results")
    message = str(caught.value)
    assert message.startswith((str(path), str(table_beside(path))))
    assert "\n" not in message
    return message


def test_an_honest_result_passes_in_a_run_folder_and_on_a_leaderboard(honest, tmp_path):
    honest.save(tmp_path / "run" / "result.json")
    assert read_filed(tmp_path / "run").result == honest.result
    honest.save(tmp_path / "results" / place(honest.result))
    assert collect(tmp_path / "results") == [honest.result]


@pytest.mark.parametrize("name", ["value", "stderr", "low", "high", "before", "after"])
@pytest.mark.parametrize("metric", ["edit_score", "source2dest"])
def test_a_forged_number_is_refused_with_metric_field_and_both_numbers(honest, tmp_path, metric, name):
    honestly = getattr(honest.result.score(metric), name)
    message = refusal_of(honest.with_score(metric, **{name: 0.495}), tmp_path)
    assert f"metric {metric}: {name} is 0.495, the table makes {honestly!r}" in message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(move=st.floats(1e-6, 0.5), name=st.sampled_from(["value", "stderr", "low", "high", "before", "after"]))
def test_any_change_above_a_millionth_is_seen(make_result, move, name):
    honest = make_result(scores=SCORES, concepts=12)
    forged = honest.with_score("edit_score", **{name: getattr(honest.result.score("edit_score"), name) + move})
    assert problems(honest.result, honest.rows) == []
    assert [name in problem for problem in problems(forged.result, forged.rows)] == [True]


@pytest.mark.parametrize(("name", "value"), [("n", 1000), ("concepts", 300)])
def test_a_forged_count_is_refused(honest, tmp_path, name, value):
    honestly = getattr(honest.result.score("source2dest"), name)
    message = refusal_of(honest.with_score("source2dest", **{name: value}), tmp_path)
    assert f"metric source2dest: {name} is {value}, the table makes {honestly}" in message


def better(rows: tuple[TableRow, ...]) -> tuple[TableRow, ...]:
    """The table with its first concept raised."""
    first = rows[0]
    return (dataclasses.replace(first, value=dataclasses.replace(first.value, after=1.0)), *rows[1:])


def test_a_forged_cell_is_refused_by_the_digest_and_with_a_new_digest_by_the_score(honest, tmp_path):
    old_digest = dataclasses.replace(honest, rows=better(honest.rows))
    assert "its sha256 is" in refusal_of(old_digest, tmp_path / "a")
    message = refusal_of(honest.with_rows(better(honest.rows)), tmp_path / "b")
    assert "metric edit_score: value is 0.25, the table makes 0.26" in message


def test_dropped_rows_are_refused_by_digest_count_and_score(honest, tmp_path):
    fewer = honest.rows[1:]
    assert "its sha256 is" in refusal_of(dataclasses.replace(honest, rows=fewer), tmp_path / "a")
    digest = table_record(encode_table(fewer), fewer).sha256
    record = honest.result.per_concept.model_copy(update={"sha256": digest})
    counted = dataclasses.replace(honest.with_fields(per_concept=record), rows=fewer)
    assert f"has {len(fewer)} rows, the result names {len(honest.rows)}" in refusal_of(counted, tmp_path / "b")
    message = refusal_of(honest.with_rows(fewer), tmp_path / "c")
    assert "metric edit_score: " in message
    assert "concepts is 24, the table makes 23" in message


def test_a_metric_dropped_from_the_result_is_refused_while_its_rows_stand(honest, tmp_path):
    kept = tuple(score for score in honest.result.scores if score.metric != "holdout_delta")
    message = refusal_of(honest.with_fields(scores=kept), tmp_path)
    assert "metric 'holdout_delta' has 12 rows in the table and no score" in message


def test_a_metric_without_its_rows_keeps_neither_its_value_nor_another_reason(honest, tmp_path):
    without = honest.with_rows(tuple(row for row in honest.rows if row.metric != "holdout_delta"))
    assert "metric holdout_delta: value is -0.1" in refusal_of(without, tmp_path / "a")
    nothing = {"n": 0, "concepts": 0} | dict.fromkeys(("value", "stderr", "low", "high", "before", "after"))
    forged = without.with_score("holdout_delta", **nothing, note="not computed")
    message = refusal_of(forged, tmp_path / "b")
    assert "its note is 'not computed', the table makes 'no holdout prompts were drawn'" in message


def test_a_score_made_null_over_rows_that_give_one_is_refused(honest, tmp_path):
    forged = honest.with_score("holdout_delta", value=None, note="no holdout prompts were drawn")
    assert "metric holdout_delta: value is null, the table makes -0.1" in refusal_of(forged, tmp_path)


def test_an_eraser_has_no_score_about_destinations_and_only_an_eraser(make_result, tmp_path):
    erased = make_result("esd", scores={"source_forget": 0.3, "source2dest": None}, reaches_dest=False)
    assert erased.result.score("source2dest").note == "erases"
    erased.save(tmp_path / "results" / place(erased.result))
    assert collect(tmp_path / "results") == [erased.result]
    claimed = make_result("emcid", scores={"source_forget": 0.3, "source2dest": None}, reaches_dest=False)
    message = refusal_of(claimed, tmp_path / "claimed")
    assert "method emcid: reaches_dest is False, its card says True" in message


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("task", {"version": 2}),
        ("task", {"dataset_version": 2}),
        ("method", {"version": 2}),
        ("method", {"code": "0" * 64}),
        ("method", {"params": {"rate": 0.3, "layers": (7, 8)}}),
        ("method", {"package": "other"}),
        ("model", {"revision": "2" * 40}),
    ],
)
def test_an_id_is_the_digest_of_what_was_run(honest, tmp_path, part, fields):
    forged = honest.with_fields(**{part: getattr(honest.result, part).model_copy(update=fields)})
    assert f"its id is {honest.result.id}, but what it says was run has the id aice/" in refusal_of(forged, tmp_path)


def test_a_forged_id_is_refused(honest, tmp_path):
    forged = honest.with_fields(id=f"{honest.result.id[:-8]}00000000")
    assert f"has the id {honest.result.id}: one of the two was changed" in refusal_of(forged, tmp_path)


def test_a_version_that_is_not_installed_is_refused_even_with_its_own_id(honest, tmp_path):
    method = honest.result.method.model_copy(update={"version": 99})
    forged = honest.with_fields(method=method)
    forged = forged.with_fields(id=forged.result.spec.id)
    assert "method emcid: version 99 is newer than" in refusal_of(forged, tmp_path / "method")
    message = refusal_of(honest.with_score("edit_score", version=99), tmp_path / "metric")
    assert "metric edit_score: version 99 is newer than 1, which is installed: install the iceb" in message


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"unit": "accuracy"}, "unit is 'accuracy', version 1 of the metric has 'probability'"),
        ({"higher_is_better": False}, "higher_is_better is False, version 1 of the metric has True"),
        ({"measures": {}}, "measures are none, the metric reads imagenet_classifier"),
        ({"references": {"photos": "1" * 64}}, "references are photos, the metric reads none"),
    ],
)
def test_an_installed_metrics_definition_cannot_be_forged(honest, tmp_path, fields, word):
    assert f"metric edit_score: {word}" in refusal_of(honest.with_score("edit_score", **fields), tmp_path)


def test_a_forged_reduction_is_refused_even_when_its_value_follows(honest, tmp_path):
    """Weights of 1 and 0 would make edit_score the score of the sources alone."""
    score = honest.result.score("edit_score")
    parts = {"source": PartRecord(weight=1.0, change="rise"), "holdout": PartRecord(weight=0.0, change="rise")}
    reduction = score.reduction.model_copy(update={"parts": parts})
    message = refusal_of(honest.with_score("edit_score", reduction=reduction), tmp_path)
    assert 'metric edit_score: reduction is {"parts":{"source":{"weight":1.0' in message


@pytest.mark.parametrize(("after", "said"), [(1.5, "1.5 after"), (-0.25, "-0.25 after")])
def test_a_probability_outside_its_range_is_refused_though_every_sum_follows(make_result, tmp_path, after, said):
    honest = make_result(scores={"source2dest": 0.4}, stderr=None)
    value = dataclasses.replace(honest.rows[0].value, before=0.5, after=after)
    forged = honest.with_rows((dataclasses.replace(honest.rows[0], value=value),))
    forged = forged.with_score("source2dest", value=after - 0.5, before=0.5, after=after)
    assert f"concept 'source 0' has the probability {said}: must be in [0, 1]" in refusal_of(forged, tmp_path)


def test_a_concept_that_stands_twice_is_refused(make_result, tmp_path):
    honest = make_result(scores={"source2dest": 0.4}, stderr=None)
    score = honest.result.score("source2dest")
    forged = honest.with_rows(honest.rows * 2).with_score("source2dest", n=2 * score.n)
    message = refusal_of(forged, tmp_path)
    assert "metric source2dest: the table has 2 rows of concept 'source 0', part source, replicate 0" in message


def test_a_row_of_an_unknown_part_or_without_a_side_is_refused(honest, tmp_path):
    odd = TableRow("", "source2dest", ConceptValue("x", "alias", 0.1, 0.2, 5))
    assert "metric source2dest: concept value of part 'alias'" in refusal_of(
        honest.with_rows((*honest.rows, odd)), tmp_path / "a"
    )
    half = TableRow("", "source2dest", ConceptValue("x", "source", None, 0.2, 5))
    assert "lacks a side that 'rise' asks for" in refusal_of(honest.with_rows((*honest.rows, half)), tmp_path / "b")


@pytest.mark.parametrize("before", [0.0, -1e308])
def test_numbers_too_large_to_be_summed_are_refused_in_one_line(make_result, tmp_path, before):
    honest = make_result(scores={"source2dest": 0.4})
    huge = [dataclasses.replace(row.value, before=before, after=1e308, n=1) for row in honest.rows]
    rows = tuple(dataclasses.replace(row, value=value) for row, value in zip(honest.rows, huge, strict=True))
    assert "metric source2dest: concept values are too large" in refusal_of(honest.with_rows(rows), tmp_path)


@pytest.mark.parametrize("fields", [{"parts": {}}, {"kind": "set"}])
def test_a_reduction_that_cannot_be_is_refused_in_one_line(honest, tmp_path, fields):
    reduction = honest.result.score("edit_score").reduction.model_copy(update=fields)
    assert "metric edit_score: reduction is" in refusal_of(
        honest.with_score("edit_score", reduction=reduction), tmp_path
    )


def test_earlier_checkpoints_are_computed_again_too(make_result, tmp_path):
    honest = make_result(earlier={"first": {"edit_score": 0.1}, "second": {"edit_score": 0.2}})
    assert problems(honest.result, honest.rows) == []
    first, second = honest.result.checkpoints
    forged = first.model_copy(update={"scores": (first.scores[0].model_copy(update={"value": 0.3}),)})
    message = refusal_of(honest.with_fields(checkpoints=(forged, second)), tmp_path / "a")
    assert "metric edit_score at the checkpoints 'first': value is 0.3, the table makes 0.1" in message
    assert "the table has the checkpoints 'first', ''" in refusal_of(
        honest.with_fields(checkpoints=(second,)), tmp_path / "b"
    )
    assert "each may stand once" in refusal_of(honest.with_fields(checkpoints=(first, first, second)), tmp_path / "c")


def test_two_files_whose_tables_were_swapped_are_refused(make_result, tmp_path):
    files = [make_result(name, scores={"edit_score": value}) for name, value in (("emcid", 0.2), ("uce", 0.3))]
    paths = [each.save(tmp_path / "results" / place(each.result)) for each in files]
    tables = [table_beside(path).read_bytes() for path in paths]
    for path, table in zip(paths, reversed(tables), strict=True):
        table_beside(path).write_bytes(table)
    with pytest.raises(ResultError, match=r"emcid/0002-\w{8}\.parquet: its sha256 is .*one of the two was changed"):
        collect(tmp_path / "results")


def test_a_result_without_its_table_is_refused(honest, tmp_path):
    path = honest.save(tmp_path / "results" / place(honest.result))
    table_beside(path).unlink()
    with pytest.raises(ResultError, match=r"\.parquet: cannot be read .*keep it beside the result"):
        collect(tmp_path / "results")
    honest.with_fields(per_concept=None).save(path)
    with pytest.raises(ResultError, match="names no table of per-concept statistics"):
        collect(tmp_path / "results")


def test_a_table_without_its_result_is_refused(honest, tmp_path):
    path = honest.save(tmp_path / "results" / place(honest.result))
    path.unlink()
    with pytest.raises(ResultError, match=r"\.parquet: belongs to no result"):
        collect(tmp_path / "results")


def test_fields_of_a_newer_version_are_ignored_and_kept_in_the_file(honest, tmp_path):
    path = honest.save(tmp_path / "results" / place(honest.result))
    document = json.loads(path.read_text(encoding="utf-8"))
    document["brand_new"] = 1
    document["scores"][0]["also_new"] = {"a": [1]}
    path.write_text(json.dumps(document), encoding="utf-8")
    assert collect(tmp_path / "results") == [honest.result]


def test_a_metric_that_is_not_installed_is_computed_again_by_the_recorded_reduction(honest):
    """Its definition cannot be compared with anything; its numbers can."""
    scores = tuple(score.model_copy(update={"package": "far-away"}) for score in honest.result.scores)
    far = honest.with_fields(scores=scores)
    assert problems(far.result, far.rows) == []
    forged = far.with_score("source2dest", value=0.9)
    assert any("source2dest: value is 0.9" in problem for problem in problems(forged.result, forged.rows))


def test_a_concept_left_out_everywhere_is_found_by_the_other_rows(make_result, tmp_path):
    scores = {"edit_score": 0.25, "source2dest": 0.4}
    rows = [make_result(name, scores=scores, concepts=12) for name in ("emcid", "mace")]
    fewer = make_result("uce", scores=scores, concepts=11)
    assert problems(fewer.result, fewer.rows) == []
    paths = [each.save(tmp_path / "results" / place(each.result)) for each in (*rows, fewer)]
    with pytest.raises(ResultError) as caught:
        collect(tmp_path / "results")
    assert str(caught.value).startswith(f"{paths[2]}: metric edit_score lacks concept 'holdout 11' (part holdout")
    paths[2].unlink()
    table_beside(paths[2]).unlink()
    assert len(collect(tmp_path / "results")) == 2
    with pytest.raises(ResultError, match="lacks concept 'holdout 11'"):
        add_all(tmp_path, [fewer.save(tmp_path / "run" / "result.json")], lambda name: None)


def test_images_left_out_of_a_concept_are_found_by_the_other_rows(make_result, tmp_path):
    whole = make_result(scores={"source2dest": 0.4}, concepts=12)
    first = whole.rows[0]
    fewer = make_result("uce", scores={"source2dest": 0.4}, concepts=12)
    value = dataclasses.replace(first.value, n=first.value.n - 1)
    fewer = fewer.with_rows((dataclasses.replace(first, value=value), *fewer.rows[1:]))
    score = reduce_values([row.value for row in fewer.rows], fewer.result.score("source2dest").reduction.reduction)
    fewer = fewer.with_score("source2dest", **{name: getattr(score, name) for name in (*NUMBERS, *COUNTS)})
    filed = whole.save(tmp_path / "results" / place(whole.result))
    source = fewer.save(tmp_path / "run" / "result.json")
    with pytest.raises(ResultError) as caught:
        add_all(tmp_path, [source], lambda name: None)
    said = f"{source}: metric source2dest: concept 'source 0' (part source, replicate 0) has 4 images here"
    assert str(caught.value).startswith(f"{said} and 5 in {filed}: is n a count of prompts?")
    assert "run it again" not in str(caught.value)
    fewer.save(tmp_path / "results" / place(fewer.result))
    with pytest.raises(ResultError, match="has 4 images here and 5 in"):
        collect(tmp_path / "results")


def test_rows_under_invented_checkpoints_are_found_by_the_other_rows(make_result, tmp_path):
    """The best concept once more under another checkpoint: its weight doubles, and every sum follows."""
    whole = make_result(scores={"source2dest": 0.4}, concepts=12)
    first = whole.rows[0]
    again = dataclasses.replace(first, value=dataclasses.replace(first.value, checkpoint="invented"))
    more = scored_anew(make_result("uce", scores={"source2dest": 0.4}, concepts=12), "source2dest", again)
    for each in (whole, make_result("mace", scores={"source2dest": 0.4}, concepts=12), more):
        each.save(tmp_path / "results" / place(each.result))
    with pytest.raises(ResultError, match=r"has concept 'source 0' .*checkpoint 'invented'"):
        collect(tmp_path / "results")


def scored_anew(forged, metric, *more):
    """With further rows, and every number of one metric as they make it."""
    forged = forged.with_rows((*forged.rows, *more))
    score = reduce_values([row.value for row in forged.rows], forged.result.score(metric).reduction.reduction)
    return forged.with_score(metric, **{name: getattr(score, name) for name in (*NUMBERS, *COUNTS)})


def test_a_last_group_of_another_name_hides_no_concept_that_is_left_out(make_result, tmp_path):
    whole, fewer = (
        make_result(scores={"source2dest": 0.4}, concepts=12),
        make_result("uce", scores={"source2dest": 0.4}, concepts=11),
    )
    renamed = fewer.with_rows(tuple(dataclasses.replace(row, group="g") for row in fewer.rows))
    assert problems(renamed.result, renamed.rows) == []
    for each in (whole, renamed):
        each.save(tmp_path / "results" / place(each.result))
    with pytest.raises(ResultError, match="lacks concept 'source 11'"):
        collect(tmp_path / "results")


def test_a_paper_cannot_be_taken_away_to_make_a_method_a_control(make_result, tmp_path):
    message = refusal_of(make_result("uce", paper=""), tmp_path)
    assert "method uce: paper is '', its card says 'arXiv:2308.14761'" in message


def test_check_cannot_detect_a_table_that_is_wholly_made_up(make_result, tmp_path):
    """Known and said in docs/results.md: a consistent invention passes; a reproduction does not agree with it."""
    invented = make_result(scores={"edit_score": 0.49, "source2dest": 0.98})
    invented.save(tmp_path / "results" / place(invented.result))
    assert collect(tmp_path / "results") == [invented.result]


UNPROVEN = (  # what a run writes down of itself and no arithmetic follows from; docs/results.md says so
    *("task.card_sha256", "task.data_sha256", "model.digest", "model.edited_digest"),
    *("model.relative_change", "method.fidelity"),
    *("method.package_version", "method.paper", "method.recipe", "method.changed", "method.retained_scored"),
    *("log", "execution", "cost", "provenance", "scores.measures.imagenet_classifier"),
    "scores.interval",  # of a dataset that is not at hand, whose clusters nobody knows; else test_chosen_intervals.py
    *("scores.package", "scores.metric"),  # of no installed metric: another column, of which the definition is unknown
)


def leaves(value, way=()):
    """Every leaf of a JSON document: the way to it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield way
        return
    for key, item in items:
        yield from leaves(item, (*way, key))


def changed_value(value):
    """Another value of the same kind, that the field could hold."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1 if isinstance(value, int) else value + 1e-3
    return 0.25 if value is None else {"rise": "fall", "images": "concepts", "mean": "set"}.get(value, f"{value}0")


def test_any_change_of_a_result_is_refused_except_in_unproven_fields(honest, tmp_path):
    path = honest.save(tmp_path / "result.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    ways, passed = list(leaves(document)), set()
    for way in ways:
        changed = copy.deepcopy(document)
        *above, last = way
        place = functools.reduce(lambda found, key: found[key], above, changed)
        place[last] = changed_value(place[last])
        path.write_text(json.dumps(changed), encoding="utf-8")
        try:
            read_filed(path)
        except ResultError:
            continue
        passed.add(".".join(part for part in way if isinstance(part, str)))
    assert len(ways) > 120
    assert {name for name in passed if not name.startswith(UNPROVEN)} == set()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"failed": 3}, "3 images failed, with the reason '': must have both or neither"),
        ({"failed": 30, "failed_why": "KeyError"}, "more than 5 %: a run withholds its value"),
    ],
)
def test_a_count_of_failed_images_that_no_run_writes_is_refused(honest, tmp_path, fields, said):
    assert said in refusal_of(honest.with_score("source2dest", **fields), tmp_path)


def test_a_withheld_score_needs_no_note_of_the_tables(make_result, tmp_path):
    made = make_result(scores={"edit_score": 0.1, "source2dest": None})
    withheld = {"failed": 2, "failed_why": "KeyError", "note": "withheld: 2 of 2 images could not be measured"}
    path = made.with_score("source2dest", **withheld).save(tmp_path / "result.json")
    assert read_filed(path).result.score("source2dest").withheld
