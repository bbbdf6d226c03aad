"""Time the drawing of an image against a bare pass of the denoiser and diffusers' own pipeline.

    python benchmarks/drawing.py [--model mini] [--count 128] [--rounds 3] [--threads 2] [--device auto] [--write]

Each round measures every stage once, in the same arrangement (passes of fixed size, spread over the cores), on texts of
its own; figures are medians over the rounds, and ratios those of figures within one round. An image needs at least
`steps` bare passes; what it costs beyond them is text, scheduler, decoding and the file. diffusers' pipeline is called
with as many texts as a pass of ours holds, and with one text at a time. `--write` puts the milliseconds into
results/drawing.json, with the time when it began: run it on idle cores and from committed code.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from iceb.models.bundle import ModelBundle
from iceb.models.conditioning import TextReader
from iceb.models.drawing import initial_latents, make_scheduler, texts_to_images
from iceb.models.generator import Generator
from iceb.models.sources import find
from iceb.models.threads import parallel_map
from iceb.runs.provenance import Origin
from iceb.specs.prompts import Prompt
from iceb.specs.run_records import Provenance
from iceb.specs.runs import Sampling
from iceb.stores.images import ImageStore

RESULTS = Path(__file__).parent / "results" / "drawing.json"
BARE, DRAWN, STORED, FOUND = "bare_pass", "drawn", "drawn_and_stored", "found"
TOGETHER, ALONE = "diffusers", "diffusers_one_at_a_time"
Round = dict[str, float]  # milliseconds an image, by stage


def main() -> None:
    """Time each stage, print the table, and write it if asked."""
    asked = arguments()
    torch.set_num_threads(asked.threads or torch.get_num_threads())
    bundle = ModelBundle(find(asked.model), asked.device)
    origin = committed_origin(bundle) if asked.write else None
    theirs = diffusers_pipeline(asked.model, asked.device, bundle.family.sampling)
    one_round(bundle, theirs, 0, min(asked.count, bundle.images_per_pass.size))  # warm up: loading is not measured
    rounds = [one_round(bundle, theirs, number, asked.count) for number in range(1, asked.rounds + 1)]
    print(f"model {asked.model}, {asked.count} images, {torch.get_num_threads()} threads, {bundle.device}; ms an image")
    print(table(rounds, bundle.family.sampling))
    print(f"images differ from diffusers' by at most {largest_difference(bundle, theirs)} of 255")
    if origin is not None:
        kept = {"machine": origin.device, "model": asked.model, "images": asked.count, "rounds": asked.rounds}
        kept |= {"threads": torch.get_num_threads(), "commit": origin.commit, "started": origin.started}
        kept |= {"milliseconds_an_image": {name: round(value, 3) for name, value in medians(rounds).items()}}
        kept |= {"times_as_fast_as_diffusers": {name: round(ratio(rounds, name), 2) for name in (TOGETHER, ALONE)}}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {RESULTS}")


def one_round(bundle: ModelBundle, theirs: Any, number: int, count: int) -> Round:
    """Measure every stage once; texts are this round's, so that none is known from an earlier one."""
    sampling, device = bundle.family.sampling, bundle.device
    prompts = [Prompt(f"a photo of thing {number} {place} on a table", place, "source") for place in range(count)]
    texts = [prompt.text for prompt in prompts]
    latents = initial_latents(bundle, [prompt.seed for prompt in prompts], sampling)
    size = bundle.images_per_pass.size
    with tempfile.TemporaryDirectory() as folder:
        generator = Generator(ImageStore(Path(folder)))
        stages: Mapping[str, Callable[[], object]] = {
            BARE: lambda: bare_passes(bundle, count),
            "text": lambda: read(bundle, texts),
            DRAWN: lambda: texts_to_images(bundle, texts, latents, sampling),
            TOGETHER: lambda: by_diffusers(theirs, texts, latents, sampling, size),
            ALONE: lambda: by_diffusers(theirs, texts, latents, sampling, 1),
            STORED: lambda: generator.draw(bundle, prompts, sampling),
            FOUND: lambda: generator.draw(bundle, prompts, sampling),
        }
        return {name: milliseconds(device, stage, count) for name, stage in stages.items()}


def medians(rounds: Sequence[Round]) -> Round:
    """The median of each stage."""
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def ratio(rounds: Sequence[Round], name: str) -> float:
    """The speed of ours over that of a way of diffusers', the median within rounds."""
    return median(one[name] / one[DRAWN] for one in rounds)


def table(rounds: Sequence[Round], sampling: Sampling) -> str:
    """The figures in words."""
    found = medians(rounds)
    passes, bare = sampling.steps + (1 if sampling.scheduler == "pndm" else 0), found[BARE]
    lines = {
        "one bare denoiser pass (with guidance)": f"{bare:9.2f}",
        f"{passes} bare passes": f"{passes * bare:9.2f}",
        "text": f"{found['text']:9.2f}",
        "drawn": f"{found[DRAWN]:9.2f}  = {found[DRAWN] / bare:.1f} bare passes",
        "drawn and stored": f"{found[STORED]:9.2f}  = {found[STORED] / bare:.1f} bare passes",
        "found in the store": f"{found[FOUND]:9.4f}",
        "diffusers, as many texts in a call": f"{found[TOGETHER]:9.2f}  = {ratio(rounds, TOGETHER):.2f} times ours",
        "diffusers, one text in a call": f"{found[ALONE]:9.2f}  = {ratio(rounds, ALONE):.2f} times ours",
    }
    return "\n".join(f"{name:40}{value}" for name, value in lines.items())


def diffusers_pipeline(model: str, device: str, sampling: Sampling) -> Any:
    """A pipeline of its own, with the scheduler that ours draws with."""
    pipeline = ModelBundle(find(model), device).pipeline
    pipeline.scheduler = make_scheduler(pipeline, sampling)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def by_diffusers(pipeline: Any, texts: Sequence[str], latents: Tensor, sampling: Sampling, size: int) -> Any:
    """Draw images by diffusers' pipeline, `size` texts in a call, (N, height, width, 3) in [0, 1]."""
    drawn = [
        pipeline(
            list(texts[start : start + size]),
            latents=latents[start : start + size].to(pipeline.device, pipeline.unet.dtype),
            num_inference_steps=sampling.steps,
            guidance_scale=sampling.guidance,
            height=sampling.height,
            width=sampling.width,
            output_type="np",
        ).images
        for start in range(0, len(texts), size)
    ]
    return np.concatenate(drawn)


def largest_difference(bundle: ModelBundle, theirs: Any, count: int = 4) -> int:
    """The largest difference of a few images' bytes from those by diffusers."""
    sampling, texts = bundle.family.sampling, [f"a photo of thing {place}" for place in range(count)]
    latents = initial_latents(bundle, range(count), sampling)
    ours = texts_to_images(bundle, texts, latents, sampling).astype(int)
    return int(abs(ours - (by_diffusers(theirs, texts, latents, sampling, count) * 255).round().astype(int)).max())


def committed_origin(bundle: ModelBundle) -> Provenance:
    """The commit and machine that a record names.

    Raises:
        SystemExit: the code is that of no commit.
    """
    origin = Origin.now(bundle.device).to_provenance()
    if origin.commit is None or origin.dirty:
        raise SystemExit("the code is that of no commit, so the record could not say what was timed: commit it first")
    return origin


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini", help="a family, or a folder")
    parser.add_argument("--count", type=int, default=128, help="images to draw")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=None, help="default: torch's own")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--write", action="store_true", help="write results/drawing.json")
    return parser.parse_args()


def milliseconds(device: torch.device, work: Callable[[], object], count: int) -> float:
    """Wall-clock milliseconds per image of `work`, which makes `count` images."""
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - began) / count * 1000


def bare_passes(bundle: ModelBundle, count: int) -> None:
    """Run one denoiser pass with guidance for each of `count` images, and nothing else."""
    unet, size = bundle.pipeline.unet, bundle.images_per_pass.size
    states = TextReader(bundle)(["a photo"] * 2 * size)
    latents = torch.randn(2 * size, unet.config.in_channels, unet.config.sample_size, unet.config.sample_size)
    latents = latents.to(bundle.device, bundle.dtype)
    step = torch.tensor(500, device=bundle.device)
    extra = (
        None if states.pooled is None else {"text_embeds": states.pooled, "time_ids": latents.new_zeros(2 * size, 6)}
    )

    @torch.inference_mode()
    def once(_: int) -> None:
        unet(latents, step, encoder_hidden_states=states.states, added_cond_kwargs=extra, return_dict=False)

    groups = range(0, count, size)
    list(parallel_map(once, groups) if bundle.device.type == "cpu" else map(once, groups))


def read(bundle: ModelBundle, texts: list[str]) -> None:
    """Encode every text, in the arrangement that drawing uses."""
    reader, size = TextReader(bundle), bundle.images_per_pass.size
    groups = [texts[start : start + size] for start in range(0, len(texts), size)]
    once = torch.inference_mode()(reader)
    list(parallel_map(once, groups) if bundle.device.type == "cpu" else map(once, groups))


if __name__ == "__main__":
    main()
