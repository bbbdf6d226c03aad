"""Train mini's CLIP twin on pairs of images and sentences.

The contrastive loss (arXiv:2103.00020) alone learns slowly from small batches, so one linear head for each factor reads
both towers' embeddings: images and sentences are taught one code of the world. The heads are dropped afterwards.

Sizes: B pairs in a batch, F factors, d features of the common space.
"""

import math
import time
from pathlib import Path
from typing import Any

import open_clip
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from iceb.mini.factors import FACTORS
from tools.mini.clip_model import EMBED, encode_trimmed, new_network, save_network, tokenizer
from tools.mini.clip_pairs import Pairs, more_sentences, prepare_pairs
from tools.mini.looks import IMAGES
from tools.mini.training import SEED_SPAN, Training

BATCH, MORE, STEPS = 96, 96, 2400  # pairs in a batch, sentences without an image beside them
DECODED = 10_000
RATE, TABLE_RATE = 1e-3, 4e-3  # of all weights, and of the token table, whose rows are seldom seen
CONTRAST_WEIGHT = 1.0
MOST_SCALE = math.log(100)  # of the logarithm of what cosines are multiplied by, as in CLIP
PAIRS_SEED, SEEDS = 41, 100  # of the pairs, and what a training's own seed adds to it
FOLDER = "clip"
FIRST_SEED = 40_000_000  # of the batches; one seed a step, so that a resumed run draws the same


def new_heads() -> nn.ModuleList:
    """Make a head for each factor, which reads an embedding of norm √d."""
    return nn.ModuleList(nn.Linear(EMBED, count) for count in FACTORS.values())


def factor_loss(heads: nn.ModuleList, embedded: Tensor, factors: Tensor) -> Tensor:
    """Sum of the heads' cross entropies, a scalar; `embedded` (B, d) of norm 1, `factors` (B, F)."""
    seen = math.sqrt(EMBED) * embedded
    return torch.stack([cross_entropy(head(seen), factors[:, k]) for k, head in enumerate(heads)]).sum()


def contrast(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """CLIP's symmetric cross entropy of embeddings (B, d) of norm 1, a scalar."""
    logits = scale.exp() * images @ texts.T
    truth = torch.arange(len(logits))
    return (cross_entropy(logits, truth) + cross_entropy(logits.T, truth)) / 2


def loss_of(
    network: open_clip.CLIP, heads: nn.ModuleList, pairs: Pairs, more: tuple[Tensor, Tensor], draw: torch.Generator
) -> Tensor:
    """The losses of one batch: contrast, the factors of images and sentences, those of more sentences."""
    rows = pairs.sample(BATCH, draw)
    images = normalize(network.visual(pairs.views.batch(rows, draw)), dim=-1)
    texts = normalize(encode_trimmed(network, torch.cat([pairs.ids[rows], more[0]])), dim=-1)
    seen = contrast(images, texts[: len(rows)], network.logit_scale)
    spoken = torch.cat([pairs.factors[rows], more[1]])
    return CONTRAST_WEIGHT * seen + factor_loss(heads, images, pairs.factors[rows]) + factor_loss(heads, texts, spoken)


def new_training(network: open_clip.CLIP, heads: nn.ModuleList, steps: int) -> Training:
    """Set up training: AdamW with a one-cycle learning rate, a higher one for the token table."""
    table = network.token_embedding.weight
    others: list[nn.Parameter] = [weight for weight in network.parameters() if weight is not table] + list(
        heads.parameters()
    )
    groups: list[dict[str, Any]] = [{"params": others}, {"params": [table], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98), weight_decay=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [RATE, TABLE_RATE], steps, pct_start=0.08)
    return Training({"network": network, "heads": heads}, optimiser, schedule, [*others, table])


def train(
    folder: Path, vae: AutoencoderKL, steps: int = STEPS, seed: int = 0, images: int = IMAGES, decoded: int = DECODED
) -> open_clip.CLIP:
    """Train from scratch or from the last checkpoint in `folder`; write the model to its folder `clip`.

    Args:
        images: how many pairs it is trained on.
        decoded: how many of them exist decoded too.
    """
    torch.manual_seed(seed)
    tokenize, begun = tokenizer(), time.time()
    pairs = prepare_pairs(folder, vae, tokenize, images, decoded, PAIRS_SEED + SEEDS * seed)
    network, heads = new_network(), new_heads()
    training, keep = new_training(network, heads, steps), folder / "clip.pt"
    for step in training.steps(keep, training.resume(keep), steps, every=200):
        draw = torch.Generator().manual_seed(FIRST_SEED + SEED_SPAN * seed + step)
        loss = loss_of(network, heads, pairs, more_sentences(MORE, tokenize, (seed, step)), draw)
        training.learn(loss)
        with torch.no_grad():
            network.logit_scale.clamp_(0, MOST_SCALE)
        if step % 50 == 0:
            print(f"clip {step}/{steps} loss {loss.item():.3f} {time.time() - begun:.0f}s", flush=True)
    save_network(network, folder / FOLDER)
    return network
