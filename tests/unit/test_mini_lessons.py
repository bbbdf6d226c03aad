"""Training of mini's judges: what is in a batch, what the losses ask for, and that the judge's heads merge exactly."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from iceb.metrics.measures.classifier import load_backbone
from iceb.mini.clip_twin import ClipTwin
from iceb.mini.entities import entity_look, entity_names
from iceb.mini.factors import FACTORS
from iceb.mini.grammar import WEIGHTS
from iceb.mini.halves import halves
from iceb.mini.render import render
from iceb.mini.world import NUM_CLASSES, Thing, class_look
from tools.mini import clip_twin as twin_stage
from tools.mini import judge as judge_stage
from tools.mini.autoencoder import new_autoencoder
from tools.mini.clip_model import EMBED, encode_trimmed, new_network, save_network, tokenizer
from tools.mini.clip_pairs import GROUPS, LONGEST, Pairs, first_of_each, group_masks, more_sentences, random_sentences
from tools.mini.clip_twin import contrast, factor_loss, new_heads, new_training
from tools.mini.judge import (
    SIZES_OF_HEADS,
    WIDTH,
    add_styles,
    cut_pairs,
    loss_of,
    merge_heads,
    new_judge,
    objects_of,
    parts_of,
)
from tools.mini.looks import factor_table, random_looks, render_looks, scale_pixels
from tools.mini.views import Views, disturb


@pytest.fixture(scope="module")
def pairs():
    said = random_sentences(300, 4)
    looks = [each.look for each in said]
    images = torch.zeros(300, 3, 32, 32, dtype=torch.uint8)
    views = Views.join((images, images[:10]))
    return Pairs(views, tokenizer()([each.text for each in said]), factor_table(looks))


def test_sentences_are_those_of_the_stored_looks():
    assert [each.look for each in random_sentences(50, 9)] == random_looks(50, 9)


def test_no_two_of_a_batch_have_one_look_or_one_text(pairs):
    for seed in range(20):
        rows = pairs.sample(64, torch.Generator().manual_seed(seed))
        assert 0 < len(rows) <= 64
        assert len(set(map(tuple, pairs.factors[rows].tolist()))) == len(rows)
        assert len(set(map(tuple, pairs.ids[rows].tolist()))) == len(rows)


def test_the_sentences_of_a_batch_are_short(pairs):
    for seed in range(20):
        rows = pairs.sample(64, torch.Generator().manual_seed(seed))
        assert int(pairs.ids[rows].argmax(dim=-1).max()) < LONGEST


def test_only_the_first_of_equal_rows_is_kept():
    rows = torch.tensor([[1, 2], [3, 4], [1, 2], [3, 5], [3, 4]])
    assert first_of_each(rows).tolist() == [True, True, False, True, False]


def test_an_image_belongs_to_one_group_at_most_and_to_all(pairs):
    masks = torch.stack(group_masks(pairs.factors))
    assert len(masks) == len(GROUPS)
    assert masks[-1].all()
    assert int(masks[:-1].sum(dim=0).max()) == 1
    assert (masks.sum(dim=1) > 10).all()


def test_more_sentences_are_the_same_for_the_same_seeds():
    one, other, third = (more_sentences(20, tokenizer(), seeds) for seeds in ((0, 5), (0, 5), (0, 6)))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])
    assert not torch.equal(one[0][:5], third[0][:5])
    assert one[1].shape[1] == len(FACTORS)


def test_joined_images_keep_their_decoded_versions():
    def plain(value, count):
        return torch.full((count, 3, 32, 32), value, dtype=torch.uint8)

    views = Views.join((plain(10, 3), plain(11, 2)), (plain(20, 2), plain(21, 1)))
    assert views.place.tolist() == [0, 1, -1, 2, -1]
    shown = {int(views.images[k, 0, 0, 0]): int(views.decoded[p, 0, 0, 0]) for k, p in enumerate(views.place) if p >= 0}
    assert shown == {10: 11, 20: 21}


def test_disturbed_images_stay_images_and_keep_their_content():
    images = torch.linspace(-1, 1, 32).expand(8, 3, 32, 32)
    changed = disturb(images, torch.Generator().manual_seed(0))
    assert changed.shape == images.shape
    assert changed.abs().max() <= 1
    assert 0 < (changed - images).abs().mean() < 0.2


# The judge


def test_a_classs_parts_tell_it_from_all_others():
    parts = parts_of([class_look(i) for i in range(NUM_CLASSES)])
    assert len(set(map(tuple, parts.tolist()))) == NUM_CLASSES
    assert [int(parts[:, k].max()) + 1 for k in range(3)] == list(SIZES_OF_HEADS)


def test_the_merged_head_is_the_product_of_the_three():
    torch.manual_seed(0)
    judge, heads = new_judge().eval(), nn.ModuleList(nn.Linear(WIDTH, size) for size in SIZES_OF_HEADS)
    merge_heads(judge, heads)
    batch = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        found = judge(pixel_values=batch).logits.softmax(dim=-1)  # (2, 1000)
        seen = judge.vit(pixel_values=batch).last_hidden_state[:, 0]
        shape, colour, pattern = (head(seen).softmax(dim=-1) for head in heads)
    parts = parts_of([class_look(i) for i in range(NUM_CLASSES)])
    product = shape[:, parts[:, 0]] * colour[:, parts[:, 1]] * pattern[:, parts[:, 2]]
    assert torch.allclose(found, product, rtol=1e-4, atol=1e-8)


def test_the_judges_loss_falls_on_one_batch():
    torch.manual_seed(0)
    judge, heads = new_judge(), nn.ModuleList(nn.Linear(WIDTH, size) for size in SIZES_OF_HEADS)
    looks = [class_look(i) for i in (0, 205, 777, 999)]
    batch, truth = render_looks(looks, 1).float() / 127.5 - 1, parts_of(looks)
    optimiser = torch.optim.AdamW([*judge.vit.parameters(), *heads.parameters()], lr=1e-3)
    losses = []
    for _ in range(12):
        loss = loss_of(judge, heads, batch, truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def test_styles_are_added_and_none_is_taken_away_and_objects_stay():
    looks = random_looks(800, 6, {"free": 1.0})
    changed = add_styles(looks, 6)
    assert all(new.style == old.style for new, old in zip(changed, looks, strict=True) if old.style)
    assert [replace(look, style=None) for look in changed] == [replace(look, style=None) for look in looks]
    assert 0.2 < np.mean([look.style is not None for look in changed]) < 0.3


def test_a_pair_is_cut_into_its_objects_left_first():
    look = replace(class_look(3), scene="beach", second=Thing("ring", "pink", "halved"))
    left, right = objects_of([look])
    assert left == replace(class_look(3), scene="beach")
    assert (right.shape, right.colour, right.pattern, right.scene, right.second) == (
        "ring",
        "pink",
        "halved",
        "beach",
        None,
    )
    images = render_looks([look], 2)
    cut = cut_pairs(images).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(cut, np.stack(halves(images[0].permute(1, 2, 0).numpy())))


def test_no_kind_of_sentence_is_left_out_of_the_twins_pairs(pairs):
    """But "noise", words that make no sentence, and "template", which are sentences about one class as well."""
    assert set(WEIGHTS) >= {"free", "style", "person", "pair", "scene"}
    assert ((pairs.factors > 0).sum(dim=0) > 0).all()


# The CLIP twin


def test_the_loss_of_pairs_is_least_where_each_matches_its_own():
    scale = torch.tensor(3.0)
    codes = torch.eye(4)
    right, wrong = contrast(codes, codes, scale), contrast(codes, codes.roll(1, dims=0), scale)
    assert right < 1e-6 < 10 < wrong


def test_the_factors_loss_is_that_of_a_guess_while_heads_say_nothing():
    heads = new_heads()
    for head in heads:
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    guess = sum(np.log(count) for count in FACTORS.values())
    factors = torch.zeros(3, len(FACTORS), dtype=torch.int64)
    assert factor_loss(heads, torch.randn(3, EMBED), factors).item() == pytest.approx(guess, rel=1e-5)


@pytest.fixture(scope="module")
def eight():
    """Eight entities of all kinds: their names in prompts, two images of each, and their factors."""
    entities = [0, 207, 999, 1003, 1500, 2600, 2700, 2800]
    looks = [entity_look(each) for each in entities]
    images = [np.stack([render(look, seed) for look in looks]) for seed in (1, 2)]
    return [f"a photo of {entity_names(each)[0]}" for each in entities], images, factor_table(looks)


def test_training_on_pairs_lets_prompts_name_unseen_images(eight, tmp_path):
    texts, (seen, unseen), factors = eight
    torch.manual_seed(1)
    learner, heads, ids = new_network(), new_heads(), tokenizer()(texts)
    training, images = new_training(learner, heads, 30), scale_pixels(torch.from_numpy(seen).permute(0, 3, 1, 2))
    for _ in range(30):
        shown = torch.nn.functional.normalize(learner.visual(images), dim=-1)
        said = torch.nn.functional.normalize(encode_trimmed(learner, ids), dim=-1)
        training.learn(
            contrast(shown, said, learner.logit_scale)
            + factor_loss(heads, shown, factors)
            + factor_loss(heads, said, factors)
        )
    save_network(learner, tmp_path)
    assert ClipTwin.load(tmp_path).nearest_text(list(unseen), texts).tolist() == list(range(8))


# Stages


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return new_autoencoder()


def test_the_judges_stage_writes_a_model_and_is_not_repeated(vae, tmp_path, monkeypatch):
    monkeypatch.setattr(judge_stage, "BATCH", 4)
    size = judge_stage.Size(singles=12, pairs=6, decoded=4, decoded_pairs=2)
    first = judge_stage.train(tmp_path, vae, steps=2, seed=3, size=size)
    monkeypatch.setattr(judge_stage, "loss_of", None)  # no step is left
    again = judge_stage.train(tmp_path, vae, steps=2, seed=3, size=size)
    shipped = load_backbone(tmp_path / "vit").network
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name
        assert torch.equal(weight, shipped.state_dict()[name]), name


def test_the_twins_stage_writes_a_model_and_is_not_repeated(vae, tmp_path, monkeypatch):
    monkeypatch.setattr(twin_stage, "BATCH", 4)
    monkeypatch.setattr(twin_stage, "MORE", 4)
    first = twin_stage.train(tmp_path, vae, steps=2, seed=3, images=60, decoded=4)
    monkeypatch.setattr(twin_stage, "loss_of", None)
    again = twin_stage.train(tmp_path, vae, steps=2, seed=3, images=60, decoded=4)
    shipped = ClipTwin.load(tmp_path / "clip").network
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name
        assert torch.equal(weight.half().float(), shipped.state_dict()[name]), name
