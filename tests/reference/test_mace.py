"""MACE: its closed forms against the literal formulas, its batched training against training one by one."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from iceb.methods.common.attention import Moments
from iceb.methods.common.denoiser import Denoiser
from iceb.methods.mace import MACE
from iceb.methods.mace.closed_forms import ConceptTerms, fusion, refinement
from iceb.methods.mace.lora import Lora, cross_attentions, new_terms, watch_attention
from iceb.methods.mace.loss import MapNorms, Optimiser, timestep_weights
from iceb.methods.mace.rows import concept_columns, paired_rows
from iceb.methods.mace.training import pack_terms, train_terms, unpack_terms
from iceb.methods.mace.training_images import TrainingImages
from iceb.specs.requests import EditRequest
from iceb.stores.scratch import ScratchStore
from tests.memory import settings_of

D, OUT = 6, 4
TEMPLATES = ("A photo of {}", "{}")
DOG = EditRequest("t/0", "golden retriever", ("tabby cat",), TEMPLATES, 1)
TRAIN = EditRequest("t/1", "steam train", (), TEMPLATES, 2)
QUICK = dict(MACE.card.quick)


def quick(**changes) -> MACE:
    return MACE(**{**QUICK, **changes})


@pytest.fixture
def scratch(tmp_path):
    return ScratchStore(tmp_path, {"test": "mace"}, settings_of(quick()))


# --- token rows

WORDS = st.lists(st.integers(3, 6), max_size=6)


@given(source=WORDS, dest=WORDS)
def test_paired_rows_are_equally_many_and_the_longer_prompt_uses_all_pads(source, dest):
    first, second = [1, *source, 2], [1, *dest, 2]
    old, new = paired_rows(first, second, 12)
    assert len(old) == len(new)
    assert (old if len(first) >= len(second) else new)[-1] == 11
    both = [(i, j) for i, j in zip(old, new, strict=True) if i < len(first)]
    assert all(first[i] == second[j] for i, j in both)  # words are paired with equal words


def test_the_concepts_own_tokens_are_left_out():
    assert paired_rows([1, 5, 7, 8, 2], [1, 5, 9, 2], 7) == ([0, 1, 4, 5, 6], [0, 1, 3, 4, 5])


def test_every_occurrence_counts_and_a_part_of_the_name_does_not():
    ids = [1, 7, 8, 5, 7, 5, 7, 8, 2, 2]
    assert (
        concept_columns(ids, [7, 8], 8, ends_too=False)
        == [False, True, True, False, False, False, True, True] + [False] * 2
    )


# --- closed forms


def literal_refinement(W, pairs, P, ridge, weight):
    old, new = (torch.cat(side) for side in zip(*pairs, strict=True))
    system = ridge * torch.eye(D).double() + old.T @ old + weight * P
    target = ridge * W + W @ new.T @ old + weight * W @ P
    return target @ torch.linalg.inv(system)


@pytest.mark.parametrize(("squared", "weight"), [(True, 0.3**2), (False, 0.3)])
def test_refinement_is_the_formula_and_squares_its_scale_on_demand(squared, weight):
    torch.manual_seed(0)
    pairs = [(torch.randn(5, D).double(), torch.randn(5, D).double()) for _ in range(3)]
    W, P = torch.randn(OUT, D).double(), torch.randn(20, D).double()
    moments = Moments.of(*(torch.cat(side) for side in zip(*pairs, strict=True)))
    M = refinement(moments, P.T @ P, 0.7, 0.3, squared)
    assert torch.allclose(W @ M, literal_refinement(W, pairs, P.T @ P, 0.7, weight), atol=1e-10)


def test_fusion_is_the_formula_with_the_scale_once():
    torch.manual_seed(1)
    original, refined = ({"a": torch.randn(OUT, D).double(), "b": torch.randn(3, D).double()} for _ in range(2))
    rows = [torch.randn(9, D).double() for _ in range(3)]
    terms = [
        {n: (torch.randn(1, D).double(), torch.randn(len(W), 1).double()) for n, W in refined.items()} for _ in rows
    ]
    P = torch.randn(20, D).double().T
    P, ridge, scale = P @ P.T, 0.5, 0.2
    concepts = [ConceptTerms(term, each.T @ each) for term, each in zip(terms, rows, strict=True)]
    found = fusion(original, refined, iter(concepts), P, ridge, scale)
    system = ridge * torch.eye(D).double() + sum(c.moment for c in concepts) + scale * P
    for name, W in refined.items():
        edited = [W + c.terms[name][1] @ c.terms[name][0] for c in concepts]
        target = (
            ridge * W + sum(V @ c.moment for V, c in zip(edited, concepts, strict=True)) + scale * original[name] @ P
        )
        assert torch.allclose(found[name], target @ torch.linalg.inv(system), atol=1e-10)


def test_a_concept_whose_term_is_zero_changes_nothing_where_nothing_is_preserved():
    W = {"a": torch.randn(OUT, D).double()}
    zero = ConceptTerms({"a": (torch.randn(1, D).double(), torch.zeros(OUT, 1).double())}, torch.eye(D).double())
    assert torch.equal(fusion(W, W, [zero], torch.zeros(D, D), 1.0, 0.0)["a"], W["a"])


# --- terms and maps


def shown_context(unet, rows):
    torch.manual_seed(5)
    return torch.randn(rows, 4, 8, 8), torch.randn(rows, 7, unet.config.cross_attention_dim)


def test_fresh_terms_add_nothing_and_attention_is_as_before_afterwards(tiny_sd):
    unet = tiny_sd.pipeline.unet
    latents, context = shown_context(unet, 2)
    plain = unet(latents, 5, context).sample
    before = [layer.processor for layer in cross_attentions(unet).values()]
    with watch_attention(unet) as watched, watched.during(new_terms(unet, 1, [torch.Generator()] * 2), None):
        assert torch.allclose(unet(latents, 5, context).sample, plain, atol=1e-5)
    assert [layer.processor for layer in cross_attentions(unet).values()] == before


def test_a_row_of_the_batch_has_its_own_term_alone(tiny_sd):
    unet = tiny_sd.pipeline.unet
    latents, context = shown_context(unet, 2)
    loras = new_terms(unet, 1, [torch.Generator().manual_seed(0)] * 2)
    for lora in loras.values():
        lora.up[1] = 0.5  # only the second row's
    with watch_attention(unet) as watched:
        with watched.during(None, None):
            plain = unet(latents, 5, context).sample
        with watched.during(loras, None):
            changed = unet(latents, 5, context).sample
    assert torch.allclose(changed[0], plain[0], atol=1e-5)
    assert not torch.allclose(changed[1], plain[1], atol=1e-3)


def test_the_loss_is_the_norm_of_the_chosen_columns_inside_the_mask():
    torch.manual_seed(2)
    maps = torch.rand(2, 3, 16, 7)
    columns = torch.zeros(2, 7, dtype=torch.bool)
    columns[0, [1, 5, 6]] = columns[1, [2, 6]] = True
    masks = torch.zeros(2, 8, 8)
    masks[0, :4], masks[1, :, :2] = 1.0, 1.0  # the upper half; the left quarter
    norms = MapNorms(columns, masks)
    norms("layer", maps)
    first = maps[0][:, :8][..., [1, 5, 6]].norm()
    second = maps[1].reshape(3, 4, 4, 7)[:, :, :1][..., [2, 6]].norm()
    assert torch.allclose(norms.loss, torch.stack([first, second]), rtol=1e-5)


def test_the_sum_runs_over_layers_and_a_row_without_columns_loses_nothing():
    norms = MapNorms(torch.tensor([[True, True], [False, False]]), None)
    norms("one", torch.full((2, 1, 4, 2), 0.5))
    norms("two", torch.full((2, 1, 1, 2), 0.5))
    assert torch.allclose(norms.loss, torch.tensor([2**0.5 + 0.5**0.5, 0.0]))


def test_each_concepts_gradient_is_clipped_by_its_own_norm_and_what_gets_none_stays():
    lora, idle = (Lora(torch.ones(2, 1, 3), torch.ones(2, 2, 1)) for _ in range(2))
    optimiser = Optimiser({"seen": lora, "idle": idle}, rate=1e-3)
    slope = torch.tensor([[[3.0, 4.0, 0.0]], [[0.3, 0.4, 0.0]]])  # of norms 5 and 0.5
    norms = optimiser.step((lora.down * slope).sum(dim=(1, 2)))
    assert torch.allclose(norms, torch.tensor([5.0, 0.5]))
    assert torch.allclose(lora.down.grad.flatten(1).norm(dim=1), torch.tensor([1.0, 0.5]), atol=1e-5)
    assert torch.equal(idle.down, torch.ones(2, 1, 3))  # not even decayed


def test_important_timesteps_lie_between_200_and_400():
    weights = timestep_weights(1000, important=True)
    assert float(weights[200:400].sum()) > 0.85
    assert torch.allclose(timestep_weights(1000, important=False), torch.full((1000,), 1e-3).double())


def test_terms_survive_packing(tiny_sd):
    unet = tiny_sd.pipeline.unet
    loras = new_terms(unet, 2, [torch.Generator().manual_seed(i) for i in range(2)])
    shapes = {name: (lora.up.shape[1], lora.down.shape[2]) for name, lora in loras.items()}
    again = unpack_terms(pack_terms(loras, 1), shapes, 2)
    assert all(torch.equal(again[name][0], lora.down[1]) for name, lora in loras.items())
    assert all(torch.equal(again[name][1], lora.up[1]) for name, lora in loras.items())


# --- training


@pytest.fixture
def lessons(tiny_sd, scratch):
    from iceb.methods.mace.prompt_states import PromptReader
    from iceb.methods.mace.training import TrainingSet

    method, reader = quick(), PromptReader(tiny_sd, scratch)
    desk = TrainingImages(tiny_sd, scratch, 2, 2)
    concepts = [method.concept(DOG), method.concept(TRAIN)]
    return [TrainingSet(c, reader(c.sources), reader.own_ids(c.source), desk(c), None) for c in concepts]


def run_training(bundle, lessons, **changes):
    unet = copy.deepcopy(bundle.pipeline.unet).requires_grad_(False)
    denoiser = Denoiser(unet, bundle.pipeline.vae, bundle.pipeline.scheduler)
    with watch_attention(unet) as watched:
        return train_terms(denoiser, watched, lessons, quick(**changes).training)


def test_two_concepts_in_one_batch_are_trained_as_each_alone(tiny_sd, lessons):
    both = run_training(tiny_sd, lessons, steps=4, rate=0.05)
    for row, lesson in enumerate(lessons):
        alone = run_training(tiny_sd, [lesson], steps=4, rate=0.05)
        assert torch.allclose(both.losses[:, row], alone.losses[:, 0], rtol=1e-4)
        for name, lora in alone.loras.items():
            assert torch.allclose(both.loras[name].up[row], lora.up[0], atol=1e-4), name


def test_training_takes_attention_away(tiny_sd, lessons):
    course = run_training(tiny_sd, lessons, steps=30, rate=0.05, use_pooler=False).losses
    assert bool((course[-5:].mean(dim=0) < 0.7 * course[:5].mean(dim=0)).all())
