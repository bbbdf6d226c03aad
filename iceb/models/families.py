"""The supported model families: their pinned weights and default sampling.

Importing this module loads no weights and no torch, so that a list of models is quick.
"""

from iceb.specs.families import Family
from iceb.specs.runs import Sampling

REAL_MEASURES = {
    "imagenet_classifier": "vit_b16_imagenet",
    "clip_l14": "clip_l14_text",
    "clip_b32": "clip_b32_text",
    "clip_bigg": "clip_bigg_text",
    "image_embedding": "inception",
    "perceptual_distance": "lpips_alex",
    **dict.fromkeys(("edited_objects", "object_colour", "scene"), "clip_l14_text"),  # by the texts of each prompt
    **{kind: kind for kind in ("lpips_alex_64", "lpips_alex", "lpips_vgg", "inception", "resnet50_imagenet")},
}
MINI_MEASURES = {
    "imagenet_classifier": "vit_mini",
    "face_identity": "identity_mini",
    "image_embedding": "clip_mini_embedding",
    "perceptual_distance": "perceptual_mini",
    **dict.fromkeys(("lpips_alex_64", "lpips_alex", "lpips_vgg"), "perceptual_mini"),
    "clip_l14": "clip_mini_texts",  # one twin stands for all three, and scores say so by its name
    "clip_b32": "clip_mini_texts",
    "clip_bigg": "clip_mini_texts",
    "inception": "clip_mini_embedding",
    "resnet50_imagenet": "vit_mini",
    "scene": "scene_mini",
    "edited_objects": "halves_mini",
    "object_colour": "vit_mini",
}

_ALL = (
    Family(
        name="mini",
        repo="iceb/mini",
        revision=None,
        layout="sd",
        sampling=Sampling("ddim", 10, 3.0, 32, 32),
        measures=MINI_MEASURES,
        block={"cpu": 16, "cuda": 64},
        title="the embedded model, 32×32, ships with iceb",
    ),
    Family(
        name="sd14",
        repo="CompVis/stable-diffusion-v1-4",
        revision="133a221b8aa7292a167afc5127cb63fb5005638b",
        layout="sd",
        sampling=Sampling("pndm", 50, 7.5, 512, 512),
        measures=REAL_MEASURES,
        title="Stable Diffusion 1.4",
    ),
    Family(
        name="sd15",
        repo="stable-diffusion-v1-5/stable-diffusion-v1-5",
        revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
        layout="sd",
        sampling=Sampling("pndm", 50, 7.5, 512, 512),
        measures=REAL_MEASURES,
        title="Stable Diffusion 1.5",
    ),
    Family(
        name="sd21",
        repo="stabilityai/stable-diffusion-2-1",
        revision="5cae40e6a2745ae2b01ad92ae5043f95f23644d6",
        layout="sd",
        sampling=Sampling("ddim", 50, 7.5, 768, 768),
        measures=REAL_MEASURES,
        block={"cpu": 1, "cuda": 4},
        title="Stable Diffusion 2.1, v-prediction",
    ),
    Family(
        name="sdxl",
        repo="stabilityai/stable-diffusion-xl-base-1.0",
        revision="462165984030d82259a11f4367a4eed129e94a7b",
        layout="sdxl",
        sampling=Sampling("ddim", 50, 7.5, 1024, 1024),
        measures=REAL_MEASURES,
        block={"cpu": 1, "cuda": 2},
        title="Stable Diffusion XL base 1.0, two text encoders",
    ),
)
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}
LOCAL = "path"  # the family of a folder that `model` names
