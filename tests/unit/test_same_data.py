"""Prompts and requests name a run: results of others under one version are refused, and no run replaces another's."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import ResultError
from iceb.datasets import load_card, open_dataset
from iceb.leaderboard.adding import add_all
from iceb.leaderboard.collect import collect, place
from iceb.leaderboard.coverage import check_coverage
from iceb.leaderboard.filed_result import FiledResult
from iceb.runs.folder import refuse_other_data
from iceb.specs.data_digests import DataDigests
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import single_batch

REQUEST = EditRequest("d/0", "cat", ("dog",), ("a {}",), seed=1, source_label=1, dest_label=2)
PROMPT = Prompt("a cat", 3, "source", "d/0", 1, 2, choices=("a cat", "a dog"), answer=1)
BATCH = EditBatch("d", (REQUEST,))
OTHERS = {  # another value of every field of a prompt
    "text": "a hat",
    "seed": 7,
    "role": "train",
    "request": "d/1",
    "label": 5,
    "target": 5,
    "concept": "cats",
    "choices": ("a cat", "a hat"),
    "answer": 0,
    "replicate": 1,
    "tags": ("dest",),
    "noise": NoiseDraw(3),
}


@dataclass(frozen=True)
class Fixed:
    """A dataset of these prompts."""

    own: tuple[Prompt, ...] = (PROMPT,)
    shared: tuple[Prompt, ...] = ()
    batch: EditBatch = BATCH

    def prompts(self, batch):
        return list(self.own)

    def shared_prompts(self, num_edits):
        return list(self.shared)

    def digests(self) -> DataDigests:
        dataset: Any = self
        return DataDigests.of(dataset, single_batch(self.batch), 1)


@pytest.mark.parametrize("field", Prompt.__dataclass_fields__)
@pytest.mark.parametrize("where", ["own", "shared"])
def test_every_field_of_a_prompt_changes_the_digest_of_the_prompts(field, where):
    changed = replace(Fixed(own=(PROMPT,), shared=(PROMPT,)), **{where: (replace(PROMPT, **{field: OTHERS[field]}),)})
    before = Fixed(own=(PROMPT,), shared=(PROMPT,)).digests()
    assert changed.digests().prompts != before.prompts
    assert changed.digests().requests == before.requests


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_prompts_have_one_digest_exactly_where_their_seeds_agree(first, second):
    made = [Fixed(own=tuple(replace(PROMPT, seed=seed) for seed in seeds)).digests() for seeds in (first, second)]
    assert (made[0] == made[1]) == (first == second)


def test_a_batchs_concept_and_a_requests_template_change_the_digests():
    plain = Fixed().digests()
    assert Fixed(batch=EditBatch("d", (REQUEST,), concept="c")).digests().prompts != plain.prompts
    other = Fixed(batch=EditBatch("d", (replace(REQUEST, templates=("the {}",)),))).digests()
    assert (other.prompts, other.requests != plain.requests) == (plain.prompts, True)


def test_results_of_other_prompts_share_no_table_and_both_files_are_named(make_result, task, tmp_path):
    board = tmp_path / "leaderboards"
    (board / "results").mkdir(parents=True)
    standing, other = make_result("unedited", 10), make_result("uce", 10, prompts="6" * 64)
    filed = standing.save(board / "results" / place(standing.result))
    before = sorted(path for path in board.rglob("*"))
    source = other.save(tmp_path / "run" / "result.json")
    with pytest.raises(ResultError) as caught:
        add_all(board, [source], lambda name: task)
    assert str(caught.value).startswith(f"{source} and {filed} have different prompts (prompts_sha256 66666666")
    assert "raise its version" in str(caught.value)
    assert sorted(board.rglob("*")) == before
    other.save(board / "results" / place(other.result))
    with pytest.raises(ResultError, match="have different prompts"):
        collect(board / "results")


def test_results_of_other_requests_share_no_table(make_result, tmp_path):
    other = make_result("uce", 10)
    other = other.with_fields(task=other.result.task.model_copy(update={"requests_sha256": "0" * 64}))
    other = other.with_fields(id=other.result.spec.id)
    for each in (make_result("unedited", 10), other):
        each.save(tmp_path / place(each.result))
    with pytest.raises(ResultError, match=r"have different requests \(requests_sha256"):
        collect(tmp_path)


def of_the_embedded_data(make_result, **digests):
    """A result that names the files of the installed dataset."""
    found = make_result("uce", 10)
    card = load_card("aice_embedded")
    files = {name: file.sha256 for name, file in card.files.items()}
    data = {"dataset_version": card.version, "data_sha256": files}
    found = found.with_fields(task=found.result.task.model_copy(update={**data, **digests}))
    return found.with_fields(id=found.result.spec.id)


def test_a_result_is_compared_with_the_installed_dataset_of_its_version_and_files(make_result, tmp_path):
    dataset = open_dataset("aice_embedded")
    true = DataDigests.of(dataset, dataset.schedule(10), 10)
    honest = of_the_embedded_data(make_result, requests_sha256=true.requests, prompts_sha256=true.prompts)
    honest.save(tmp_path / "honest" / place(honest.result))
    assert collect(tmp_path / "honest") == [honest.result]
    for name in ("requests", "prompts"):
        digests = {"requests_sha256": true.requests, "prompts_sha256": true.prompts, f"{name}_sha256": "0" * 64}
        forged = of_the_embedded_data(make_result, **digests)
        path = forged.save(tmp_path / name / place(forged.result))
        with pytest.raises(ResultError, match="as installed makes") as caught:
            collect(tmp_path / name)
        assert str(caught.value).startswith(f"{path}: {name}_sha256 is 000000000000…")


def test_a_run_beside_one_of_other_prompts_is_refused_unless_that_failed(make_result, tmp_path):
    spec = make_result("uce", 10).result.spec
    refuse_other_data(tmp_path, spec)
    same, other = make_result("uce", 10), make_result("uce", 10, prompts="6" * 64)
    path = same.save(tmp_path / same.result.id / "result.json")
    refuse_other_data(tmp_path, spec)
    with pytest.raises(ResultError, match=r"^prompts are not those of .*: raise the version of dataset aice_embedded"):
        refuse_other_data(tmp_path, other.result.spec)
    refuse_other_data(tmp_path, other.result.spec.model_copy(update={"dataset_version": 2}))
    failed = same.with_fields(status="failed", error="disk full")
    failed.save(path)
    refuse_other_data(tmp_path, other.result.spec)


def save_filed(made, folder, **fields):
    """A result with other fields, saved where its id says."""
    changed = made.with_fields(**fields)
    changed = changed.with_fields(id=changed.result.spec.id)
    return changed.save(folder / place(changed.result))


def test_rows_of_other_draws_share_no_table(make_result, tmp_path):
    """Other draws are other concepts."""
    save_filed(make_result("unedited", 10), tmp_path)
    save_filed(make_result("time", 10), tmp_path, draws=5)
    with pytest.raises(ResultError, match=r"edits 1 draw of 10 concepts, .* 5: rows of one number of edits share"):
        collect(tmp_path)


def test_tables_of_other_models_may_have_other_draws(make_result, tmp_path):
    save_filed(make_result("unedited", 10), tmp_path)
    save_filed(make_result("unedited", 10, family="sd21"), tmp_path, draws=5)
    assert len(collect(tmp_path)) == 2


def test_a_run_of_a_row_with_other_seeds_is_refused_by_that(make_result, tmp_path):
    save_filed(make_result("emcid", 10), tmp_path)
    save_filed(make_result("emcid", 10), tmp_path, replicates=3)
    with pytest.raises(ResultError, match=r"edits with 3 seeds, .* with 1: run it with the `replicates` of the other"):
        collect(tmp_path)


def as_filed(*some):
    return [FiledResult(Path(each.result.id), each.result, "", b"", each.rows) for each in some]


def with_seeds(made, seeds):
    """A result whose every concept was judged under so many seeds."""
    rows = tuple(
        replace(row, value=replace(row.value, checkpoint=f"seed{seed}", draw="one"))
        for seed in range(seeds)
        for row in made.rows
    )
    return made.with_rows(rows)


def test_rows_of_one_seed_and_of_three_are_compared_concept_by_concept(make_result):
    """A row with seeds of its own could leave out concepts that no other row of as many seeds has."""
    one, three = make_result("unedited", 10, concepts=4), make_result("esd", 10, concepts=4)
    three = with_seeds(three, 3).with_fields(replicates=3)
    one = one.with_rows(tuple(replace(row, value=replace(row.value, checkpoint="one")) for row in one.rows))
    check_coverage(as_filed(one, three))
    dropped = three.rows[0].value.concept
    fewer = three.with_rows(tuple(row for row in three.rows if row.value.concept != dropped))
    lacking = three.with_rows(three.rows[1:])
    for wrong, problem in ((fewer, "lacks concept"), (lacking, "stands there 2 times, the edit was made with 3 seeds")):
        with pytest.raises(ResultError, match=problem):
            check_coverage(as_filed(one, one, wrong))


def with_fewer_images(made, failed):
    """With three images less of its first concept, which a score says failed, or does not."""
    first = replace(made.rows[0], value=replace(made.rows[0].value, n=2))
    return replace(made, rows=(first, *made.rows[1:])).with_score(made.rows[0].metric, failed=failed)


def test_a_row_may_lack_the_images_that_failed_and_no_others(make_result):
    whole = make_result(scores={"source2dest": 0.1}, concepts=12)
    check_coverage(as_filed(whole, with_fewer_images(whole, 3)))
    check_coverage(as_filed(with_fewer_images(whole, 3), whole))
    for failed in (0, 2):
        with pytest.raises(ResultError, match=r"2 images here and 5 in"):
            check_coverage(as_filed(whole, with_fewer_images(whole, failed)))


def with_seeds_and_a_failed_image(made, failed, seeds=3, lost=1):
    """A result of several seeds; under the last, images of the first concept are missing."""
    whole = with_seeds(made, seeds).with_fields(replicates=seeds)
    last = (seeds - 1) * len(made.rows)
    value = whole.rows[last].value
    changed = replace(whole.rows[last], value=replace(value, n=value.n - lost))
    rows = (*whole.rows[:last], changed, *whole.rows[last + 1 :])
    return replace(whole, rows=rows).with_score(value_metric(made), failed=failed, failed_why="m raised" * bool(failed))


def value_metric(made):
    return made.rows[0].metric


def test_an_image_may_fail_under_one_seed_alone(make_result):
    whole = make_result(scores={"source2dest": 0.1}, concepts=12)
    three = with_seeds(whole, 3).with_fields(replicates=3)
    one = whole.with_rows(tuple(replace(row, value=replace(row.value, checkpoint="one")) for row in whole.rows))
    for others in ((three,), (one,), (three, one), ()):
        check_coverage(as_filed(*others, with_seeds_and_a_failed_image(whole, 1)))
    with pytest.raises(ResultError, match="stands there 2 times, the edit was made with 3 seeds"):
        check_coverage(as_filed(three, with_seeds_and_a_failed_image(whole, 0)))
    with pytest.raises(ResultError, match=r"3 images here and 5 in"):
        check_coverage(as_filed(three, with_seeds_and_a_failed_image(whole, 1, lost=2)))
    with pytest.raises(ResultError, match="more images are missing than the 1 that it says failed"):
        check_coverage(as_filed(with_seeds_and_a_failed_image(whole, 1, lost=2)))


def test_a_concept_may_lose_all_its_images_under_one_seed(make_result):
    whole = make_result(scores={"source2dest": 0.1}, concepts=12)
    three = with_seeds(whole, 3).with_fields(replicates=3)
    for failed, is_refused in ((5, False), (4, True)):
        lacking = replace(three, rows=three.rows[1:]).with_score("source2dest", failed=failed)
        if not is_refused:
            check_coverage(as_filed(three, lacking))
            continue
        with pytest.raises(ResultError, match="more images are missing than the 4 that it says failed"):
            check_coverage(as_filed(three, lacking))


def test_rows_that_all_lack_failed_images_are_held_against_each_other(make_result):
    """Each lost an image of another concept: neither is whole, and together they show what there was."""
    whole = make_result(scores={"source2dest": 0.1}, concepts=12)

    def lacking(place, lost, failed=1):
        row = whole.rows[place]
        rows = (*whole.rows[:place], replace(row, value=replace(row.value, n=5 - lost)), *whole.rows[place + 1 :])
        return replace(whole, rows=rows).with_score("source2dest", failed=failed)

    check_coverage(as_filed(lacking(0, 1), lacking(1, 1)))
    with pytest.raises(ResultError, match="more images are missing than the 1 that it says failed"):
        check_coverage(as_filed(lacking(0, 1), lacking(1, 2)))
    with pytest.raises(ResultError, match=r"8 images here and 5 in|5 images here and 4 in"):  # an n that was raised
        check_coverage(as_filed(lacking(0, 1), lacking(1, -3)))
