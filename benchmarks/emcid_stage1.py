"""Compare EMCID's stage I in batches with one concept at a time: difference and speed.

    python benchmarks/emcid_stage1.py [FOLDER] [--concepts 12] [--steps 10] [--batch 12] [--threads 1]

FOLDER is a diffusers Stable Diffusion folder (default: the embedded model). Both runs take the same draws, so the value
vectors may differ by float error only. The training images are drawn at random here: drawing is not what is measured.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from iceb.methods.common.denoiser import Denoiser, without_gradients
from iceb.methods.common.text_encoder import TextTower, slices
from iceb.methods.emcid.concepts import Concept
from iceb.methods.emcid.settings import Stage1
from iceb.methods.emcid.stage1 import optimise_values
from iceb.methods.emcid.training_noise import DrawStream, Latents

NAMES = [
    "golden retriever",
    "steam locomotive",
    "acoustic guitar",
    "lemon",
    "chocolate cake",
    "lighthouse",
    "snow leopard",
    "school bus",
    "teapot",
    "umbrella",
    "violin",
    "hot-air balloon",
    "castle",
    "barn",
    "fire engine",
    "tabby cat",
    "grand piano",
    "library",
    "bee",
    "canoe",
]
TEMPLATES = ("An image of {}", "A photo of {}", "{}")


def concepts(count: int) -> list[Concept]:
    """Make concepts whose names have different lengths."""
    chosen = [NAMES[index % len(NAMES)] for index in range(count)]
    return [Concept(name, NAMES[(i + 7) % len(NAMES)], TEMPLATES, seed=i) for i, name in enumerate(chosen)]


def run(
    tower: TextTower, denoiser: Denoiser, work: Sequence[Concept], settings: Stage1, batch: int
) -> tuple[Tensor, float]:
    """Optimise value vectors (N, d); return them and the seconds taken."""
    start, found = time.perf_counter(), []
    for first, last in slices(len(work), batch):
        part = work[first:last]
        draws = [DrawStream(concept.seed, 3, 1, denoiser.latent_shape, denoiser.timesteps) for concept in part]
        mean = torch.cat(
            [
                torch.randn(3, *denoiser.latent_shape, generator=torch.Generator().manual_seed(concept.seed))
                for concept in part
            ]
        ).to(denoiser.device)
        latents = Latents(mean, 0.1 * mean.abs(), tuple(range(0, len(mean), 3)), denoiser.scaling)
        found.append(optimise_values([tower], denoiser, part, settings, latents, draws).vectors[0][:, 0])
    return torch.cat(found).cpu(), time.perf_counter() - start  # once a GPU has finished


def main() -> None:
    """Run both ways and print one line of figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parents[1] / "iceb" / "mini" / "weights" / "pipeline"
    parser.add_argument("folder", nargs="?", type=Path, default=here)
    parser.add_argument("--concepts", type=int, default=12)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(asked.folder, torch_dtype=torch.float32)
    tower = TextTower(pipeline.text_encoder, pipeline.tokenizer)
    denoiser = Denoiser(pipeline.unet, pipeline.vae, pipeline.scheduler)
    work, settings = concepts(asked.concepts), Stage1(steps=asked.steps)
    with without_gradients(pipeline.text_encoder, pipeline.unet, pipeline.vae):
        run(tower, denoiser, work[:1], settings, 1)  # warm up
        together, fast = run(tower, denoiser, work, settings, asked.batch)
        alone, slow = run(tower, denoiser, work, settings, 1)
    apart = float((together - alone).norm() / alone.norm())
    print(
        f"{asked.concepts} concepts, {asked.steps} steps: one at a time {slow:.2f} s, "
        f"batches of {asked.batch} {fast:.2f} s, {slow / fast:.1f} times faster; "
        f"value vectors differ by {apart:.1e} of their norm"
    )


if __name__ == "__main__":
    main()
