"""What embedded data share with the classes that recipes were tuned on, and with the captions that methods preserve."""

from collections import Counter

import pytest

from iceb import registry
from iceb.datasets import EMBEDDED, open_dataset
from iceb.mini.captions import corpus
from iceb.mini.mentions import every_class, words_of
from iceb.mini.world import class_names
from iceb.specs.schedules import edit_batches
from iceb.tuning.validation import LEFT, class_names_scored_by, validation_labels

DATASETS = sorted({e.load().dataset for e in registry.entries_of("tasks") if e.package == registry.OWN})
# (dataset, number of edits): distinct prompts of a role that are word for word a caption; other roles have none
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


@pytest.mark.parametrize("dataset", DATASETS)
def test_no_class_that_recipes_were_tuned_on_is_scored_but_two_of_imagenettes(dataset):
    tuned = {class_names()[label] for label in validation_labels()}
    assert tuned & class_names_scored_by(dataset) == (LEFT if dataset == "objects10" else set())


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
    texts = {(p.role, p.text) for p in prompts if not p.role.startswith("oracle_")}  # those no edit draws
    assert Counter(role for role, text in texts if tuple(words_of(text)) in captions) == CAPTIONS[dataset, num_edits]
