"""Schedules: what is judged where, and everything that cannot be run is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import SpecError
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import (
    Add,
    Checkpoint,
    Remove,
    batches_alone,
    check_schedule,
    edit_batches,
    judged_batches,
    one_by_one,
    single_batch,
    with_checkpoints,
)


def batch(name):
    return EditBatch(name, (EditRequest(f"{name}/r", "cat", ("dog",), ("{}",), 1),))


A, B, C = (batch(name) for name in "abc")


def test_one_batch_is_added_and_judged():
    assert single_batch(A) == (Add(A), Checkpoint("a"))
    assert judged_batches(single_batch(A)) == {"a": (A,)}


@given(st.integers(1, 104))
def test_single_edits_are_judged_alone_and_taken_out(count):
    batches = [batch(f"b{place}") for place in range(count)]
    schedule = one_by_one(batches)
    assert edit_batches(schedule) == tuple(batches)
    assert judged_batches(schedule) == {each.id: (each,) for each in batches}
    assert sum(isinstance(step, Remove) for step in schedule) == count


def test_edits_are_alone_that_begin_at_the_unedited_model_beside_others():
    assert batches_alone(one_by_one([A, B, C])) == [A, B, C]
    assert batches_alone(single_batch(A)) == batches_alone((Add(A), Add(B), Checkpoint("x"))) == []
    sequence = (Add(A), Add(B), Remove("a"), Checkpoint("x"), Remove("b"), Add(C), Checkpoint("y"))
    assert batches_alone(sequence) == [A, C]


def test_a_checkpoint_judges_the_active_batches_or_those_it_names():
    schedule = (Add(A), Add(B), Checkpoint("both"), Checkpoint("first", ("a",)), Remove("a"), Checkpoint("rest"))
    assert judged_batches(schedule) == {"both": (A, B), "first": (A,), "rest": (B,)}


def test_a_removed_batch_may_still_be_judged():
    """How much of it is left after its removal is a question that a benchmark may ask."""
    schedule = (Add(A), Remove("a"), Checkpoint("gone", ("a",)), Checkpoint("nothing"))
    assert judged_batches(schedule) == {"gone": (A,), "nothing": ()}


@pytest.mark.parametrize(
    ("schedule", "word"),
    [
        ((), "without a checkpoint"),
        ((Add(A),), "without a checkpoint"),
        ((Add(A), Add(A), Checkpoint("x")), "two batch steps with the id 'a'"),
        ((Add(A), Remove("a"), Add(A), Checkpoint("x")), "two batch steps with the id 'a'"),
        ((Add(A), Checkpoint("x"), Checkpoint("x")), "two checkpoint steps with the id 'x'"),
        ((Remove("a"), Checkpoint("x")), "removes batch 'a', which is not active there"),
        ((Add(A), Remove("a"), Remove("a"), Checkpoint("x")), "removes batch 'a', which is not active there"),
        ((Checkpoint("x", ("a",)), Add(A)), "names batch 'a', which was not added before it"),
        ((Add(A), Checkpoint("x", ("a", "c"))), "names batch 'c', which was not added before it"),
    ],
)
def test_a_schedule_that_cannot_be_run_is_refused(schedule, word):
    for check in (check_schedule, judged_batches):
        with pytest.raises(SpecError, match=word):
            check(schedule)


@st.composite
def sound(draw):
    """A sound schedule, and the active batches at each checkpoint as a plain list keeps them."""
    steps, active, seen = [], [], {}
    for place in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["add", "remove", "judge"]))
        if kind == "add":
            steps.append(Add(batch(f"b{place}")))
            active.append(f"b{place}")
        elif kind == "remove" and active:
            steps.append(Remove(active.pop(draw(st.integers(0, len(active) - 1)))))
        else:
            steps.append(Checkpoint(f"c{place}"))
            seen[f"c{place}"] = list(active)
    return (*steps, Checkpoint("last")), {**seen, "last": list(active)}


@given(sound())
def test_the_judged_batches_are_those_added_and_not_removed(drawn):
    schedule, seen = drawn
    assert {name: [each.id for each in batches] for name, batches in judged_batches(schedule).items()} == seen


def test_single_edits_that_are_not_judged_are_not_made():
    batches = [batch(f"b{place}") for place in range(5)]
    assert with_checkpoints(one_by_one(batches), {"b1", "b3"}) == (
        *(Add(batches[1]), Checkpoint("b1"), Remove("b1")),
        *(Add(batches[3]), Checkpoint("b3")),
    )


def test_a_batch_is_kept_if_a_later_checkpoint_or_edit_needs_it():
    a, b = batch("a"), batch("b")
    sequence = (Add(a), Checkpoint("one"), Add(b), Checkpoint("two"), Checkpoint("three"))
    assert with_checkpoints(sequence, {"two"}) == (Add(a), Add(b), Checkpoint("two"))
    undone = (Add(a), Checkpoint("one"), Remove("a"), Checkpoint("undone", ("a",)))
    assert with_checkpoints(undone, {"undone"}) == (Add(a), Remove("a"), Checkpoint("undone", ("a",)))
    under = (Add(a), Checkpoint("one"), Add(b), Remove("a"), Checkpoint("two"))
    assert with_checkpoints(under, {"two"}) == (Add(a), Add(b), Remove("a"), Checkpoint("two"))
