"""Time the drawing of one image against one bare pass of the denoiser.

    python benchmarks/drawing.py [--model mini] [--count 128] [--threads 2] [--device auto] [--write]

Everything is measured in one run, in the same arrangement (passes of fixed size, spread over the cores). An image
needs at least `steps` bare passes; what it costs beyond them is text, scheduler, decoding and the file. `--write` puts
the milliseconds into results/drawing.json, with the time when it began: run it on idle cores and from committed code.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from iceb.models.bundle import ModelBundle
from iceb.models.conditioning import TextReader
from iceb.models.drawing import initial_latents, texts_to_images
from iceb.models.generator import Generator
from iceb.models.sources import find
from iceb.models.threads import parallel_map
from iceb.runs.provenance import Origin
from iceb.specs.prompts import Prompt
from iceb.specs.run_records import Provenance
from iceb.stores.images import ImageStore

RESULTS = Path(__file__).parent / "results" / "drawing.json"


def main() -> None:
    """Time each stage, print the table, and write it if asked."""
    asked = arguments()
    torch.set_num_threads(asked.threads or torch.get_num_threads())
    bundle = ModelBundle(find(asked.model), asked.device)
    origin = committed_origin(bundle) if asked.write else None
    sampling = bundle.family.sampling
    prompts = [Prompt(f"a photo of thing number {index} on a table", index, "source") for index in range(asked.count)]
    texts, seeds = [prompt.text for prompt in prompts], [prompt.seed for prompt in prompts]
    latents = initial_latents(bundle, seeds, sampling)
    texts_to_images(bundle, texts[:1], latents[:1], sampling)  # warm up, so that loading is not measured
    bare = milliseconds(bundle, lambda: bare_passes(bundle, asked.count), asked.count)
    text = milliseconds(bundle, lambda: read(bundle, texts), asked.count)
    drawn = milliseconds(bundle, lambda: texts_to_images(bundle, texts, latents, sampling), asked.count)
    with tempfile.TemporaryDirectory() as folder:
        generator = Generator(ImageStore(Path(folder)))
        stored = milliseconds(bundle, lambda: generator.draw(bundle, prompts, sampling), asked.count)
        again = milliseconds(bundle, lambda: generator.draw(bundle, prompts, sampling), asked.count)
    passes = sampling.steps + (1 if sampling.scheduler == "pndm" else 0)
    print(f"model {asked.model}, {asked.count} images, {torch.get_num_threads()} threads, {bundle.device}; ms an image")
    print(f"one bare denoiser pass (with guidance)  {bare:9.2f}")
    print(f"{passes} bare passes                          {passes * bare:9.2f}")
    print(f"text                                    {text:9.2f}")
    print(f"drawn                                   {drawn:9.2f}  = {drawn / bare:.1f} bare passes")
    print(f"drawn and stored                        {stored:9.2f}  = {stored / bare:.1f} bare passes")
    print(f"found in the store                      {again:9.4f}")
    if origin is not None:
        stages = {"bare_pass": bare, "text": text, "drawn": drawn, "drawn_and_stored": stored, "found": again}
        kept = {"machine": origin.device, "model": asked.model, "images": asked.count}
        kept |= {"threads": torch.get_num_threads(), "commit": origin.commit, "started": origin.started}
        kept |= {"milliseconds_an_image": {name: round(value, 3) for name, value in stages.items()}}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {RESULTS}")


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
    parser.add_argument("--threads", type=int, default=None, help="default: torch's own")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--write", action="store_true", help="write results/drawing.json")
    return parser.parse_args()


def milliseconds(bundle: ModelBundle, work: Callable[[], object], count: int) -> float:
    """Wall-clock milliseconds per image of `work`, which makes `count` images."""
    began = time.perf_counter()
    work()
    if bundle.device.type == "cuda":
        torch.cuda.synchronize(bundle.device)
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
