"""The memory of texts: bounded in bytes, safe with several threads, and asked for what an edit leaves alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from iceb.models.text_memory import LAST, LIMIT, KeptTexts, TextMemory

COUNT = 12  # layers
LAYER = "text_encoder.text_model.encoder.layers.{}.self_attn.q_proj.weight"


def states(number=0, width=8):
    return torch.full((77, width), float(number))


def test_the_least_recently_used_goes_first_and_bytes_are_bounded():
    memory = TextMemory(limit=3 * states().nbytes)
    for number in range(3):
        memory.put(("m", number), (states(number),))
    memory.get(("m", 0))
    memory.put(("m", 3), (states(3),))
    assert [memory.get(("m", number)) is not None for number in range(4)] == [True, False, True, True]
    assert memory.size == memory.limit
    memory.put(("m", 4), (states(4, 80),))  # larger than all that may be kept
    assert memory.size <= memory.limit
    assert memory.get(("m", 4)) is None


def test_the_default_bounds_stable_diffusions_texts_at_a_quarter_of_a_gigabyte():
    assert LIMIT // (77 * 768 * 4) == 1134


def test_what_was_there_first_stays():
    memory = TextMemory()
    memory.put(("m", 1), (states(1),))
    memory.put(("m", 1), (states(2),))
    assert memory.get(("m", 1))[0][0, 0] == 1
    assert memory.size == states().nbytes


def test_many_threads_keep_the_count_of_bytes():
    memory = TextMemory(limit=40 * states().nbytes)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: memory.put(("m", number % 97), (states(number),), number % 5), range(2000)))
    kept = [number for number in range(97) if memory.get(("m", number)) is not None]
    assert memory.size == len(kept) * states().nbytes <= memory.limit
    assert memory.layers == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("names", "unchanged"),
    [
        ([], COUNT),
        ([LAYER.format(10)], 10),
        ([LAYER.format(11), LAYER.format(7)], 7),
        ([LAYER.format(0)], 0),
        (["text_encoder.embeddings.token_embedding.weight"], 0),
        (["text_encoder.embeddings.position_embedding.weight", LAYER.format(10)], 0),
        (["text_encoder.final_layer_norm.bias"], COUNT - 1),
        (["text_encoder_2.text_projection.weight"], COUNT - 1),
        (["text_encoder.something_new.weight"], 0),
    ],
)
def test_an_edit_leaves_the_layers_below_its_lowest_one(names, unchanged):
    assert KeptTexts(TextMemory(), dict.fromkeys(names, "digest")).unchanged_layers(COUNT) == unchanged


def test_an_unedited_model_keeps_what_goes_into_the_layer_that_edits_change():
    memory = TextMemory()
    assert KeptTexts(memory).watched_layer(COUNT) == COUNT - LAST
    assert KeptTexts(memory, {LAYER.format(7): "digest"}).watched_layer(COUNT) == 7
    assert KeptTexts(memory).watched_layer(COUNT) == 7
    memory.expected = 0
    assert KeptTexts(memory).watched_layer(COUNT) == 0


def test_the_highest_kept_states_below_the_edit_are_found():
    memory = TextMemory()
    for layer in (3, 7, 10):
        KeptTexts(memory).put_below(layer, "a cat", states(layer))
    for top, expected in ((12, 10), (10, 10), (9, 7), (3, 3)):
        layer, found = KeptTexts(memory).find_below("a cat", top)
        assert (layer, found[0, 0].item()) == (expected, expected)
    assert KeptTexts(memory).find_below("a cat", 2) is None
    assert KeptTexts(memory).find_below("a dog", 12) is None


def test_another_weight_and_another_mode_find_nothing():
    memory = TextMemory()
    KeptTexts(memory, {"w": "1"}, {"deterministic": False}).put("a cat", (states(1),))
    KeptTexts(memory, {"w": "1"}, {"deterministic": False}).put_below(3, "a cat", states(1))
    assert KeptTexts(memory, {"w": "1"}, {"deterministic": False}).get("a cat") is not None
    for other in (KeptTexts(memory, {"w": "2"}, {"deterministic": False}), KeptTexts(memory, {}, {})):
        assert other.get("a cat") is None
    assert KeptTexts(memory, {"w": "1"}, {"deterministic": True}).get("a cat") is None
    assert KeptTexts(memory, {"w": "1"}, {"deterministic": True}).find_below("a cat", 3) is None
