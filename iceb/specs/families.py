"""Model families: the layout of a text-to-image model and its default sampling; no torch."""

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

    `block` is how many images go through the denoiser in one pass unless `images_per_pass` says otherwise, by device.
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
