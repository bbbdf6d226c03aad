"""The model families: where their weights are, pinned, and how their pictures are drawn unless asked otherwise.

Nothing here loads anything: `iceb list models` reads this file without torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from iceb.specs.runs import Sampling

Layout = Literal["sd", "sdxl"]
PIPELINES: dict[Layout, str] = {"sd": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}
COMPONENTS: dict[Layout, tuple[str, ...]] = {  # whose parameters an edit may name
    "sd": ("text_encoder", "unet", "vae"),
    "sdxl": ("text_encoder", "text_encoder_2", "unet", "vae"),
}


@dataclass(frozen=True)
class Family:
    """A family of models with one layout.

    `block` is how many images go through the denoiser in one pass unless --images-per-pass says otherwise, by device.
    A smaller rest is filled up, because matrix kernels round differently for different shapes: with one shape, no
    image depends on how many were asked for, in which order, or where an interrupted run went on.
    """

    name: str
    repo: str  # owner/name on the hub; "iceb/mini" ships with the package
    revision: str | None  # 40 hex digits; None where a folder's content digest names the weights
    layout: Layout
    sampling: Sampling  # the default
    measures: Mapping[str, str] = field(default_factory=dict)  # kind of measure → registered name
    block: Mapping[str, int] = field(default_factory=lambda: {"cpu": 1, "cuda": 8})  # images per pass
    title: str = ""

    @property
    def pipeline(self) -> str:
        """The diffusers class that draws."""
        return PIPELINES[self.layout]

    @property
    def components(self) -> tuple[str, ...]:
        """The parts whose parameters an edit may name."""
        return COMPONENTS[self.layout]

    @property
    def text_encoders(self) -> tuple[str, ...]:
        """The text encoders, in the order in which the denoiser reads them."""
        return tuple(name for name in self.components if name.startswith("text_encoder"))

    @property
    def recipe_part(self) -> str:
        """The part of a recipe that fits: a folder of SDXL's layout has SDXL's layers, whatever its name."""
        return "sdxl" if self.layout == "sdxl" else self.name

    def images_per_pass(self, device: str) -> int:
        """The size of a pass on a kind of device ("cpu", "cuda", …) unless another is asked for."""
        return self.block.get(device, self.block.get("cuda", 1))


REAL_MEASURES = {"imagenet_classifier": "vit_b16_imagenet"}
MINI_MEASURES = {"imagenet_classifier": "vit_mini"}

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
LOCAL = "path"  # the family of a folder that --model names
