"""Rows become requests and prompts, with every seed where the authors' code puts it."""

from dataclasses import replace

import pytest

from iceb.base.errors import DataError
from iceb.datasets import EMBEDDED, open_dataset
from iceb.datasets.aice import AICE, OF_DEST, SEEN, UNSEEN, training_seeds
from iceb.methods.common.corpora import texts_naming
from iceb.metrics.change import DEST_FORGET, HOLDOUT_SEEN, HOLDOUT_UNSEEN
from iceb.mini.mentions import names_of
from iceb.mini.unseen import choose_unseen, unseen_classes
from iceb.specs.reduce import reduce_values
from iceb.specs.schedules import edit_batches


@pytest.fixture
def aice(small):
    return AICE(small.card, small.paths)


def texts(prompts, role, request=None):
    return [prompt.text for prompt in prompts if prompt.role == role and request in (None, prompt.request)]


def batch(aice, count):
    """The batch of so many edits."""
    (found,) = edit_batches(aice.schedule(count))
    return found


def test_a_request_says_what_becomes_what(aice):
    hen = aice.requests[0]
    assert (hen.id, hen.source, hen.dests, hen.source_label, hen.dest_label) == ("small/0000", "hen", ("wok",), 8, 909)
    assert hen.templates == ("An image of {}", "A photo of {}", "{}")
    assert hen.aliases == (" biddy", " brood hen")


def test_the_first_requests_are_a_prefix_of_more(aice):
    assert batch(aice, 1).requests == batch(aice, 2).requests[:1]
    assert batch(aice, 1).id != batch(aice, 2).id


@pytest.mark.parametrize("asked", [0, -1, 3])
def test_a_number_of_edits_out_of_bounds_is_refused(aice, asked):
    with pytest.raises(DataError, match=f"has 2 edit requests, `num_edits` asked for {asked}: choose 1 to 2"):
        aice.schedule(asked)


def test_training_templates_are_drawn_with_the_first_evaluation_seeds(aice):
    found = [prompt for prompt in aice.prompts(batch(aice, 1)) if prompt.role == "train"]
    assert [(prompt.text, prompt.seed) for prompt in found] == [
        ("An image of hen", 80),
        ("A photo of hen", 81),
        ("hen", 82),
    ]


def test_source_dest_and_alias_prompts_share_templates_and_seeds(aice):
    prompts = aice.prompts(batch(aice, 1))
    assert texts(prompts, "source")[:2] == ["View 0 of a hen", "View 1 of a hen"]
    assert texts(prompts, "dest")[:2] == ["View 0 of a wok", "View 1 of a wok"]
    assert texts(prompts, "alias")[5:7] == ["View 0 of a  brood hen", "View 1 of a  brood hen"]
    for role in ("source", "dest"):
        assert [prompt.seed for prompt in prompts if prompt.role == role] == [80, 81, 82, 83, 84]
    assert [prompt.seed for prompt in prompts if prompt.role == "alias"] == [80, 81, 82, 83, 84] * 2


def test_a_template_without_braces_is_one_text_for_source_dest_and_alias(aice):
    prompts = aice.prompts(batch(aice, 1))
    assert {texts(prompts, role)[4] for role in ("source", "dest", "alias")} == {"Cooked Hen"}


def test_each_role_knows_its_classes(aice):
    classes = {(prompt.role, prompt.label, prompt.target) for prompt in aice.prompts(batch(aice, 1))}
    assert classes == {
        ("train", 8, 909),
        ("source", 8, 909),
        ("alias", 8, 909),
        ("dest", 909, 909),
    }
    assert {(prompt.role, prompt.label, prompt.target) for prompt in aice.shared_prompts(1)} == {
        ("holdout", 909, None),
        ("holdout", 915, None),
        ("holdout", 985, None),
    }


def test_holdout_is_the_first_three_prompts_of_each_class_whatever_is_edited(aice):
    one, two = ([replace(prompt, tags=()) for prompt in aice.shared_prompts(count)] for count in (1, 2))
    assert one == two
    assert [prompt.text for prompt in one][:3] == ["A wok in place 0", "A wok in place 1", "A wok in place 2"]
    assert [prompt.seed for prompt in one] == [10, 11, 12, 20, 21, 22, 30, 31, 32]


def test_holdout_prompts_of_the_destinations_of_these_edits_are_tagged(aice):
    tagged = [{prompt.label for prompt in aice.shared_prompts(count) if OF_DEST in prompt.tags} for count in (1, 2)]
    assert tagged == [{909}, {909, 915}]
    assert DEST_FORGET.tags == (OF_DEST,)


def test_upstream_holdout_noise_is_seeded_by_the_next_class_or_the_last_row(aice):
    found = [prompt.noise for prompt in aice.shared_prompts(1)]
    assert [noise.seed for noise in found] == [20] * 3 + [30] * 3 + [34] * 3
    assert [(noise.calls, noise.slot) for noise in found] == [((3,), slot) for slot in (0, 1, 2)] * 3


def test_training_seeds_are_the_authors_draw_shifted_by_one():
    """Golden: the column seed_train of the authors' own export, first two and last two rows."""
    assert training_seeds(300)[:2] == [7316, 6377]
    assert training_seeds(300)[298:] == [7591, 7591]
    assert training_seeds(2) == training_seeds(300)[:2]


@pytest.mark.parametrize("count", ["requests", "aliases", "holdout_classes"])
def test_counts_that_disagree_with_the_card_are_refused(small, count):
    small.counts[count] += 1
    with pytest.raises(DataError, match=rf"dataset small has \d {count}, its data card declares {small.counts[count]}"):
        AICE(small.card, small.paths)


# Seen and unseen holdout


@pytest.fixture
def split(small):
    """The small dataset, with the daisy as the unseen class."""
    small.write("unseen.json", [985])
    small.counts["unseen_classes"] = 1
    return small


def test_holdout_prompts_of_unseen_classes_are_tagged_and_all_others_are_seen(split):
    found = AICE(split.card, {**split.paths, "unseen": split.folder / "unseen.json"}).shared_prompts(1)
    assert {prompt.label: prompt.tags for prompt in found} == {909: (SEEN, OF_DEST), 915: (SEEN,), 985: (UNSEEN,)}
    assert (HOLDOUT_SEEN.tags, HOLDOUT_UNSEEN.tags) == ((SEEN,), (UNSEEN,))


def test_without_a_list_of_unseen_classes_no_prompt_says_seen_or_unseen(aice):
    assert not {tag for prompt in aice.shared_prompts(2) for tag in prompt.tags} & {SEEN, UNSEEN}


def test_a_score_of_prompts_that_are_not_tagged_says_what_is_missing():
    score = reduce_values((), HOLDOUT_UNSEEN.reduction)
    assert (score.value, score.note) == (None, "no unseen holdout prompts were drawn")


@pytest.mark.parametrize("content", [[], {}, [985.0], [1000], ["985"], [True]])
def test_a_list_of_something_else_than_classes_is_refused(split, content):
    split.write("unseen.json", content)
    with pytest.raises(DataError, match=r"unseen\.json is no list of class ids from 0 to 999"):
        AICE(split.card, {**split.paths, "unseen": split.folder / "unseen.json"})


def test_the_embedded_sets_unseen_third_follows_its_rule_at_every_number_of_edits():
    embedded = open_dataset("aice", EMBEDDED)
    holdout = {prompt.label for prompt in embedded.shared_prompts(300)}
    unseen = {prompt.label for prompt in embedded.shared_prompts(1) if UNSEEN in prompt.tags}
    assert unseen == {prompt.label for prompt in embedded.shared_prompts(300) if UNSEEN in prompt.tags}
    requested = [name for each in embedded.requests for name in (each.source, *each.dests, *each.aliases)]
    assert sorted(unseen) == choose_unseen(holdout, requested) == sorted(unseen_classes())
    assert len(unseen) == 122 == len(holdout) // 3
    assert not unseen & {label for each in embedded.requests for label in (each.source_label, each.dest_label)}


def test_no_request_names_an_unseen_class_even_within_another_name():
    """RECE and UCE as EMCID runs it retain destinations: none may name an unseen class."""
    requests = open_dataset("aice", EMBEDDED).requests
    requested = [name for each in requests for name in (each.source, *each.dests, *each.aliases)]
    assert texts_naming(requested, [name for label in unseen_classes() for name in names_of(label)]) == []
