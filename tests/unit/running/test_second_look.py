"""The detector looks at images while measures have them decoded: the same counts, and no image is read twice for it."""

from collections import Counter

import numpy as np
import pytest

from iceb.metrics.change import SOURCE_FORGET
from iceb.running.degenerate_images import count_degenerate, score_and_count
from iceb.running.measuring import Measuring
from iceb.running.scoring import RegisteredMetric, Scorer
from iceb.runs.ledger import ImageRow
from iceb.specs.prompts import Prompt
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore


class Halves:
    """A measure of two classes: bright and dark."""

    id, revision, inputs = "halves@1", "1", "image"

    def __call__(self, inputs):
        bright = np.array([each.image.mean() / 255 for each in inputs], np.float32)
        return np.stack([bright, 1 - bright], axis=1)


class CountedStore(ImageStore):
    """A store that counts how often each image is read."""

    def __init__(self, root):
        super().__init__(root)
        self.reads = Counter()

    def read(self, key):
        self.reads[key] += 1
        return super().read(key)


def key(place):
    return f"{place:064x}"


@pytest.fixture
def store(tmp_path):
    """Twelve images, every third of them blank, the others noise."""
    draw, found = np.random.default_rng(0), CountedStore(tmp_path)
    for place in range(12):
        noise = draw.integers(0, 256, (32, 32, 3)).astype(np.uint8)
        found.save(key(place), np.full_like(noise, 7) if place % 3 == 0 else noise)
    return found


def prompt(place, role="source"):
    return Prompt(f"a {place}", place, role, f"r{place}", 0, 1)


def scorer_of(store, measured, device="cpu"):
    measuring = Measuring(store, MeasuredStore(measured), device)
    return Scorer([RegisteredMetric(SOURCE_FORGET, "iceb")], {"imagenet_classifier": Halves()}, measuring)


ROWS = [
    *(ImageRow("one", "1", prompt(place), key(place), key(place + 4)) for place in range(2)),
    *(ImageRow("two", "2", prompt(place), key(place), key(place + 6)) for place in range(4)),
    ImageRow("two", "2", prompt(9, "holdout"), key(10), key(11)),
]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_counts_are_those_of_a_pass_of_its_own_and_every_image_is_read_once(store, tmp_path, device):
    scores, found = score_and_count(scorer_of(store, tmp_path / "a", device), ROWS)
    assert max(store.reads.values()) == 1
    alone = scorer_of(store, tmp_path / "b", device)
    assert found == count_degenerate(alone.measuring, ROWS)
    assert scores == alone.scores(ROWS)
    assert (found.roles["source"].kinds, found.roles["source"].before) == ({"blank": 2, "noise": 2}, 4)
    assert found.roles["holdout"].kinds == {"noise": 1}


def test_images_of_an_earlier_checkpoint_are_not_looked_at(store, tmp_path):
    scorer = scorer_of(store, tmp_path / "a")
    score_and_count(scorer, ROWS)
    count_degenerate(scorer.measuring, ROWS[:2])  # the first checkpoint's, of which the last has those before
    assert {place for place in range(12) if store.reads[key(place)] > 1} == {4, 5}


def test_what_is_stored_of_an_image_is_not_asked_again(store, tmp_path):
    first = score_and_count(scorer_of(store, tmp_path / "a"), ROWS)
    store.reads.clear()
    assert score_and_count(scorer_of(store, tmp_path / "a"), ROWS) == first
    assert not store.reads
