"""Measure how far EMCID's value vectors move when the passes of stage I are not in float32.

    python benchmarks/stage1_precision.py [--model mini] [--concepts 4] [--steps 200] [--device cpu] [--threads 1]

All formats take the same images, drawn by the model, and the same random draws. What is printed is the difference of
value vectors z* from float32's in units of their norm, and of the shifts z* - v0, which are what stage I finds. TF32
is measured on a GPU alone: a processor has none.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from emcid_stage1 import TEMPLATES, concepts, stream
from torch import Tensor

from iceb.methods.common.denoiser import Denoiser, prepare_images, without_gradients
from iceb.methods.common.text_encoder import TextTower
from iceb.methods.common.training import training_passes
from iceb.methods.emcid.concepts import Concept
from iceb.methods.emcid.settings import Stage1
from iceb.methods.emcid.stage1 import Step, optimise_values
from iceb.methods.emcid.training_noise import Latents
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import seeded_images
from iceb.models.sources import find
from iceb.specs.runs import Precision


@dataclass(frozen=True)
class Found:
    """Value vectors and shifts, (N, d) each, and the seconds that they took."""

    vectors: Tensor
    shifts: Tensor
    seconds: float


def draw_latents(bundle: ModelBundle, denoiser: Denoiser, work: Sequence[Concept]) -> Latents:
    """Draw the sources' training images and encode them."""
    texts = [prompt for concept in work for prompt in concept.prompts("source")]
    drawn = seeded_images(bundle, texts, range(len(texts)), bundle.family.sampling)
    ready = prepare_images(drawn, torch.zeros(len(texts), dtype=torch.bool), denoiser.pixels)
    return Latents(*denoiser.encode(ready), tuple(range(0, len(texts), len(TEMPLATES))), denoiser.scaling)


def optimise(bundle: ModelBundle, work: Sequence[Concept], steps: int, precision: Precision) -> Found:
    """Run stage I with passes of a precision."""
    pipeline, seen = bundle.pipeline, list[Step]()
    tower = TextTower(pipeline.text_encoder, pipeline.tokenizer)
    denoiser = Denoiser(pipeline.unet, pipeline.vae, pipeline.scheduler, precision)
    latents, draws = draw_latents(bundle, denoiser, work), [stream(denoiser, concept) for concept in work]
    began = time.perf_counter()
    with without_gradients(pipeline.text_encoder, pipeline.unet, pipeline.vae), training_passes(precision):
        found = optimise_values([tower], denoiser, work, Stage1(steps=steps), latents, draws, watch=seen.append)
    vectors, shifts = found.vectors[0][:, 0].cpu(), seen[-1].shifts[0][:, 0].cpu()
    return Found(vectors, shifts, time.perf_counter() - began)


def difference(found: Tensor, exact: Tensor) -> tuple[float, float]:
    """Mean and largest difference of rows, each in units of its norm."""
    apart = (found - exact).norm(dim=-1) / exact.norm(dim=-1)
    return float(apart.mean()), float(apart.max())


def main() -> None:
    """Run stage I in each format and print how far it is from float32."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--concepts", type=int, default=4)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    bundle, work = ModelBundle(find(asked.model), asked.device), concepts(asked.concepts)
    exact = optimise(bundle, work, asked.steps, "float32")
    print(f"{asked.model} on {bundle.device}, {asked.concepts} concepts, {asked.steps} steps: {exact.seconds:.1f} s")
    others: tuple[Precision, ...] = ("tf32", "bfloat16") if bundle.device.type == "cuda" else ("bfloat16",)
    for precision in others:
        found = optimise(bundle, work, asked.steps, precision)
        of_vectors, of_shifts = difference(found.vectors, exact.vectors), difference(found.shifts, exact.shifts)
        print(
            f"{precision}: value vectors differ by {of_vectors[0]:.1e} of their norm (at most {of_vectors[1]:.1e}), "
            f"shifts by {of_shifts[0]:.1e} (at most {of_shifts[1]:.1e}); {found.seconds:.1f} s"
        )


if __name__ == "__main__":
    main()
