"""Compare EMCID's stage I in batches with one concept at a time and with a literal form.

    python benchmarks/emcid_stage1.py [FOLDER] [--concepts 12] [--steps 10] [--batch 12] [--rounds 3] [--threads 1]

FOLDER is a diffusers Stable Diffusion folder (default: the embedded model). The literal form (literal_stage1.py) is one
concept at a time on the libraries' own modules, as the authors' program has it. All ways take the same images and
draws, so the value vectors may differ by float error only; they are timed in turn, round by round, and ratios are
medians of those within a round. The training images are random here: drawing them is not what is measured.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from literal_stage1 import Draw, LiteralStage1
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
LITERAL, ALONE, TOGETHER = "literal, one concept at a time", "ours, one concept at a time", "ours, in batches"


def concepts(count: int) -> list[Concept]:
    """Make concepts whose names have different lengths."""
    chosen = [NAMES[index % len(NAMES)] for index in range(count)]
    return [Concept(name, NAMES[(i + 7) % len(NAMES)], TEMPLATES, seed=i) for i, name in enumerate(chosen)]


def images(concept: Concept, side: int) -> Tensor:
    """Make random training images of a concept, (P, 3, side, side) in [−1, 1]."""
    generator = torch.Generator().manual_seed(concept.seed)
    return torch.rand(len(concept.templates), 3, side, side, generator=generator) * 2 - 1


def random_moments(denoiser: Denoiser, work: Sequence[Concept]) -> tuple[Tensor, Tensor]:
    """Moments of latents as if images had been encoded: mean and deviation, (N, c, h, w) each."""
    shape, count = denoiser.latent_shape, len(TEMPLATES)
    each = [torch.randn(count, *shape, generator=torch.Generator().manual_seed(concept.seed)) for concept in work]
    mean = torch.cat(each).to(denoiser.device)
    return mean, 0.1 * mean.abs()


def encoded_moments(denoiser: Denoiser, work: Sequence[Concept]) -> tuple[Tensor, Tensor]:
    """Moments of the concepts' images, encoded."""
    return denoiser.encode(torch.cat([images(concept, denoiser.pixels) for concept in work]))


def run(
    tower: TextTower,
    denoiser: Denoiser,
    work: Sequence[Concept],
    settings: Stage1,
    batch: int,
    moments: Callable[[Denoiser, Sequence[Concept]], tuple[Tensor, Tensor]] = random_moments,
) -> tuple[Tensor, float]:
    """Optimise value vectors (N, d); return them and the seconds taken."""
    start, found = time.perf_counter(), []
    for first, last in slices(len(work), batch):
        part = work[first:last]
        mean, deviation = moments(denoiser, part)
        latents = Latents(mean, deviation, tuple(range(0, len(mean), len(TEMPLATES))), denoiser.scaling)
        draws = [stream(denoiser, concept) for concept in part]
        found.append(optimise_values([tower], denoiser, part, settings, latents, draws).vectors[0][:, 0])
    return torch.cat(found).cpu(), time.perf_counter() - start  # once a GPU has finished


def stream(denoiser: Denoiser, concept: Concept) -> DrawStream:
    """The random draws of a concept."""
    return DrawStream(concept.seed, len(concept.templates), 1, denoiser.latent_shape, denoiser.timesteps)


def run_literally(
    literal: LiteralStage1, denoiser: Denoiser, work: Sequence[Concept], steps: int
) -> tuple[Tensor, float]:
    """Optimise value vectors (N, d) by the literal form; return them and the seconds taken.

    Args:
        denoiser: says how large images and draws are, and nothing else.
    """
    start, found = time.perf_counter(), []
    for concept in work:
        drawn = stream(denoiser, concept)
        draws = [Draw(**vars(drawn.step())) for _ in range(steps)]
        shown = images(concept, denoiser.pixels)[None]
        found.append(literal.value(concept.source, concept.dest, concept.templates, shown, draws))
    return torch.stack(found).cpu(), time.perf_counter() - start


def ways(pipeline: Any, work: Sequence[Concept], steps: int, batch: int) -> Mapping[str, Callable[[], Any]]:
    """Ways of stage I; each returns value vectors and seconds."""
    tower = TextTower(pipeline.text_encoder, pipeline.tokenizer)
    denoiser = Denoiser(pipeline.unet, pipeline.vae, pipeline.scheduler)
    literal, settings = LiteralStage1(pipeline), Stage1(steps=steps)
    return {
        LITERAL: lambda: run_literally(literal, denoiser, work, steps),
        ALONE: lambda: run(tower, denoiser, work, settings, 1, encoded_moments),
        TOGETHER: lambda: run(tower, denoiser, work, settings, batch, encoded_moments),
    }


def compare(pipeline: Any, work: Sequence[Concept], steps: int, batch: int, rounds: int) -> dict[str, Any]:
    """Time each way in turn: seconds by round and way, and vectors' difference from the literal ones."""
    with without_gradients(pipeline.text_encoder, pipeline.unet, pipeline.vae):
        for way in ways(pipeline, work[:1], 1, 1).values():
            way()  # warm up
        each = ways(pipeline, work, steps, batch)
        found = [{name: way() for name, way in each.items()} for _ in range(rounds)]
    exact = found[0][LITERAL][0]
    apart = {name: float((values - exact).norm() / exact.norm()) for name, (values, _) in found[0].items()}
    return {"rounds": [{name: seconds for name, (_, seconds) in one.items()} for one in found], "apart": apart}


def main() -> None:
    """Run all ways and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parents[1] / "iceb" / "mini" / "weights" / "pipeline"
    parser.add_argument("folder", nargs="?", type=Path, default=here)
    parser.add_argument("--concepts", type=int, default=12)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(asked.folder, torch_dtype=torch.float32)
    found = compare(pipeline, concepts(asked.concepts), asked.steps, asked.batch, asked.rounds)
    print(f"{asked.concepts} concepts, {asked.steps} steps, batches of {asked.batch}, {asked.rounds} rounds in turn:")
    for name, apart in found["apart"].items():
        seconds = median(one[name] for one in found["rounds"])
        times = median(one[LITERAL] / one[name] for one in found["rounds"])
        print(f"{name:31} {seconds:8.2f} s, {times:5.2f} times as fast; vectors differ by {apart:.1e} of their norm")


if __name__ == "__main__":
    main()
