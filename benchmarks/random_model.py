"""Stable Diffusion pipelines of random weights: of SD-1.4's shapes, and tiny ones to try the code."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from iceb.models.loading import silence_libraries
from iceb.specs.runs import Dtype, Sampling

MINI = Path(__file__).parents[1] / "iceb" / "mini" / "weights" / "pipeline"  # whose tokenizer is CLIP's
NOISE = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000}
VOCABULARY = 49408


@dataclass(frozen=True)
class Shape:
    """The sizes of a random model, and how much of it is measured.

    Attributes:
        name: of the model, in results.
        sampling: how images are drawn.
        unet, text, vae: settings of the three networks' configurations, where they differ from the library's.
        together: images that one call of diffusers' pipeline draws where it draws several.
        rounds: how often every way of drawing is timed, at most.
        matmul: side of the matrices that the peak is measured with.
        steps: of stage I.
        concepts: numbers of concepts at once.
    """

    name: str
    sampling: Sampling
    unet: dict[str, Any]
    text: dict[str, int]
    vae: dict[str, Any]
    together: int
    rounds: int
    matmul: int
    steps: int
    concepts: tuple[int, ...]
    dtype: Dtype = "bfloat16"


SD14 = Shape(
    "sd14-random",
    Sampling("pndm", 50, 7.5, 512, 512),
    {"sample_size": 64, "cross_attention_dim": 768},  # all else is diffusers' default, as in Stable Diffusion 1.x
    {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12},
    {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "sample_size": 512},
    together=16,
    rounds=3,
    matmul=8192,
    steps=5,
    concepts=(4, 8),
)
TINY = Shape(
    "tiny-random",
    Sampling("pndm", 6, 7.5, 64, 64),
    {
        "sample_size": 8,
        "cross_attention_dim": 32,
        "block_out_channels": (32, 64),
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "layers_per_block": 1,
        "attention_head_dim": 4,
    },
    {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4},
    {"block_out_channels": (32,) * 4, "layers_per_block": 1, "sample_size": 64},
    together=2,
    rounds=1,
    matmul=128,
    steps=1,
    concepts=(2,),
)


def random_pipeline(shape: Shape, device: torch.device, dtype: torch.dtype) -> Any:
    """Make a StableDiffusionPipeline of random weights, the same at every call on one device."""
    from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    blocks = len(shape.vae["block_out_channels"])
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * blocks, "up_block_types": ("UpDecoderBlock2D",) * blocks}
    marks = {"bos_token_id": VOCABULARY - 2, "eos_token_id": VOCABULARY - 1, "pad_token_id": VOCABULARY - 1}
    text = CLIPTextConfig(vocab_size=VOCABULARY, num_hidden_layers=12, **marks, **shape.text)
    torch.manual_seed(0)
    with device, silence_libraries():  # weights are drawn where they stay: on a CPU it would take longest of all
        networks = {
            "unet": UNet2DConditionModel(**shape.unet),
            "vae": AutoencoderKL(latent_channels=4, **kinds, **shape.vae),
            "text_encoder": CLIPTextModel(text),
        }
        parts: dict[str, Any] = {name: part.to(device, dtype).eval() for name, part in networks.items()}
    parts["tokenizer"] = CLIPTokenizer.from_pretrained(MINI / "tokenizer")
    parts["scheduler"] = PNDMScheduler(skip_prk_steps=True, steps_offset=1, **NOISE)
    pipeline = StableDiffusionPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    for name in networks:
        parts[name].requires_grad_(False)
    return pipeline
