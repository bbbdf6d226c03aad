"""Train mini's judge: a ViT that classifies 1 000 classes by heads for shape, colour and pattern.

A class is a shape, a colour and a pattern, so the sum of the three heads' rows is a 1 000-way head whose softmax is the
product of theirs: the merge at the end is exact. It sees images of one object, in all scenes and sizes, some in a
style, and the halves of images of two objects; the rest of the world (people, styles alone) has no class.

Sizes: N images, B of them in a batch.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

from iceb.mini.halves import halves
from iceb.mini.styles import style_look, style_names
from iceb.mini.world import COLOURS, NUM_CLASSES, PATTERNS, SHAPES, Look, class_look, class_names
from tools.mini.looks import factor_table, load_or_render, random_looks
from tools.mini.training import SEED_SPAN, Training
from tools.mini.views import Views, decode_noisily

BATCH, STEPS, WIDTH = 96, 2400, 96
SINGLES_SEED, PAIRS_SEED, SEEDS = 31, 32, 100  # of the looks, and what a training's own seed adds to them
MORE_STYLED = 0.15  # of the looks of one object that have no style
FIRST_SEED = 30_000_000  # of the batches; one seed a step, so that a resumed run draws the same
SIZES_OF_HEADS = (len(SHAPES), len(COLOURS), len(PATTERNS))
FOLDER = "vit"


class Size(NamedTuple):
    """The size of the training set."""

    singles: int = 24_000  # images of one object
    pairs: int = 3000  # images of two, which are halved
    decoded: int = 8000  # so many of the former exist decoded too
    decoded_pairs: int = 1500  # and of the latter


WHOLE = Size()


def new_judge() -> ViTForImageClassification:
    """Make the untrained ViT: four layers on 4x4 patches; its labels are the class names."""
    names = class_names()
    return ViTForImageClassification(
        ViTConfig(
            hidden_size=WIDTH,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=256,
            image_size=32,
            patch_size=4,
            id2label=dict(enumerate(names)),
            label2id={name: i for i, name in enumerate(names)},
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )


def processor() -> ViTImageProcessor:
    """Make the image processor: uint8 images of 32x32 pixels to [-1, 1]."""
    half = [0.5, 0.5, 0.5]
    return ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=half, image_std=half)


def parts_of(looks: Sequence[Look]) -> Tensor:
    """Shape, colour and pattern of the only object as numbers from 0, (N, 3)."""
    return factor_table(looks)[:, :3] - 1


def objects_of(pairs: Sequence[Look]) -> list[Look]:
    """The left and the right object of each look of two, as looks of one object each, (2N)."""
    found: list[Look] = []
    for look in pairs:
        assert look.second is not None
        left = replace(look, second=None)
        found += [left, replace(left, shape=look.second.shape, colour=look.second.colour, pattern=look.second.pattern)]
    return found


def add_styles(looks: Sequence[Look], seed: int) -> list[Look]:
    """Give a share of the looks that have no style a random one: the grammar's sentences have few."""
    draw, count = np.random.default_rng(seed), len(style_names())
    chosen = [int(draw.integers(count)) if draw.random() < MORE_STYLED else None for _ in looks]
    return [
        look if look.style or style is None else replace(look, style=style_look(style))
        for look, style in zip(looks, chosen, strict=True)
    ]


def cut_pairs(images: Tensor) -> Tensor:
    """Both halves of each image, (N, 3, 32, 32) uint8, as images of their own, (2N, 3, 32, 32)."""
    cut = [half for image in images.permute(0, 2, 3, 1).numpy() for half in halves(image)]
    return torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Lessons:
    """Images with their truth."""

    views: Views
    truth: Tensor  # (N, 3)


def prepare_lessons(folder: Path, vae: AutoencoderKL, seed: int, size: Size) -> Lessons:
    """Make the training set; the renders are stored in `folder`, and `seed` shifts the looks' seeds."""
    first, second = SINGLES_SEED + SEEDS * seed, PAIRS_SEED + SEEDS * seed
    singles = add_styles(random_looks(size.singles, first, {"free": 1.0}), first)
    pairs = [look for look in random_looks(size.pairs, second, {"pair": 1.0}) if not look.style]
    one, two = load_or_render(folder, singles, first), load_or_render(folder, pairs, second)
    soft, softer = (
        decode_noisily(vae, one[: size.decoded], first),
        decode_noisily(vae, two[: size.decoded_pairs], second),
    )
    views = Views.join((one, soft), (cut_pairs(two), cut_pairs(softer)))
    return Lessons(views, torch.cat([parts_of(singles), parts_of(objects_of(pairs))]))


def loss_of(judge: ViTForImageClassification, heads: nn.ModuleList, batch: Tensor, truth: Tensor) -> Tensor:
    """Sum of the heads' cross entropies, a scalar; `batch` (B, 3, 32, 32) in [-1, 1], `truth` (B, 3)."""
    seen = judge.vit(pixel_values=batch).last_hidden_state[:, 0]  # (B, d)
    return torch.stack([cross_entropy(head(seen), truth[:, i]) for i, head in enumerate(heads)]).sum()


def merge_heads(judge: ViTForImageClassification, heads: nn.ModuleList) -> None:
    """Write the 1 000-way head: for each class the sum of its shape's, colour's and pattern's rows."""
    shape, colour, pattern = (cast(nn.Linear, head) for head in heads)
    first, second, third = parts_of([class_look(i) for i in range(NUM_CLASSES)]).unbind(1)  # (1000,) each
    with torch.no_grad():
        judge.classifier.weight.copy_(shape.weight[first] + colour.weight[second] + pattern.weight[third])
        judge.classifier.bias.copy_(shape.bias[first] + colour.bias[second] + pattern.bias[third])


def new_training(judge: ViTForImageClassification, heads: nn.ModuleList, steps: int) -> Training:
    """Set up training: AdamW with a one-cycle learning rate; the 1 000-way head is merged, not trained."""
    trained = [*judge.vit.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.2e-3, steps, pct_start=0.08)
    return Training({"judge": judge, "heads": heads}, optimiser, schedule, trained)


def train(
    folder: Path, vae: AutoencoderKL, steps: int = STEPS, seed: int = 0, size: Size = WHOLE
) -> ViTForImageClassification:
    """Train from scratch or from the last checkpoint in `folder`; write the judge to its folder `vit`."""
    torch.manual_seed(seed)
    lessons, begun = prepare_lessons(folder, vae, seed, size), time.time()
    judge, heads = new_judge(), nn.ModuleList(nn.Linear(WIDTH, size) for size in SIZES_OF_HEADS)
    training, keep = new_training(judge, heads, steps), folder / "judge.pt"
    for step in training.steps(keep, training.resume(keep), steps, every=300):
        draw = torch.Generator().manual_seed(FIRST_SEED + SEED_SPAN * seed + step)
        rows = torch.randint(len(lessons.truth), (BATCH,), generator=draw)
        loss = loss_of(judge, heads, lessons.views.batch(rows, draw), lessons.truth[rows])
        training.learn(loss)
        if step % 100 == 0:
            print(f"judge {step}/{steps} loss {loss.item():.3f} {time.time() - begun:.0f}s", flush=True)
    merge_heads(judge, heads)
    judge.save_pretrained(folder / FOLDER)
    processor().save_pretrained(folder / FOLDER)
    return judge
