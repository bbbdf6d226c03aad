"""Train mini's denoiser on oracle codes of the looks, then on the frozen text encoder's states.

The first phase needs no text encoder, so both can be trained side by side: the factors of an image's look become a sum
of fixed random vectors, and the context holds the same rows as a sentence (begin, words, names, end, padding). The
second phase starts from it with keys and values turned by the linear map from text states to codes. The third goes on
with sentences half of which give the object another colour than its own, the fourth with sentences about professions,
many of which say a gender, and about styles. In all phases the rows of the names, or the end and padding rows, are
hidden some of the time, so that the denoiser reads either carrier.

Sizes: N images or sentences, B of them in a batch, F factors, d = 128 features.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch import Tensor

from iceb.mini.world import Look
from tools.mini.encoding import Encoded, encoded_sentences
from tools.mini.looks import factor_table, render_looks, scale_pixels
from tools.mini.mixes import Mix
from tools.mini.options import Options
from tools.mini.oracle import HIDE_ALL, code_of
from tools.mini.sizes import WIDTH
from tools.mini.training import Training

CHANNELS = (64, 96)
BATCH = 96
HIDE_SUBJECT, HIDE_SENTENCE = 0.12, 0.12  # shares of the batch
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
FIRST_SEED = 10_000_000  # of the batches; one seed a step, so that a resumed run draws the same

# From the rows of a batch, (B,), to the context that the denoiser reads, (B, T, d), and what of it may be looked at,
# (B, T) bool; None is all of it.
Context = Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor | None]]


def new_unet() -> UNet2DConditionModel:
    """Make the untrained UNet: about 2.5 M parameters, cross-attention at the 4x4 level and in the middle."""
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=WIDTH,
        attention_head_dim=[channels // 32 for channels in CHANNELS],
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )


@dataclass
class Latents:
    """Mean and deviation of encoded images, (N, 4, 8, 8) each, and the factors they show, (N, F)."""

    mean: Tensor
    deviation: Tensor
    factors: Tensor

    def sample(self, rows: Tensor, scaling: float, draw: torch.Generator) -> Tensor:
        """Latents of the images at `rows`, (B,), times `scaling`; (B, 4, 8, 8)."""
        noise = torch.randn(self.mean[rows].shape, generator=draw)
        return (self.mean[rows] + self.deviation[rows] * noise) * scaling


@torch.no_grad()
def encoded_images(vae: AutoencoderKL, looks: Sequence[Look], seed: int) -> Latents:
    """Render every look once and encode it."""
    means, deviations = [], []
    for start in range(0, len(looks), 100):
        found = vae.encode(scale_pixels(render_looks(looks[start : start + 100], seed, start))).latent_dist
        means.append(found.mean)
        deviations.append(found.std)
    return Latents(torch.cat(means), torch.cat(deviations), factor_table(looks))


def prepare_pairs(folder: Path, count: int, seed: int, mix: Mix, options: Options) -> tuple[Encoded, Latents]:
    """Sentences of a mix with their states and an image of each; stored in `folder`."""
    path = folder / f"pairs_{count}_{seed}.pt"
    if not path.exists():
        text, looks = encoded_sentences(folder / "text_encoder", folder / "tokenizer", count, seed, mix, options)
        vae = AutoencoderKL.from_pretrained(folder / "vae").to(memory_format=torch.channels_last)
        latents = encoded_images(vae, looks, seed)
        torch.save({"text": vars(text), "latents": vars(latents)}, path)
    kept = torch.load(path, weights_only=True)
    return Encoded(**kept["text"]), Latents(**kept["latents"])


def text_context(text: Encoded, rows: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """States of 77 rows, (B, 77, d), and the attention mask, (B, 77)."""
    states, mask = text.full(rows)
    lot = torch.rand(len(rows), generator=draw)
    places, end = text.last[rows], text.end[rows]  # (B, 2), (B,)
    named = places[:, 0] >= 0
    position = torch.arange(states.shape[1])
    for place in places.unbind(1):
        mask &= ~(lot < HIDE_SUBJECT)[:, None] | (position[None] != place[:, None])
    mask &= ~((lot > 1 - HIDE_SENTENCE) & named)[:, None] | (position[None] < end[:, None])
    empty = torch.rand(len(rows), generator=draw) < HIDE_ALL
    states[empty], mask[empty] = text.empty, True
    return states, mask


def turn_keys_and_values(unet: UNet2DConditionModel, text: Encoded, latents: Latents) -> None:
    """Map keys and values from codes to text states: W <- W A, A the least-squares map, in float64."""
    first = text.last[:, 0] >= 0
    states = torch.cat([text.at(text.last[:, 0])[first], text.at(text.end), text.at(text.end + 1)]).double()
    whole = code_of(latents.factors)
    codes = torch.cat([code_of(text.meant.long())[first], whole, whole]).double()
    moment = states.T @ states + 1e-3 * len(states) * torch.eye(WIDTH, dtype=torch.float64)
    linear = torch.linalg.solve(moment, states.T @ codes).T.float()  # (d, d), code = A state
    with torch.no_grad():
        for name, weight in unet.named_parameters():
            if "attn2.to_k" in name or "attn2.to_v" in name:
                weight.copy_(weight @ linear)


@cache
def signal_shares() -> Tensor:
    """Share of the clean latent's variance that is left at each timestep, (1000,)."""
    shares: Tensor = DDPMScheduler(**SCHEDULE).alphas_cumprod
    return shares


def loss_of(
    unet: UNet2DConditionModel, latents: Latents, context: Context, scaling: float, draw: torch.Generator
) -> Tensor:
    """Mean squared error of the predicted noise on one batch (arXiv:2006.11239, equation 14), a scalar."""
    rows = torch.randint(len(latents.mean), (BATCH,), generator=draw)
    clean = latents.sample(rows, scaling, draw)  # (B, 4, 8, 8)
    times = torch.randint(1000, (BATCH,), generator=draw)
    noise = torch.randn(clean.shape, generator=draw)
    share = signal_shares()[times][:, None, None, None]
    noisy = share.sqrt() * clean + (1 - share).sqrt() * noise
    states, mask = context(rows, draw)
    guess = unet(noisy.contiguous(memory_format=torch.channels_last), times, states, encoder_attention_mask=mask)
    loss: Tensor = (guess.sample - noise).pow(2).mean()
    return loss


def rate_share(step: int, steps: int) -> float:
    """The learning rate's share of its peak: warm-up, plateau, then linear decay to 2 %."""
    return min(1.0, (step + 1) / 100) * max(0.02, 1 - max(0, step - 0.3 * steps) / (0.7 * steps))


@dataclass(frozen=True)
class Phase:
    """A phase of the training: its steps, the learning rate at its peak, and the seed of its first batch."""

    steps: int
    rate: float
    first_seed: int = FIRST_SEED


@torch.no_grad()
def update_mean(mean: UNet2DConditionModel, unet: UNet2DConditionModel, step: int) -> None:
    """Move the running mean of the weights: fast at first, by 0.2 % a step in the end."""
    torch._foreach_lerp_(list(mean.parameters()), list(unet.parameters()), max(0.002, 10 / (step + 20)))


def fit(
    unet: UNet2DConditionModel, latents: Latents, context: Context, phase: Phase, scaling: float, keep: Path
) -> UNet2DConditionModel:
    """Train noise prediction with Adam, resumable from `keep`; return the running mean of the weights.

    Args:
        unet: changed in place.
        phase: its steps, rate and seed.
        scaling: what latents are multiplied by, so that their deviation is 1.
    """
    optimiser = torch.optim.AdamW(unet.parameters(), lr=phase.rate, betas=(0.9, 0.99), weight_decay=0.005, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_share(step, phase.steps))
    mean, average, begun = copy.deepcopy(unet), None, time.time()
    training = Training({"unet": unet, "mean": mean}, optimiser, schedule, list(unet.parameters()))
    for step in training.steps(keep, training.resume(keep), phase.steps, every=200):
        loss = loss_of(unet, latents, context, scaling, torch.Generator().manual_seed(phase.first_seed + step))
        training.learn(loss)
        update_mean(mean, unet, step)
        average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
        if step % 50 == 0:
            print(
                f"denoiser {keep.stem} {step}/{phase.steps} loss {average:.4f} {time.time() - begun:.0f}s", flush=True
            )
    return mean
