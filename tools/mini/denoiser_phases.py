"""The stage that trains mini's denoiser: one phase on oracle codes, the others on text states."""

import json
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from tools.mini import denoiser, mixes
from tools.mini.looks import IMAGES, random_looks
from tools.mini.mixes import Mix
from tools.mini.options import Options
from tools.mini.oracle import oracle_context
from tools.mini.training import SEED_SPAN

ORACLE_STEPS, ORACLE_RATE = 4200, 1.5e-3
PAIRS = 40_000  # sentences of each later phase


class TextPhase(NamedTuple):
    """A phase of the denoiser's training on text states; `seed` is that of its sentences."""

    name: str
    steps: int
    rate: float
    mix: Mix
    seed: int


TEXT_PHASES = (
    TextPhase("denoiser", 2000, 1e-3, mixes.GENERAL, 11),
    TextPhase("colours", 1500, 6e-4, mixes.COLOURS, 12),
    TextPhase("people", 2800, 5e-4, mixes.PEOPLE_AND_STYLES, 14),
)


def denoiser_stage(out: Path, options: Options) -> None:
    """Train and write unet/ and scaling.json, in four phases."""
    torch.manual_seed(options.seed)
    known = oracle_latents(out, options)
    scaling = 1 / known.mean.std().item()
    unet = denoiser.new_unet().to(memory_format=torch.channels_last)

    def phase(steps: int, rate: float) -> denoiser.Phase:
        return denoiser.Phase(options.part_of(steps), rate, denoiser.FIRST_SEED + SEED_SPAN * options.seed)

    def oracle(rows: Tensor, draw: torch.Generator) -> tuple[Tensor, None]:
        return oracle_context(known.factors[rows], draw), None

    unet = denoiser.fit(unet, known, oracle, phase(ORACLE_STEPS, ORACLE_RATE), scaling, out / "oracle.pt")
    for each in TEXT_PHASES:
        said, shown = denoiser.prepare_pairs(out, options.part_of(PAIRS), each.seed, each.mix, options)
        if each is TEXT_PHASES[0]:
            denoiser.turn_keys_and_values(unet, said, shown)
        context, keep = partial(denoiser.text_context, said), out / f"{each.name}.pt"
        unet = denoiser.fit(unet, shown, context, phase(each.steps, each.rate), scaling, keep)
    unet.save_pretrained(out / "unet")
    (out / "scaling.json").write_text(json.dumps(scaling), encoding="utf-8")


def oracle_latents(out: Path, options: Options) -> denoiser.Latents:
    """The encoded images of the first phase, stored in `out`."""
    vae = AutoencoderKL.from_pretrained(out / "vae").to(memory_format=torch.channels_last)
    path = out / "oracle_latents.pt"
    if not path.exists():
        looks = random_looks(options.part_of(IMAGES), 1, pick=options.pick)
        torch.save(vars(denoiser.encoded_images(vae, looks, 1)), path)
    return denoiser.Latents(**torch.load(path, weights_only=True))
