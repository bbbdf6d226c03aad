"""EMCID's parts against their definitions written out, and the claims that make it fast: batches change nothing."""

import pytest
import torch

from iceb.base.errors import DataError, MethodError
from iceb.methods.common.corpora import caption_corpus, read_captions
from iceb.methods.common.denoiser import Denoiser, without_gradients
from iceb.methods.common.second_moments import Beginnings, second_moments
from iceb.methods.common.text_encoder import TextTower
from iceb.methods.common.tokens import last_subject_token
from iceb.methods.emcid.concepts import Concept, EditedPrompts
from iceb.methods.emcid.settings import Stage1, Stage2
from iceb.methods.emcid.stage1 import optimise_values
from iceb.methods.emcid.stage2 import write_values
from iceb.methods.emcid.training_noise import DrawStream, Latents

TEMPLATES = ("An image of {}", "A photo of {}", "{}")
CAPTIONS = [
    "a red ball",
    "a red ball on a table",
    "a red kite",
    "two dogs",
    "a red ball",
    "",
    "a small house by the sea",
]
CONCEPTS = (
    Concept("golden retriever", "tabby cat", TEMPLATES, 1),
    Concept("bee", "very large hot-air balloon over a valley", TEMPLATES, 2),
    Concept("steam locomotive", "canoe", TEMPLATES[:2], 3, align_text=False),
    Concept("lemon", "violin", TEMPLATES, 4, true_noise=True, negatives=("the sea", "two chairs")),
)


@pytest.fixture(scope="module")
def tower(tiny_sd):
    pipeline = tiny_sd.pipeline
    return TextTower(pipeline.text_encoder, pipeline.tokenizer)


@pytest.fixture(scope="module")
def denoiser(tiny_sd):
    pipeline = tiny_sd.pipeline
    return Denoiser(pipeline.unet, pipeline.vae, pipeline.scheduler)


# --- the encoder cut open


def test_running_layer_by_layer_equals_the_encoder(tower):
    tokens = tower.tokens([prompt for concept in CONCEPTS for prompt in concept.prompts("dest")])
    with torch.no_grad():
        states = tower.read(tokens)
        whole = tower.model(input_ids=tokens.ids, attention_mask=tokens.mask)
    real = tokens.mask.bool()
    torch.testing.assert_close(states.context[real], whole.last_hidden_state[real], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(states.pooled, whole.pooler_output, rtol=1e-5, atol=1e-5)


def test_a_subject_inside_the_start_token_is_found_there(tower):
    row = tower.tokens(["style of art"]).ids[0].tolist()
    assert last_subject_token(tower.tokenizer, row, "art") == 0


def test_a_prompt_cut_before_its_subject_is_an_error(tower):
    row = tower.tokens(["very " * 90 + "lemon"]).ids[0].tolist()
    with pytest.raises(MethodError, match="'lemon' was not found"):
        last_subject_token(tower.tokenizer, row, "lemon")


# --- second moments


def test_second_moments_are_the_mean_outer_product_of_all_tokens(tower):
    """Written out: every caption alone, every token of it, start and end included."""
    fc2, seen = tower.fc2(2), []
    handle = fc2.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0].double()))
    with torch.no_grad():
        for caption in CAPTIONS:
            tower.model(input_ids=tower.tokens([caption]).ids)
    handle.remove()
    keys = torch.cat(seen)
    found = second_moments(tower, CAPTIONS, [0, 2])
    torch.testing.assert_close(found[2].double(), keys.T @ keys / len(keys), rtol=1e-5, atol=1e-8)
    assert torch.equal(found[2], found[2].T)


def test_each_beginning_is_counted_once_with_its_frequency(tower):
    beginnings = Beginnings()
    tokens = tower.tokens(CAPTIONS)
    beginnings.add(tokens)
    share = beginnings.take(tokens)
    assert int(share.sum()) == beginnings.tokens == int(tokens.mask.sum())
    assert int(share[0, 0]) == len(CAPTIONS)  # the start token, once for all
    assert int(share[4].sum()) == 0  # a caption that was there before


def test_no_captions_is_an_error(tower):
    with pytest.raises(MethodError, match="at least one caption"):
        second_moments(tower, [], [0])


# --- stage I


def train(tower, denoiser, concepts, settings: Stage1):
    """Value vectors of concepts optimised together, on made-up training latents."""
    draws, means = [], []
    for concept in concepts:
        generator = torch.Generator().manual_seed(concept.seed)
        draws.append(DrawStream(concept.seed, len(concept.templates), 1, denoiser.latent_shape, denoiser.timesteps))
        means.append(torch.randn(len(concept.templates), *denoiser.latent_shape, generator=generator))
    sizes = [len(mean) for mean in means]
    offsets = tuple(sum(sizes[:index]) for index in range(len(sizes)))
    mean = torch.cat(means)
    latents = Latents(mean, 0.1 * mean.abs(), offsets, denoiser.scaling)
    with without_gradients(tower.model, denoiser.unet, denoiser.vae):
        return optimise_values([tower], denoiser, concepts, settings, latents, draws, fisher=torch.linspace(0.1, 1, 32))


VARIANTS = {
    "main": Stage1(layers=(2,), steps=4),
    "true noise": Stage1(layers=(2,), steps=4, noise_loss="true"),
    "no noise": Stage1(layers=(1,), steps=4, noise_loss="none"),
    "esd": Stage1(layers=(2,), steps=4, noise_loss="esd"),
    "ewc": Stage1(layers=(2,), steps=4, penalty="ewc", ewc_weight=1.0),
    "subject": Stage1(layers=(2,), steps=4, text_loss="subject"),
    "subject, end and pads": Stage1(layers=(2,), steps=4, text_loss="subject_end_pads"),
    "clamped": Stage1(layers=(2,), steps=4, clamp=0.05),
    "three tokens": Stage1(layers=(2,), steps=4, tokens=3),
}


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
def test_concepts_optimised_together_are_as_if_alone(tower, denoiser, settings):
    together = train(tower, denoiser, CONCEPTS, settings).vectors[0]
    alone = torch.cat([train(tower, denoiser, [concept], settings).vectors[0] for concept in CONCEPTS])
    assert float((together - alone).norm() / alone.norm()) < 1e-5


def test_the_order_of_concepts_changes_nothing(tower, denoiser):
    settings = VARIANTS["main"]
    forward = train(tower, denoiser, CONCEPTS, settings).vectors[0]
    backward = train(tower, denoiser, CONCEPTS[::-1], settings).vectors[0]
    assert float((forward - backward.flip(0)).norm() / forward.norm()) < 1e-5


def test_a_shift_never_grows_beyond_its_clamp(tower, denoiser):
    settings = VARIANTS["clamped"]
    shifts, starts = [], []
    with without_gradients(tower.model):
        for concept in CONCEPTS:
            found: list = []
            done = optimise_values(
                [tower],
                None,
                [concept],
                Stage1(layers=(2,), steps=4, clamp=0.05, noise_loss="none"),
                None,
                [],
                watch=found.append,
            )
            shifts.append(found[-1].shifts[0].norm())
            starts.append((done.vectors[0] - found[-1].shifts[0]).norm())
    assert all(
        float(shift) <= settings.clamp * float(start) * (1 + 1e-6) for shift, start in zip(shifts, starts, strict=True)
    )


def test_the_contrastive_loss_needs_captions_to_push_away_from(tower):
    settings = Stage1(layers=(2,), steps=1, noise_loss="none", text_loss="contrastive")
    with pytest.raises(MethodError, match="negative captions"):
        optimise_values([tower], None, CONCEPTS[:1], settings, None, [])


def test_a_noise_loss_needs_a_denoiser(tower):
    with pytest.raises(MethodError, match="needs a denoiser"):
        optimise_values([tower], None, CONCEPTS, Stage1(layers=(2,)), None, [])


# --- stage II


def written_out(tower, concepts, values, moments, settings: Stage2):
    """Stage II as the paper defines it: whole forward passes of an edited copy, one prompt at a time, a plain solve."""
    import copy

    model = copy.deepcopy(tower.model).double()
    copied = TextTower(model, tower.tokenizer)
    new, layers = {}, sorted(settings.layers)
    for step, layer in enumerate(layers):
        keys, outputs = [], []
        for concept in concepts:
            seen: list = []
            handle = copied.fc2(layer).register_forward_hook(lambda _, i, o, seen=seen: seen.append((i[0][0], o[0])))
            for prompt in concept.prompts("source"):
                copied.model(input_ids=copied.tokens([prompt]).ids)
            handle.remove()
            at = [int(EditedPrompts(tower, [concept], "source").at[row, 0]) for row in range(len(concept.templates))]
            keys.append(torch.stack([key[place] for (key, _), place in zip(seen, at, strict=True)]).mean(dim=0))
            outputs.append(torch.stack([out[place] for (_, out), place in zip(seen, at, strict=True)]).mean(dim=0))
        K, M = torch.stack(keys).T, torch.stack(outputs).T
        R = (values.double().T - M) / (len(layers) - step)
        share, C = settings.edit_weight, moments[layer].double()
        system = (1 - share) * settings.moment_weight * C + share * K @ K.T
        copied.fc2(layer).weight += share * torch.linalg.solve(system, K @ R.T).T
        new[layer] = copied.fc2(layer).weight.clone()
    return new


@torch.no_grad()
def test_stage_two_is_its_definition(tower):
    settings = Stage2(layers=(0, 1, 3), moment_weight=50.0, edit_weight=0.6, value_layer=3, rounded=False)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(len(CONCEPTS), 32, generator=generator)
    moments = {
        layer: moment + 0.01 * torch.eye(64) for layer, moment in second_moments(tower, CAPTIONS, range(4)).items()
    }
    found = write_values(tower, CONCEPTS, values, moments, settings).weights
    for layer, wanted in written_out(tower, CONCEPTS, values, moments, settings).items():
        before = tower.fc2(layer).weight.double()
        off = (found[layer].double() - wanted).norm() / (wanted - before).norm()
        assert float(off) < 1e-4


@torch.no_grad()
def test_memit_s_residual_reaches_the_value_in_the_last_layer(tower):
    """With nothing to preserve, the state after the value layer becomes the value; EMCID's own residual overshoots."""
    values = torch.randn(len(CONCEPTS), 32, generator=torch.Generator().manual_seed(0))
    moments = dict.fromkeys(range(4), 1e-6 * torch.eye(64))
    reached = {}
    for residual in ("stream", "output"):
        settings = Stage2(layers=(1, 2), moment_weight=1e-3, residual=residual, value_layer=2)
        weights = write_values(tower, CONCEPTS, values, moments, settings).weights
        placed = EditedPrompts(tower, CONCEPTS, "source")
        bias = tower.bias(placed.tokens)
        state = tower.advance(tower.embed(placed.tokens), bias, 0, 3, weights)
        from iceb.methods.emcid.concepts import Rows

        mean = Rows.of(CONCEPTS, tower.device).mean(state[torch.arange(len(state)), placed.at[:, 0]])
        reached[residual] = float((mean - values).norm() / values.norm())
    assert reached["stream"] < 0.05
    assert reached["output"] > reached["stream"]


def test_a_layer_that_is_not_there_is_an_error(tower):
    values = torch.zeros(len(CONCEPTS), 32)
    with pytest.raises(MethodError, match="has layers 0 to 3"):
        write_values(tower, CONCEPTS, values, {7: torch.eye(64)}, Stage2(layers=(7,), moment_weight=1.0))
    with pytest.raises(MethodError, match="no second moment"):
        write_values(tower, CONCEPTS, values, {}, Stage2(layers=(1,), moment_weight=1.0, value_layer=3))


# --- captions


def test_captions_are_read_from_lines_and_from_json(tmp_path):
    lines, rows = tmp_path / "captions.txt", tmp_path / "captions.json"
    lines.write_text("a red ball\n\n two dogs \n", encoding="utf-8")
    rows.write_text('[{"caption": "a red ball", "url": "x"}, "two dogs"]', encoding="utf-8")
    assert read_captions(lines) == read_captions(rows) == ["a red ball", "two dogs"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("a.json", "[{", "truncated"), ("b.json", '[{"text": 1}]', "entry 0"), ("c.txt", " \n", "no caption found")],
)
def test_a_malformed_caption_file_is_an_error(tmp_path, name, text, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_captions(tmp_path / name)


def test_a_real_model_needs_a_caption_file():
    with pytest.raises(MethodError, match="`captions=FILE`"):
        caption_corpus(None, "sd14", "emcid")
