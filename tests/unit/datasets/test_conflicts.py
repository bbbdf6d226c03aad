"""Requests in conflict are found by kind, and only among those that are in the model together."""

import random

import pytest

from iceb.datasets import open_dataset
from iceb.datasets.conflicts import conflict_lines, plain_name, request_conflicts, schedule_conflicts
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Add, Checkpoint, Remove, edit_batches, one_by_one, single_batch


def requests(*pairs):
    """Requests of (source, dest, …)."""
    return tuple(EditRequest(f"{place}", pair[0], pair[1:], ("{}",), 0) for place, pair in enumerate(pairs))


def conflicts_of(*pairs):
    return [f"{conflict.kind}: {conflict}" for conflict in request_conflicts(requests(*pairs))]


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("hen", "wok"), ("jay", "wok")], []),
        ([("hen", "wok"), ("hen", "wok")], ["duplicate: hen and hen"]),
        ([("hen", "wok"), ("hen", "a Wok")], ["duplicate: hen and hen"]),
        ([("hen", "wok"), ("hen", "jay")], ["contradiction: hen → wok and → jay"]),
        ([("hen", "wok"), ("hen",)], ["contradiction: hen → wok and → nothing"]),
        ([("nurse", "man", "woman"), ("nurse", "woman", "man")], ["duplicate: nurse and nurse"]),
        ([("a", "b"), ("b", "c")], ["chain: a → b → c"]),
        ([("b", "c"), ("a", "b")], ["chain: a → b → c"]),
        ([("a", "b"), ("b",)], ["chain: a → b → nothing"]),
        ([("a", "b"), ("b", "a")], ["cycle: a → b → a"]),
        ([("a", "A")], ["cycle: a → a"]),
        ([("a", "b"), ("b", "c"), ("c", "a"), ("c2", "b")], ["cycle: a → b → c → a", "chain: c2 → b → c"]),
        ([("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")], ["cycle: a → b → a", "cycle: c → d → c"]),
        ([("nurse", "man", "woman"), ("man", "boy")], ["chain: nurse → man → boy"]),
        ([("sea lion", "x"), ("Sea-Lions", "y")], ["near-duplicate: sea lion and Sea-Lions"]),
        ([("hen", "x"), ("hen", "x"), ("Hen", "x")], ["duplicate: hen and hen", "near-duplicate: hen and Hen"]),
    ],
)
def test_each_kind_of_conflict_is_found(pairs, said):
    assert conflicts_of(*pairs) == said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dog", "Dogs"),
        ("a dog", "the dogs"),
        ("church", "churches"),
        ("box", "boxes"),
        ("butterfly", "butterflies"),
        ("fire-man", "fire men"),
        ("wolf", "wolves"),
        ("Van Gogh's", "van goghs"),
        ("ﬁsh", "fish"),
        ("teddy  bear", "teddy_bears"),
    ],
)
def test_spellings_of_one_name_are_alike(one, other):
    assert plain_name(one) == plain_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("glass", "glas"),
        ("bus", "bu"),
        ("cat", "car"),
        ("a", "an"),
        ("Theodore", "odore"),
        ("iris", "iri"),
    ],
)
def test_names_of_different_things_stay_apart(one, other):
    assert plain_name(one) != plain_name(other)


def test_edits_that_are_never_in_the_model_together_are_in_no_conflict():
    both = requests(("a", "b"), ("b", "a"))
    first, second = (EditBatch(f"b{place}", (request,)) for place, request in enumerate(both))
    assert schedule_conflicts(one_by_one([first, second])) == ()
    together = (Add(first), Checkpoint("one"), Add(second), Checkpoint("two"))
    assert [str(conflict) for conflict in schedule_conflicts(together)] == ["a → b → a"]
    assert len(schedule_conflicts((*together, Remove("b1"), Remove("b0")))) == 1


def test_the_same_requests_made_again_are_no_duplicates():
    (request,) = requests(("a", "b"))
    again = tuple(EditBatch(f"b{seed}", (request,), replicate=seed) for seed in range(2))
    assert schedule_conflicts((Add(again[0]), Add(again[1]), Checkpoint("c"))) == ()


def test_many_conflicts_of_a_kind_are_one_line_with_their_number():
    pairs = [(f"n{place}", f"n{place + 1}") for place in range(11)]
    assert conflict_lines(request_conflicts(requests(*pairs))) == [
        "10 chains among the requests: n0 → n1 → n2; n1 → n2 → n3; n2 → n3 → n4; …"
    ]


def test_aice_has_no_requests_in_conflict():
    """Its sources and destinations are disjoint, and no class is named twice."""
    for count in (10, 300):
        assert schedule_conflicts(open_dataset("aice", "embedded").schedule(count)) == ()


def test_the_authors_300_requests_have_no_conflict(real_folder):
    (batch,) = edit_batches(open_dataset("aice", str(real_folder)).schedule(300))
    assert request_conflicts(batch.requests) == ()


def test_links_agree_with_a_search_by_brute_force():
    """On random lists: a link is in a chain or a cycle, and a cycle is found where one can come back to its start."""
    draw = random.Random(7)
    for _ in range(200):
        names = [f"n{place}" for place in range(6)]
        sources = draw.sample(names, draw.randint(1, 6))
        pairs = [(source, *draw.sample(names, draw.randint(0, 2))) for source in sources]
        aims = {source: [dest for dest in dests if dest in sources] for source, *dests in pairs}
        conflicts = request_conflicts(requests(*pairs))
        cycles = [[request.source for request in each.requests] for each in conflicts if each.kind == "cycle"]
        chains = {tuple(request.source for request in each.requests) for each in conflicts if each.kind == "chain"}
        closed = {link for cycle in cycles for link in zip(cycle, [*cycle[1:], cycle[0]], strict=True)}
        assert chains | closed == {(source, dest) for source, dests in aims.items() for dest in dests}
        assert not chains & closed
        assert bool(cycles) == any(comes_back(aims, source) for source in sources)


def comes_back(aims, start):
    reached, pending = set(), list(aims[start])
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += aims[name]
    return start in reached


def test_one_edit_alone_is_in_no_conflict():
    assert schedule_conflicts(single_batch(EditBatch("b", requests(("a", "b"))))) == ()
