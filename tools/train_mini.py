"""Train the embedded model `mini` from scratch: text, autoencoder, denoiser, judge; resumable.

    python tools/train_mini.py --out build/mini               # everything; hours on two CPU cores, minutes on a GPU box
    python tools/train_mini.py --out build/mini --stage text  # one stage
    python tools/train_mini.py --out build/mini --stage export

Each stage goes on from its checkpoint in --out; the judge, a matter of minutes, starts anew. `export` writes
iceb/mini/weights: a plain diffusers directory and the judge, stored in half precision. What the result reaches is
measured by `python tools/measure_mini.py`.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, ViTForImageClassification

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.models.exporting import load_as_float32
from tools.mini import autoencoder, denoiser, judge, text
from tools.mini.looks import IMAGES, random_looks
from tools.mini.text import Encoded
from tools.mini.tokenizer import make_tokenizer

WEIGHTS = Path(__file__).parents[1] / "iceb/mini/weights"
PAIRS, PAIRS_SEED = 40_000, 11
ORACLE_STEPS, ORACLE_RATE = 1500, 1.5e-3
TEXT_STEPS, TEXT_RATE = 3400, 1e-3
# A third of the plain sentences makes about half of all recolour their object: with the grammar's own quarter, one
# image in eight blended the colour asked for with the class's.
COLOUR_SEED, PLAIN_SHARE = 12, 1 / 3
COLOUR_STEPS, COLOUR_RATE = 3000, 6e-4


def text_stage(out: Path) -> None:
    """Train and write text_encoder/ and tokenizer/."""
    text.train(out, make_tokenizer(out / "tokenizer")).save_pretrained(out / "text_encoder")


def autoencoder_stage(out: Path) -> None:
    """Train and write vae/."""
    autoencoder.train(out).save_pretrained(out / "vae")


def denoiser_stage(out: Path) -> None:
    """Train and write unet/ and scaling.json, in three phases."""
    torch.manual_seed(0)
    known = oracle_latents(out)
    scaling = 1 / known.mean.std().item()
    unet = denoiser.new_unet().to(memory_format=torch.channels_last)

    def oracle(rows: Tensor, draw: torch.Generator) -> tuple[Tensor, None]:
        return denoiser.oracle_context(known.factors[rows], draw), None

    unet = denoiser.fit(unet, known, oracle, ORACLE_STEPS, ORACLE_RATE, scaling, out / "oracle.pt")
    said, shown = denoiser.prepare_pairs(out, PAIRS, PAIRS_SEED)
    denoiser.turn_keys_and_values(unet, said, shown)
    unet = denoiser.fit(unet, shown, context_of(said), TEXT_STEPS, TEXT_RATE, scaling, out / "denoiser.pt")
    said, shown = denoiser.prepare_pairs(out, PAIRS, COLOUR_SEED, PLAIN_SHARE)
    unet = denoiser.fit(unet, shown, context_of(said), COLOUR_STEPS, COLOUR_RATE, scaling, out / "colours.pt")
    unet.save_pretrained(out / "unet")
    (out / "scaling.json").write_text(json.dumps(scaling), encoding="utf-8")


def context_of(said: Encoded) -> denoiser.Context:
    """The denoiser's context in the second and third phase: text states, with some rows hidden."""

    def context(rows: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        return denoiser.text_context(said, rows, draw)

    return context


def oracle_latents(out: Path) -> denoiser.Latents:
    """The encoded images of the first phase, stored in `out`."""
    vae = AutoencoderKL.from_pretrained(out / "vae").to(memory_format=torch.channels_last)
    path = out / "oracle_latents.pt"
    if not path.exists():
        torch.save(vars(denoiser.encoded_images(vae, random_looks(IMAGES, 1), 1)), path)
    return denoiser.Latents(**torch.load(path, weights_only=True))


def judge_stage(out: Path) -> None:
    """Train and write vit/."""
    judge.train(out, AutoencoderKL.from_pretrained(out / "vae")).save_pretrained(out / "vit")
    judge.processor().save_pretrained(out / "vit")


def export_stage(out: Path) -> None:
    """Write the shipped weights: the pipeline folder and the judge, float16 safetensors."""
    vae = AutoencoderKL.from_pretrained(out / "vae", torch_dtype=torch.float16)
    vae.register_to_config(scaling_factor=json.loads((out / "scaling.json").read_text(encoding="utf-8")))
    unet = UNet2DConditionModel.from_pretrained(out / "unet", torch_dtype=torch.float16)
    for part in (vae, unet):
        part.register_to_config(_name_or_path="mini")  # else the shipped files name the folder they were made in
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel.from_pretrained(out / "text_encoder", dtype=torch.float16),
        tokenizer=make_tokenizer(out / "tokenizer"),
        unet=unet,
        scheduler=DDIMScheduler(**denoiser.SCHEDULE, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    twin = ViTForImageClassification.from_pretrained(out / "vit", dtype=torch.float16)
    for name, shipped in {"pipeline": pipeline, "vit": twin}.items():
        shutil.rmtree(WEIGHTS / name, ignore_errors=True)
        shipped.save_pretrained(WEIGHTS / name, safe_serialization=True)
    load_as_float32(WEIGHTS / "pipeline")
    judge.processor().save_pretrained(WEIGHTS / "vit")


STAGES = {
    "text": text_stage,
    "autoencoder": autoencoder_stage,
    "denoiser": denoiser_stage,
    "judge": judge_stage,
    "export": export_stage,
}
# What a stage finds in --out at its start. The denoiser's second phase reads the text encoder too, but its first may
# run while that is still being trained.
NEEDS = {
    "denoiser": {"vae": "autoencoder"},
    "judge": {"vae": "autoencoder"},
    "export": {"text_encoder": "text", "vae": "autoencoder", "unet": "denoiser", "vit": "judge"},
}


def main() -> None:
    """Run the chosen stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="checkpoints and data; kept between calls")
    parser.add_argument("--stage", choices=STAGES, help="one stage only")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in [args.stage] if args.stage else list(STAGES):
        for made, maker in NEEDS.get(name, {}).items():
            if not (args.out / made).is_dir():
                parser.error(f"stage {name} needs {args.out / made}, which is missing: run --stage {maker} first")
        STAGES[name](args.out)


if __name__ == "__main__":
    main()
