"""Train the embedded model `mini` from scratch: text, autoencoder, denoiser, scorers; resumable.

    python tools/train_mini.py --out build/mini               # everything; hours on two CPU cores, minutes on a GPU box
    python tools/train_mini.py --out build/mini --stage text  # one stage
    python tools/train_mini.py --out build/mini --stage export

A sister model has another seed, or never saw some classes, or both; --share trains and draws a part of all:

    python tools/train_mini.py --out build/sister --seed 1 --without "tench,goldfish" --share 0.1

Each stage goes on from its checkpoint in --out, and at its end writes seed, steps, losses, seconds and versions into
training.json there. The judge and the twin of CLIP learn every class, whatever --without says. `export` writes
--weights (iceb/mini/weights for the shipped model): a plain diffusers directory and the scorers, stored in half
precision. What the result reaches is measured by `python tools/measure_mini.py`. iceb/mini/README.md says how the
shipped weights were trained, which was by other schedules.
"""

import argparse
import json
import shutil
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, ViTForImageClassification

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.models.exporting import load_as_float32
from tools.mini import autoencoder, clip_twin, denoiser, judge, text
from tools.mini.denoiser_phases import denoiser_stage
from tools.mini.looks import IMAGES
from tools.mini.options import Options, class_numbers
from tools.mini.scaling import scale_states
from tools.mini.tokenizer import make_tokenizer
from tools.mini.training_record import record_stage

WEIGHTS = Path(__file__).parents[1] / "iceb/mini/weights"


def text_stage(out: Path, options: Options) -> None:
    """Train and write text_encoder/ and tokenizer/."""
    text.train(out, make_tokenizer(out / "tokenizer"), options).save_pretrained(out / "text_encoder")


def autoencoder_stage(out: Path, options: Options) -> None:
    """Train and write vae/."""
    autoencoder.train(out, options).save_pretrained(out / "vae")


def judge_stage(out: Path, options: Options) -> None:
    """Train and write vit/; the judge knows every class, whatever the model was taught."""
    vae = AutoencoderKL.from_pretrained(out / "vae")
    size = judge.Size(*map(options.part_of, judge.WHOLE))
    judge.train(out, vae, options.part_of(judge.STEPS), options.seed, size)


def clip_stage(out: Path, options: Options) -> None:
    """Train and write clip/, the twin of CLIP; it knows every entity, whatever the model was taught."""
    vae = AutoencoderKL.from_pretrained(out / "vae")
    images, decoded = options.part_of(IMAGES), options.part_of(clip_twin.DECODED)
    clip_twin.train(out, vae, options.part_of(clip_twin.STEPS), options.seed, images, decoded)


def export_stage(out: Path, _: Options, weights: Path = WEIGHTS) -> None:
    """Write the weights: the pipeline folder, the judge and the twin of CLIP, float16 safetensors."""
    encoder = CLIPTextModel.from_pretrained(out / "text_encoder")
    unet = UNet2DConditionModel.from_pretrained(out / "unet")
    scale_states(encoder, make_tokenizer(out / "tokenizer"), unet)
    vae = AutoencoderKL.from_pretrained(out / "vae", torch_dtype=torch.float16)
    vae.register_to_config(scaling_factor=json.loads((out / "scaling.json").read_text(encoding="utf-8")))
    for part in (vae, unet):
        part.register_to_config(_name_or_path="mini")  # else the shipped files name the folder they were made in
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=encoder.half(),
        tokenizer=make_tokenizer(out / "tokenizer"),  # a new one: used ones keep the padding of their last call
        unet=unet.half(),
        scheduler=DDIMScheduler(**denoiser.SCHEDULE, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    shipped = ViTForImageClassification.from_pretrained(out / "vit", dtype=torch.float16)
    for name, part in {"pipeline": pipeline, "vit": shipped}.items():
        shutil.rmtree(weights / name, ignore_errors=True)
        part.save_pretrained(weights / name, safe_serialization=True)
    load_as_float32(weights / "pipeline")
    judge.processor().save_pretrained(weights / "vit")
    shutil.copytree(out / "clip", weights / "clip", dirs_exist_ok=True)


Stage = Callable[[Path, Options], None]
STAGES: Mapping[str, Stage] = {
    "text": text_stage,
    "autoencoder": autoencoder_stage,
    "denoiser": denoiser_stage,
    "judge": judge_stage,
    "clip": clip_stage,
    "export": export_stage,
}
# What a stage finds in --out at its start. The denoiser's second phase reads the text encoder too, but its first may
# run while that is still being trained.
NEEDS = {
    "denoiser": {"vae": "autoencoder"},
    "judge": {"vae": "autoencoder"},
    "clip": {"vae": "autoencoder"},
    "export": {
        "text_encoder": "text",
        "vae": "autoencoder",
        "unet": "denoiser",
        "vit": "judge",
        "clip": "clip",
    },
}


def class_option(said: str) -> frozenset[int]:
    """Read the value of --without; a wrong one is named by the parser."""
    try:
        return class_numbers(said)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def share_option(said: str) -> float:
    """Read the value of --share, above 0 and at most 1."""
    share = float(said)
    if not 0 < share <= 1:
        raise ArgumentTypeError(f"{said}: choose a share above 0 and at most 1")
    return share


def new_parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="checkpoints and data; kept between calls")
    parser.add_argument("--stage", choices=STAGES, help="one stage only")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0, help="of weights, sentences and batches (default %(default)s)")
    parser.add_argument(
        "--without", type=class_option, default=frozenset(), metavar="CLASSES", help="names or indices never taught"
    )
    parser.add_argument(
        "--share", type=share_option, default=1.0, help="of the steps and samples (default %(default)s)"
    )
    parser.add_argument(
        "--weights", type=Path, help="where export writes; default: the shipped weights, for the shipped options"
    )
    return parser


def settle(args: argparse.Namespace, options: Options) -> None:
    """Keep the options beside the checkpoints; refuse to go on with others.

    Raises:
        ValueError: the folder holds another training, or a sister's weights have no place of their own.
    """
    said = {"seed": options.seed, "without": sorted(options.without), "share": options.share}
    path = args.out / "options.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else said
    if kept != said:
        raise ValueError(f"{args.out} holds a training with {kept}, asked for is {said}: choose another --out")
    if options != Options() and args.weights is None:
        args.weights = args.out / "weights"
    path.write_text(json.dumps(said) + "\n", encoding="utf-8")


def main() -> None:
    """Run the chosen stages."""
    parser = new_parser()
    args = parser.parse_args()
    options = Options(args.seed, args.without, args.share)
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        settle(args, options)
    except ValueError as error:
        parser.error(str(error))
    for name in [args.stage] if args.stage else list(STAGES):
        for made, maker in NEEDS.get(name, {}).items():
            if not (args.out / made).is_dir():
                parser.error(f"stage {name} needs {args.out / made}, which is missing: run --stage {maker} first")
        if name == "export":
            weights = args.weights or WEIGHTS
            export_stage(args.out, options, weights)
            record_stage(args.out, name, options, weights)
        else:
            STAGES[name](args.out, options)
            record_stage(args.out, name, options)


if __name__ == "__main__":
    main()
