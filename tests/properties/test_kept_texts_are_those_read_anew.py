"""What is known of texts from another state of a model is what the model reads of them now, bit for bit."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iceb.base.errors import ModelError
from iceb.models.conditioning import GROUP, TextReader
from iceb.models.drawing import seeded_images
from iceb.models.environment import modes
from iceb.models.generator import Generator
from iceb.models.text_memory import KeptTexts, TextMemory
from iceb.models.threads import worker_threads
from iceb.specs.methods import Edit
from iceb.specs.prompts import Prompt
from iceb.specs.runs import Sampling
from iceb.stores.images import ImageStore
from tests.conftest import load

SAMPLING = Sampling("ddim", 2, 4.0, 32, 32)
TEXTS = ["a photo of a cat", "", "a painting of a very old house", "dog", "a red barn", "many " * 90]
FC2 = "text_encoder.encoder.layers.{}.mlp.fc2.weight"
EDITS = {
    "nothing": [],
    "denoiser": ["unet.conv_in.weight"],
    "embeddings": ["text_encoder.embeddings.token_embedding.weight"],
    "last norm": ["text_encoder.final_layer_norm.weight"],
    **{f"layer {layer}": [FC2.format(layer)] for layer in range(4)},
    "layers 1 and 3": [FC2.format(1), FC2.format(3)],
    "layer 2, position and denoiser": [
        FC2.format(2),
        "text_encoder.embeddings.position_embedding.weight",
        "unet.conv_in.weight",
    ],
}


def edit_of(bundle, names, gain=1.5):
    return Edit({name: gain * bundle.parameter(name) + 0.01 for name in names})


def kept_by(bundle):
    return bundle.kept_texts(modes("cpu"))


@torch.inference_mode()
def read(bundle, texts=TEXTS, kept=None):
    found = TextReader(bundle, kept=kept)(texts)
    return found.states if found.pooled is None else torch.cat([found.states.flatten(1), found.pooled], dim=1)


@pytest.fixture
def fresh_sd(tiny_sd_folder):
    """A model of one's own, whose memory is empty."""
    return load(tiny_sd_folder)


@pytest.fixture
def texts_run(monkeypatch):
    """The number of texts that each layer of an encoder is run for from here on, by layer."""

    def watch(encoder):
        counts = dict.fromkeys(range(len(encoder.encoder.layers)), 0)
        for place, layer in enumerate(encoder.encoder.layers):

            def run(states, *others, place=place, forward=layer.forward, **named):
                counts[place] += len(states)
                return forward(states, *others, **named)

            monkeypatch.setattr(layer, "forward", run)
        return counts

    return watch


@pytest.mark.parametrize("names", EDITS.values(), ids=EDITS.keys())
@pytest.mark.parametrize("expected", [None, 1])
def test_after_an_edit_every_text_reads_as_anew(fresh_sd, names, expected):
    """Both ways: the edited model takes what the unedited one left, and the unedited one what the edited one did."""
    fresh_sd.expect_edits_from(expected)
    plain = read(fresh_sd)
    edit = edit_of(fresh_sd, names)
    with fresh_sd.applied(edit) as edited:
        changed = read(edited)
        assert torch.equal(read(edited, TEXTS[:2], kept_by(edited)), changed[:2])
    assert torch.equal(read(fresh_sd, kept=kept_by(fresh_sd)), plain)
    with fresh_sd.applied(edit) as edited:
        assert torch.equal(read(edited, kept=kept_by(edited)), changed)
        assert torch.equal(read(edited, kept=kept_by(edited)), changed)
    assert torch.equal(plain, changed) == (not any(name.startswith("text_encoder") for name in names))


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(sorted(EDITS)), st.sampled_from([1.5, 0.5])), min_size=2, max_size=6))
def test_any_sequence_of_edits_on_one_memory_reads_as_anew(tiny_sd, steps):
    memory = TextMemory(limit=40_000)  # too small for all of them, so that some are thrown out in between
    for name, gain in steps:
        with tiny_sd.applied(edit_of(tiny_sd, EDITS[name], gain)) as edited:
            kept = KeptTexts(memory, edited.text_changes)
            assert torch.equal(read(edited, TEXTS[:3], kept), read(edited, TEXTS[:3]))
            assert memory.size <= memory.limit


def test_an_edit_on_top_of_another_and_its_removal(fresh_sd):
    plain = read(fresh_sd, kept=kept_by(fresh_sd))
    with fresh_sd.applied(edit_of(fresh_sd, [FC2.format(3)])) as first:
        once = read(first, kept=kept_by(first))
        with first.applied(edit_of(first, [FC2.format(1)])) as second:
            assert torch.equal(read(second, kept=kept_by(second)), read(second))
        with first.applied(edit_of(first, ["unet.conv_in.weight"])) as second:
            assert torch.equal(read(second, kept=kept_by(second)), once)
    assert torch.equal(read(fresh_sd, kept=kept_by(fresh_sd)), plain)


def test_only_the_layers_from_the_edited_one_on_are_run(fresh_sd, texts_run):
    fresh_sd.expect_edits_from(2)
    read(fresh_sd, kept=kept_by(fresh_sd))
    counts = texts_run(fresh_sd.pipeline.text_encoder)
    read(fresh_sd, kept=kept_by(fresh_sd))
    with fresh_sd.applied(edit_of(fresh_sd, ["unet.conv_in.weight"])) as edited:
        read(edited, kept=kept_by(edited))
    assert set(counts.values()) == {0}
    texts = -(-len(TEXTS) // GROUP) * GROUP  # the last group is filled up
    with fresh_sd.applied(edit_of(fresh_sd, [FC2.format(2)])) as edited:
        read(edited, kept=kept_by(edited))
    assert counts == {0: 0, 1: 0, 2: texts, 3: texts}
    with fresh_sd.applied(edit_of(fresh_sd, [FC2.format(3)])) as edited:
        read(edited, kept=kept_by(edited))
    assert counts == {0: 0, 1: 0, 2: 2 * texts, 3: 2 * texts}  # from layer 2, of which states are kept


@pytest.mark.parametrize("name", [FC2.format(1), "text_encoder_2.text_model.encoder.layers.4.mlp.fc2.weight", ""])
def test_two_encoders_keep_what_the_denoiser_reads_and_nothing_below(tiny_sdxl_folder, name):
    bundle = load(tiny_sdxl_folder)
    plain, kept = read(bundle), kept_by(bundle)
    assert torch.equal(read(bundle, kept=kept), plain)
    with bundle.applied(edit_of(bundle, [name] if name else ["unet.conv_in.weight"])) as edited:
        assert torch.equal(read(edited, kept=kept_by(edited)), read(edited))
        assert torch.equal(read(edited), plain) == (not name)
    assert all(kept.find_below(text, 9) is None for text in TEXTS)


@pytest.mark.parametrize("layer", [1, 3])
def test_an_encoder_that_masks_its_pads(fresh_sd, layer):
    unmasked = read(fresh_sd)
    fresh_sd.pipeline.text_encoder.config.use_attention_mask = True
    fresh_sd.expect_edits_from(layer)
    assert not torch.equal(read(fresh_sd, kept=kept_by(fresh_sd)), unmasked)
    with fresh_sd.applied(edit_of(fresh_sd, [FC2.format(layer)])) as edited:
        assert torch.equal(read(edited, kept=kept_by(edited)), read(edited))


def test_a_deeper_encoder_with_another_activation(tiny_sd21_folder):
    bundle = load(tiny_sd21_folder)
    read(bundle, kept=kept_by(bundle))
    for layer in (1, 4):
        with bundle.applied(edit_of(bundle, [FC2.format(layer)])) as edited:
            assert torch.equal(read(edited, kept=kept_by(edited)), read(edited))


def test_no_text_depends_on_those_beside_it(fresh_sd):
    """In whatever order and company texts are read, wholly or from a layer on."""
    expected = dict(zip(TEXTS, read(fresh_sd), strict=True))
    for order in itertools.islice(itertools.permutations(TEXTS), 0, 720, 97):
        memory = TextMemory()
        for texts in (order[:1], order[:4], order):
            assert all(
                torch.equal(row, expected[text])
                for text, row in zip(texts, read(fresh_sd, texts, KeptTexts(memory)), strict=True)
            )


# --- a model that is not what it was


def test_a_change_in_place_after_a_reader_was_made_is_not_kept(fresh_sd):
    plain, weight = read(fresh_sd), fresh_sd.pipeline.text_encoder.get_parameter(FC2.format(1).partition(".")[2])
    reader = TextReader(fresh_sd, kept=kept_by(fresh_sd))
    with torch.inference_mode():
        weight.mul_(3)
        assert not torch.equal(reader(TEXTS).states, plain)
        weight.div_(3)
    before, kept = weight.clone(), kept_by(fresh_sd)
    assert all(kept.get(text) is None and kept.find_below(text, 4) is None for text in TEXTS)
    assert torch.allclose(before, weight)


def test_a_reader_that_outlives_an_edit_keeps_nothing_of_it(fresh_sd):
    reader = TextReader(fresh_sd, kept=kept_by(fresh_sd))
    with fresh_sd.applied(edit_of(fresh_sd, [FC2.format(1)])), torch.inference_mode():
        reader(TEXTS)
    kept = kept_by(fresh_sd)
    assert all(kept.get(text) is None and kept.find_below(text, 4) is None for text in TEXTS)


@pytest.mark.parametrize("what", ["weight", "tokenizer"])
def test_a_changed_encoder_or_tokenizer_is_refused_before_anything_is_taken(fresh_sd, tmp_path, what):
    generator = Generator(ImageStore(tmp_path))
    generator.draw(fresh_sd, [Prompt("a photo of a cat", 0, "source")], SAMPLING)
    pipeline = fresh_sd.pipeline
    if what == "weight":
        pipeline.text_encoder.encoder.layers[1].mlp.fc2.weight.data.numpy()[0, 0] += 1
    else:
        pipeline.tokenizer.add_tokens(["cat"])
    with pytest.raises(ModelError, match="not what its digest names"):
        generator.draw(fresh_sd, [Prompt("a photo of a cat", 1, "source")], SAMPLING)


def test_models_share_no_memory(fresh_sd, tiny_sd21_folder):
    other = load(tiny_sd21_folder)
    read(fresh_sd, kept=kept_by(fresh_sd))
    assert torch.equal(read(other, kept=kept_by(other)), read(other))


# --- images


def prompts(count):
    return [
        Prompt(f"a photo of {'a very old ' * (index % 3)}thing {index % 11}", index, "source") for index in range(count)
    ]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("names", [["unet.conv_in.weight"], [FC2.format(3)], [FC2.format(0)]], ids=["unet", "3", "0"])
def test_images_are_those_drawn_without_a_memory(fresh_sd, tmp_path, names, workers):
    wanted, store = prompts(37), ImageStore(tmp_path)
    edit = edit_of(fresh_sd, names)

    def check(bundle):
        keys = Generator(store).draw(bundle, wanted, SAMPLING)
        plain = seeded_images(bundle, [each.text for each in wanted], [each.seed for each in wanted], SAMPLING)
        assert all(np.array_equal(store.load(key), image) for key, image in zip(keys, plain, strict=True))

    with worker_threads(workers):
        check(fresh_sd)
        for _ in range(2):
            with fresh_sd.applied(edit) as edited:
                check(edited)
        check(fresh_sd)


def test_two_draws_at_once_share_one_memory(fresh_sd, tmp_path):
    """Several threads draw from one model, each with passes of its own, while the memory fills."""
    with fresh_sd.applied(edit_of(fresh_sd, [FC2.format(3)])) as edited:
        wanted, memory = prompts(20), TextMemory(limit=60_000)
        texts, seeds = [each.text for each in wanted], [each.seed for each in wanted]
        plain = seeded_images(edited, texts, seeds, SAMPLING)

        def draw(_):
            return seeded_images(edited, texts, seeds, SAMPLING, kept=KeptTexts(memory, edited.text_changes))

        with worker_threads(2), ThreadPoolExecutor(4) as pool:
            assert all(np.array_equal(plain, drawn) for drawn in pool.map(draw, range(8)))
        assert 0 < memory.size <= memory.limit
