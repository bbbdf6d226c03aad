"""Which prompts are drawn, on which sides, and how a limit is spread over concepts."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import DataError
from iceb.datasets.cards import load_card
from iceb.running.prompt_selection import Selection, evenly, shares
from iceb.specs.metrics import AFTER, BEFORE, Need
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Add, Checkpoint, Remove, one_by_one
from iceb.specs.tasks import Task

TASK = Task("t", 1, "", "", "aice", "replace", ("m",), "m", (1,), ("source", "holdout"))


@dataclass(frozen=True)
class Reads:
    """A metric that reads some images; selection asks no more of it."""

    needs: tuple[Need, ...]


@dataclass
class Words:
    """A dataset of batches of one request with some source prompts each, and shared holdout prompts."""

    batches: tuple[EditBatch, ...]
    each: int = 3
    shared: list[Prompt] = field(default_factory=lambda: [Prompt(f"h{i}", i, "holdout") for i in range(4)])
    card = load_card("aice")

    def schedule(self, num_edits):
        return one_by_one(self.batches[:num_edits])

    def prompts(self, batch):
        return [Prompt(f"{r.source} {i}", i, "source", r.id) for r in batch.requests for i in range(self.each)]

    def shared_prompts(self, num_edits):
        return self.shared


def batch(name, concept=None):
    return EditBatch(name, (EditRequest(f"{name}/r", name, ("dog",), ("{}",), 1),), concept=concept)


A, B = batch("a"), batch("b")
BOTH = Reads((Need("judge", "source"), Need("judge", "holdout")))


def drawn_prompts(dataset, *metrics, limit=None, schedule=None, count=2):
    found = Selection(metrics, limit).checkpoints(TASK, dataset, schedule or dataset.schedule(count), count)
    return {each.step.id: each.prompts for each in found}


@given(st.lists(st.sampled_from("abcdef"), max_size=30), st.integers(1, 12))
def test_every_concept_is_taken_once_before_any_is_taken_twice(concepts, count):
    places = evenly(concepts, count)
    times = Counter(concepts[place] for place in places)
    assert len(places) == len(set(places)) == min(count, len(concepts))
    fullest = max(times.values(), default=0)
    if count <= len(set(concepts)):
        assert fullest <= 1
    else:
        assert all(n >= fullest - 1 or n == concepts.count(concept) for concept, n in times.items())
        assert set(times) == set(concepts)


def test_rows_are_spread_over_the_whole_run():
    """By hand: 300 concepts of 5 prompts, 6 rows: concepts 0, 50, …, 250 with their prompts 0, 1, 2, 3, 4, 0."""
    concepts = [str(place // 5) for place in range(1500)]
    assert evenly(concepts, 6) == [0, 251, 502, 753, 1004, 1250]


def test_only_what_some_metric_reads_is_drawn():
    assert [p.role for p in drawn_prompts(Words((A,)), Reads((Need("judge", "holdout"),)), count=1)["a"]] == [
        "holdout"
    ] * 4
    assert drawn_prompts(Words((A,)), Reads(()), count=1)["a"] == ()


def test_a_prompt_is_drawn_on_the_sides_that_some_metric_reads():
    after, reference = Need("judge", "source", sides=(AFTER,)), Need("judge", "source", sides=("reference:photos",))
    prompt = Prompt("a", 1, "source")
    assert Selection([Reads((after,))]).sides(prompt) == {AFTER}
    assert Selection([Reads((after,)), BOTH]).sides(prompt) == {BEFORE, AFTER}
    assert Selection([Reads((reference,))]).sides(prompt) == frozenset()


def test_each_checkpoint_draws_its_batches_prompts_and_the_shared_ones():
    found = drawn_prompts(Words((A, B)), BOTH)
    assert [prompt.text for prompt in found["a"]] == ["a 0", "a 1", "a 2", "h0", "h1", "h2", "h3"]
    assert [prompt.text for prompt in found["b"]] == ["b 0", "b 1", "b 2", "h0", "h1", "h2", "h3"]


def test_a_checkpoint_may_judge_what_was_removed():
    schedule = (Add(A), Add(B), Remove("a"), Checkpoint("rest"), Checkpoint("all", ("a", "b")))
    found = drawn_prompts(Words((A, B), each=1, shared=[]), BOTH, schedule=schedule)
    assert [prompt.text for prompt in found["rest"]] == ["b 0"]
    assert [prompt.text for prompt in found["all"]] == ["a 0", "b 0"]


def test_prompts_take_the_concept_of_their_batch_and_shared_ones_keep_theirs():
    found = drawn_prompts(Words((batch("a", "animals"),)), BOTH, count=1)["a"]
    assert {(prompt.role, prompt.concept) for prompt in found} == {("source", "animals"), ("holdout", None)}


@given(limit=st.integers(1, 12), count=st.integers(1, 5), each=st.integers(1, 4))
def test_a_limit_counts_prompts_of_a_role_and_spreads_them_over_concepts(limit, count, each):
    dataset = Words(tuple(batch(f"b{place}") for place in range(count)), each)
    found = drawn_prompts(dataset, BOTH, limit=limit, count=count)
    times = Counter(prompt.request for prompts in found.values() for prompt in prompts if prompt.role == "source")
    assert sum(times.values()) == min(limit, count * each)
    assert max(times.values()) - min(times.get(f"b{place}/r", 0) for place in range(count)) <= 1
    for prompts in found.values():
        assert sum(prompt.role == "holdout" for prompt in prompts) == min(limit, 4)


def test_a_limit_is_shared_by_all_that_metrics_read_of_a_role():
    """Two of forty holdout prompts have the tag that one metric asks for: a limit of ten takes one, not none."""
    shared = [Prompt(f"h{place}", place, "holdout", tags=("dest",) if place in (30, 31) else ()) for place in range(40)]
    tagged = Reads((Need("judge", "holdout", tags=("dest",), name="dest"),))
    found = drawn_prompts(Words((A,), shared=shared), BOTH, tagged, limit=10, count=1)["a"]
    held = [prompt for prompt in found if prompt.role == "holdout"]
    assert len(held) == 10
    assert [prompt.text for prompt in held if prompt.tags] == ["h30"]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(1, 80))
def test_shares_are_as_many_as_wanted_none_beyond_its_size_and_none_left_out(sizes, count):
    taken = shares(sizes, count)
    assert sum(taken) == min(count, sum(sizes))
    assert all(0 <= number <= size for number, size in zip(taken, sizes, strict=True))
    if count >= sum(size > 0 for size in sizes):
        assert all(number > 0 for number, size in zip(taken, sizes, strict=True) if size)


def test_a_limited_run_leaves_out_checkpoints_that_lose_all_their_own_prompts():
    dataset = Words(tuple(batch(f"b{place}") for place in range(104)), each=1)
    assert list(drawn_prompts(dataset, BOTH, limit=4, count=104)) == ["b0", "b26", "b52", "b78"]


def test_a_limit_keeps_the_order_of_the_run():
    prompts = drawn_prompts(Words((A, B)), BOTH, limit=3)
    texts = [prompt.text for found in prompts.values() for prompt in found if prompt.role == "source"]
    assert texts == ["a 0", "a 1", "b 0"]


def test_a_role_that_the_task_does_not_declare_is_refused():
    dataset = Words((A,), shared=[Prompt("x", 1, "alias")])
    with pytest.raises(DataError, match="prompts of role 'alias', which task t does not declare: its roles are source"):
        drawn_prompts(dataset, Reads((Need("judge", "alias"),)), count=1)
