"""Draws and replicates: an edit repeated on disjoint concepts and with other seeds, within one run."""

import pytest

from iceb.base.errors import DataError, SpecError
from iceb.datasets import EMBEDDED, open_dataset
from iceb.datasets.aice import OF_DEST
from iceb.datasets.repeated import with_repeats
from iceb.specs.repeats import SINGLE, Repeats
from iceb.specs.schedules import Remove, edit_batches, judged_batches


@pytest.fixture(scope="module")
def aice():
    return open_dataset("aice", EMBEDDED)


def batches(dataset, num_edits):
    return edit_batches(dataset.schedule(num_edits))


def without_tag(prompts):
    return [(prompt.text, prompt.seed, prompt.role, prompt.label) for prompt in prompts]


def test_a_single_edit_is_the_dataset_itself(aice):
    assert with_repeats(aice, SINGLE, 10) is aice


def test_draws_cut_a_longer_edit_into_disjoint_ones_and_begin_with_the_datasets_own(aice):
    found = batches(with_repeats(aice, Repeats(draws=5), 10), 10)
    assert found[0] == batches(aice, 10)[0]
    assert [request for batch in found for request in batch.requests] == list(batches(aice, 50)[0].requests)
    assert len({batch.id for batch in found}) == 5


def test_every_batch_is_judged_alone_and_removed(aice):
    schedule = with_repeats(aice, Repeats(draws=2, replicates=2), 3).schedule(3)
    judged = judged_batches(schedule)
    assert [[batch.id for batch in each] for each in judged.values()] == [
        [batch.id] for batch in edit_batches(schedule)
    ]
    assert sum(isinstance(step, Remove) for step in schedule) == 4


def test_replicates_edit_the_same_concepts_with_other_seeds_and_the_same_prompts(aice):
    repeated = with_repeats(aice, Repeats(replicates=3), 10)
    first, *others = batches(repeated, 10)
    assert first == batches(aice, 10)[0]
    for number, batch in enumerate(others, start=1):
        assert batch.replicate == number
        assert [request.source for request in batch.requests] == [request.source for request in first.requests]
        assert not {request.seed for request in batch.requests} & {request.seed for request in first.requests}
        assert repeated.prompts(batch) == repeated.prompts(first)


def test_a_draw_has_all_prompts_of_its_own_edit(aice):
    repeated = with_repeats(aice, Repeats(draws=2), 10)
    first, second = batches(repeated, 10)
    assert repeated.prompts(first) == [*aice.prompts(first), *aice.shared_prompts(10)]
    assert {prompt.request for prompt in repeated.prompts(second)} - {None} == {each.id for each in second.requests}
    assert without_tag(p for p in repeated.prompts(second) if p.role == "holdout") == without_tag(
        aice.shared_prompts(10)
    )
    assert repeated.shared_prompts(10) == []


def test_holdout_prompts_are_tagged_by_the_destinations_of_their_own_draw(aice):
    repeated = with_repeats(aice, Repeats(draws=5), 10)
    for batch in batches(repeated, 10):
        tagged = {prompt.label for prompt in repeated.prompts(batch) if OF_DEST in prompt.tags}
        held = {prompt.label for prompt in repeated.prompts(batch) if prompt.role == "holdout"}
        assert tagged == {request.dest_label for request in batch.requests} & held


def test_more_draws_than_there_are_requests_are_refused(aice):
    with pytest.raises(DataError, match="has fewer than the 400 requests of 4 disjoint draws of 100"):
        with_repeats(aice, Repeats(draws=4), 100)


def test_a_dataset_that_cannot_be_reduced_has_no_draws(aice):
    class Whole:
        card, schedule = aice.card, staticmethod(aice.schedule)

    with pytest.raises(SpecError, match="cannot be reduced to some of its requests"):
        with_repeats(Whole(), Repeats(draws=2), 10)
    assert len(batches(with_repeats(Whole(), Repeats(replicates=2), 10), 10)) == 2


@pytest.mark.parametrize("name", ["draws", "replicates"])
@pytest.mark.parametrize("number", [0, -1, 1001])
def test_a_number_of_repeats_out_of_bounds_is_refused_by_name(name, number):
    with pytest.raises(SpecError, match=f"`{name}`"):
        Repeats(**{name: number})
