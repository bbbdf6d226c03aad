"""What embedded data share with the classes that recipes were tuned on, and with the captions that methods preserve."""

from collections import Counter

import pytest

from iceb import registry
from iceb.datasets import EMBEDDED, open_dataset
from iceb.datasets.cards import load_card
from iceb.mini.captions import corpus
from iceb.mini.mentions import captions_naming, every_class, words_of
from iceb.mini.styles import style_names
from iceb.mini.unseen import unseen_classes
from iceb.mini.world import class_names
from iceb.specs.schedules import edit_batches
from iceb.tuning.validation import LEFT, class_names_scored_by, validation_labels

DATASETS = sorted({e.load().dataset for e in registry.entries_of("tasks") if e.package == registry.OWN})
# (dataset, number of edits): distinct prompts of a role that are word for word a caption; other roles have none
ORACLES = {"road": {"oracle_positive": 3, "oracle_source": 2, "oracle_negative": 1}, "timed": {"oracle_positive": 1}}
CAPTIONS = {
    ("aice", 300): {"train": 48},
    ("neighbours", 300): {"superclass": 2},
    ("artists", 1000): {},
    ("artists", 100): {},
    ("styles", 100): {},
    ("celebrities", 100): {},
    ("road", 90): {"negative": 1},
    ("timed", 104): {},
    ("ablation", 11): {"anchor": 1, "target": 1},
    ("objects", 10): {},
    ("objects10", 10): {},
    ("debias", 37): {"profession": 1},
}

# the same of prompts that are a training text of the request that they test
TRAINED = {
    ("aice", 300): {"train": 900},  # they measure efficacy
    ("rectification", 143): {"train": 429},
    ("road", 90): {"source": 360},  # the bare name, as the authors' own rows
    ("timed", 104): {"source": 416},
    ("objects", 10): {"erased": 10},  # as the card says
    **{(name, 100): {} for name in ("artists", "styles", "celebrities", "composition", "neighbours")},
    ("ablation", 11): {},
    ("objects10", 10): {},
    ("debias", 37): {},
}


@pytest.mark.parametrize("dataset", DATASETS)
def test_no_class_that_recipes_were_tuned_on_is_scored_but_four_of_imagenettes(dataset):
    tuned = {class_names()[label] for label in validation_labels()}
    assert tuned & class_names_scored_by(dataset) == (LEFT if dataset == "objects10" else set())


def test_four_classes_of_imagenettes_are_named_in_its_card_by_its_own_names():
    said = next(each for each in load_card("objects10_embedded").deviations if "recipes were tuned" in each)
    scored = {every.label: every.name for every in open_dataset("objects10", EMBEDDED).classes}
    tuned = {name for label, name in scored.items() if label in validation_labels()}
    assert len(tuned) == len(LEFT) == 4
    assert said.startswith("four of the ten")
    assert all(name in said for name in tuned)


def test_nor_does_a_sentence_of_ablated_styles_name_one():
    found = open_dataset("ablation", EMBEDDED)
    texts = {p.text for batch in edit_batches(found.schedule(11)) for p in found.prompts(batch)}
    assert not {label for text in texts for label in every_class().classes(text)} & validation_labels()


@pytest.mark.parametrize(("dataset", "num_edits"), CAPTIONS)
def test_prompts_that_are_captions_word_for_word_are_counted(dataset, num_edits):
    captions = {tuple(words_of(text)) for text in corpus()}
    found = open_dataset(dataset, EMBEDDED)
    batches = edit_batches(found.schedule(num_edits))
    prompts = [*(p for batch in batches for p in found.prompts(batch)), *found.shared_prompts(num_edits)]
    texts = {(p.role, p.text) for p in prompts}
    said = Counter(role for role, text in texts if tuple(words_of(text)) in captions)
    assert said == {**CAPTIONS[dataset, num_edits], **ORACLES.get(dataset, {})}  # no edit draws an oracle's


@pytest.mark.parametrize(("dataset", "num_edits"), TRAINED)
def test_prompts_that_a_method_was_trained_on_are_counted(dataset, num_edits):
    found = open_dataset(dataset, EMBEDDED)
    said: Counter[str] = Counter()
    for batch in edit_batches(found.schedule(num_edits)):
        trained = {tuple(words_of(text.replace("{}", r.source))) for r in batch.requests for text in r.templates}
        texts = {(p.role, p.text) for p in found.prompts(batch)}
        said.update(role for role, text in texts if tuple(words_of(text)) in trained)
    assert said == TRAINED[dataset, num_edits]


@pytest.mark.parametrize("task", ["composition", "neighbours", "preservation"])
def test_tasks_of_aices_requests_cluster_as_it_does(task):
    """300 of AICE's requests share 215 destinations, whichever task edits them."""
    assert registry.load("tasks", task).cluster == registry.load("tasks", "aice").cluster == "destination"


def words_about_captions(dataset):
    """The sentences of an embedded set's card about the captions that methods preserve."""
    found = load_card(f"{dataset}_embedded").deviations
    return next(each for each in found if "captions that methods preserve" in each)


def names_by_kind(dataset):
    """The names of a small dataset by the words with which its card counts them."""
    found = open_dataset(dataset, EMBEDDED)
    if dataset == "objects":
        return {
            "names": {each.name for each in found.objects},
            "other names": {alias for each in found.objects for alias in each.aliases},
        }
    if dataset == "objects10":
        return {"names": {each.name for each in found.classes}}
    rows = [concept.row for concept in found.concepts]
    return {
        "targets": {row.target for row in rows},
        "classes that are anchors": {row.anchor for row in rows} - {"painting"},
        "hard negatives": {name for row in rows for name in row.hard_negative},
    }


@pytest.mark.parametrize(
    ("dataset", "unseen"), [("objects", {"bolo tie"}), ("objects10", {"tench", "golf ball"}), ("ablation", None)]
)
def test_cards_count_the_names_that_preserved_captions_say(dataset, unseen):
    said = words_about_captions(dataset)
    for words, names in names_by_kind(dataset).items():
        counts = captions_naming(corpus(), names)
        assert f"{len(counts)} of {len(names)} {words} (in {sum(counts.values())} captions)" in said
    never = {class_names()[label] for label in unseen_classes()} & class_names_scored_by(dataset)
    assert never == (unseen or never)
    assert all(name in said for name in never)


def test_the_ablation_card_names_what_no_preserved_caption_says():
    said = words_about_captions("ablation")
    names = set().union(*names_by_kind("ablation").values())
    unsaid = names - set(captions_naming(corpus(), names))
    classes, artists = unsaid & set(class_names()), unsaid & set(style_names())
    assert classes | artists == unsaid == {name for name in names if name in said}
    never = {class_names()[label] for label in unseen_classes()} & classes
    assert (len(names & set(class_names())), len(names & set(style_names()))) == (36, 9)
    assert (len(never), classes - never, len(artists)) == (8, {"movie theater"}, 5)
