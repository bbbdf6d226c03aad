"""What a training step of Concept Ablation is given: the right images, prompts and noise for each of its rows."""

from itertools import islice

import pytest
import torch

from iceb.methods.ablation.anchors import Anchors
from iceb.methods.ablation.batches import Batches
from iceb.methods.ablation.concepts import Anchor, Concept
from iceb.methods.ablation.randomness import RandomStream
from iceb.methods.common.denoiser import Denoiser, prepare_images
from iceb.specs.runs import Sampling
from tests.memory import Memory

CATS, BEES = Anchor(("a cat", "the cat sits")), Anchor(("a bee", "the bee flies"))
CONCEPTS = [
    Concept("grumpy cat", CATS, ("a grumpy cat", "the grumpy cat sits"), 1),
    Concept("garfield", CATS, ("a garfield", "the garfield sits"), 2),
    Concept("bumblebee", BEES, ("a bumblebee", "the bumblebee flies"), 3),
]
PAIRS = {(c.targets[i], c.anchor.prompts[i]) for c in CONCEPTS for i in range(2)}
SIDE = 48  # pixels: large enough to be shrunk


@pytest.fixture(scope="module")
def parts(tiny_sd):
    """(denoiser, anchors with three images each)."""
    pipeline = tiny_sd.pipeline
    denoiser = Denoiser(pipeline.unet, pipeline.vae, pipeline.scheduler)
    anchors = Anchors(tiny_sd, denoiser, Memory(), Sampling("ddim", 1, 2.0, 32, 32), count=3, seed=0, side=SIDE)
    anchors.prepare([CATS, BEES])
    return denoiser, anchors


def batches(parts, **changes) -> Batches:
    settings = {
        "variant": "diffusers",
        "augment": False,
        "flip": False,
        "seed": 0,
        "size": 2,
        "preserve": False,
    }
    denoiser, anchors = parts
    return Batches(CONCEPTS, anchors, denoiser, **{**settings, **changes})


def first(parts, count: int, **changes):
    return list(islice(batches(parts, **changes), count))


def test_each_targets_prompt_stands_beside_its_anchors(parts):
    for batch in first(parts, 6):
        assert set(zip(batch.prompts, batch.anchors, strict=True)) <= PAIRS


def test_every_concept_comes_once_in_a_round(parts):
    rows = [prompt for batch in first(parts, 3) for prompt in batch.prompts]  # two rounds of three
    for start in (0, 3):
        named = [concept.target for concept in CONCEPTS for row in rows[start : start + 3] if concept.target in row]
        assert sorted(named) == sorted(concept.target for concept in CONCEPTS)


def test_latents_are_samples_of_the_anchors_images_at_the_denoisers_scale(parts):
    denoiser, anchors = parts
    posteriors = [anchors.posterior(anchor, index) for anchor in (CATS, BEES) for index in range(3)]
    for batch in first(parts, 4):
        for latent in batch.latents:
            away = [((latent / denoiser.scaling - each.mean) / each.deviation).square().mean() for each in posteriors]
            assert 0.7 < min(away) < 1.4  # standard normal around one of them


def test_a_concepts_draws_depend_on_no_other_concept(parts):
    denoiser, anchors = parts
    settings = {"variant": "diffusers", "augment": False, "flip": False, "seed": 0}
    alone = Batches(CONCEPTS[2:], anchors, denoiser, **settings, size=1, preserve=False)
    together = Batches(CONCEPTS, anchors, denoiser, **settings, size=1, preserve=False)
    mine = next(batch for batch in together if "bumblebee" in batch.prompts[0])
    assert torch.equal(mine.noise, next(iter(alone)).noise)


def test_preserving_rows_show_the_anchor_under_its_own_prompt_and_whole(parts):
    (batch,) = first(parts, 1, preserve=True)
    assert len(batch.latents) == 2 * batch.ablated
    assert set(batch.prompts[batch.ablated :]) <= {*CATS.prompts, *BEES.prompts}
    assert batch.mask[batch.ablated :].all()


def test_preserving_rows_may_show_something_else(parts):
    (batch,) = first(parts, 1, preserve=True, prior=BEES)
    assert set(batch.prompts[batch.ablated :]) <= set(BEES.prompts)


@pytest.mark.parametrize(("variant", "border"), [("diffusers", 0.0), ("compvis", 1.0)])
def test_without_augmentation_one_code_masks_the_border_and_the_other_nothing(parts, variant, border):
    (batch,) = first(parts, 1, variant=variant)
    edge = torch.ones(SIDE // 4, SIDE // 4, dtype=torch.bool)
    edge[1:-1, 1:-1] = False
    assert (batch.mask[:, 0, edge] == border).all()
    assert batch.mask[:, 0, ~edge].all()


@pytest.mark.parametrize("variant", ["diffusers", "compvis"])
def test_an_augmented_row_says_in_its_prompt_how_its_image_was_shown(parts, variant):
    prefixes = ("a far away ", "very small ", "zoomed in ", "close up ", "")
    seen = {
        next(prefix for prefix in prefixes if prompt.startswith(prefix))
        for batch in first(parts, 12, augment=True, variant=variant)
        for prompt in batch.prompts
    }
    assert seen == set(prefixes)


def test_of_mixed_concepts_only_objects_are_resized(parts):
    denoiser, anchors = parts
    mixed = [CONCEPTS[0], Concept("van gogh", BEES, (), 2, "style")]
    settings = {"variant": "diffusers", "augment": True, "flip": False, "seed": 0, "size": 2, "preserve": False}
    prompts = [
        prompt for batch in islice(Batches(mixed, anchors, denoiser, **settings), 12) for prompt in batch.prompts
    ]
    styles = [prompt for prompt in prompts if "van gogh" in prompt]
    assert len(styles) == 12
    assert all(prompt.startswith(("in van gogh's style, ", *BEES.prompts)) for prompt in styles)
    assert any(prompt.startswith(("a far away ", "very small ", "zoomed in ")) for prompt in {*prompts} - {*styles})


def test_preserving_rows_are_mirrored_like_the_others(parts):
    _, anchors = parts
    both = [anchors.posterior(BEES, index, mirrored) for index in range(3) for mirrored in (False, True)]
    drawn = set()
    for batch in first(parts, 6, preserve=True, prior=BEES, flip=True):
        for latent in batch.latents[batch.ablated :] / parts[0].scaling:
            away = [float(((latent - each.mean) / each.deviation).square().mean()) for each in both]
            drawn.add(away.index(min(away)) % 2)
    assert drawn == {0, 1}


def test_half_of_the_images_are_mirrored_where_asked(parts):
    denoiser, anchors = parts
    plain = torch.from_numpy(anchors.image(CATS, 0)[None].copy())
    mirrored = torch.from_numpy(anchors.image(CATS, 0, mirrored=True)[None].copy())
    assert torch.equal(mirrored, plain.flip(2))
    wanted, _ = denoiser.encode(prepare_images(mirrored.numpy(), torch.zeros(1, dtype=torch.bool), SIDE))
    assert torch.allclose(anchors.posterior(CATS, 0, mirrored=True).mean, wanted[0], atol=1e-5)


def test_a_stream_is_named_by_what_it_is_for():
    assert RandomStream(seed=1).uniform() == RandomStream(seed=1).uniform()
    assert RandomStream(seed=1).uniform() != RandomStream(seed=2).uniform()


def test_a_random_round_yields_each_index_once():
    numbers = list(islice(RandomStream(seed=1).rounds(4), 12))
    assert [sorted(numbers[start : start + 4]) for start in (0, 4, 8)] == [[0, 1, 2, 3]] * 3
