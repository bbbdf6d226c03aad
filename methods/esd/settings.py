"""ESD's settings by generation of the authors' code; no torch, so that showing a method is cheap."""

from dataclasses import dataclass
from typing import Literal, get_args

from iceb.base.errors import MethodError

VariantName = Literal["2023", "2024", "2025"]
Group = Literal["esd-x", "esd-x-strict", "esd-u", "full", "selfattn", "notime"]
Several = Literal["drawn", "deck", "sequential"]
Precision = Literal["float32", "bfloat16"]
TIMESTEPS = 1000  # of the noise schedule, in the code of 2023 and 2024

OTHER_NAMES = {"xattn": "esd-x", "xattn-strict": "esd-x-strict", "noxattn": "esd-u", "esd-all": "full"}
GROUPS: dict[VariantName, tuple[str, ...]] = {
    "2023": ("esd-x", "esd-u", "full", "notime", "selfattn"),
    "2024": ("esd-x", "esd-u", "full", "selfattn"),
    "2025": ("esd-x", "esd-x-strict", "esd-u", "full", "selfattn"),
}


@dataclass(frozen=True)
class Constants:
    """The defaults of one generation of the authors' code."""

    iterations: int
    rate: float
    negative_guidance: float
    guidance: float
    precision: Precision


CONSTANTS: dict[VariantName, Constants] = {
    "2023": Constants(1000, 1e-5, 1.0, 3.0, "float32"),
    "2024": Constants(200, 2e-5, 1.0, 3.0, "float32"),
    "2025": Constants(200, 5e-5, 2.0, 3.0, "bfloat16"),
}
SDXL = Constants(200, 2e-4, 1.0, 2.0, "bfloat16")
SDXL_RATE_BEYOND_CROSS_ATTENTION = 1e-5  # the authors force it for every other group


@dataclass(frozen=True)
class Settings:
    """All settings of one training, resolved.

    Attributes:
        variant: which generation of the authors' code: target, noise level of the latents, who draws them.
        group: which of the denoiser's parameters are trained.
        iterations: Adam steps of all concepts together.
        several: in which order concepts take turns.
        rate: Adam's learning rate.
        negative_guidance: η of the target.
        guidance: classifier-free guidance while latents are sampled.
        sampling_steps: S, steps of a whole sampling.
        precision: number format of weights, gradients and Adam's moments.
        erase_from: f, the text from which the concept is erased; "": none.
        batch: latents per step, all of one concept and one noise level.
    """

    variant: VariantName
    group: Group
    iterations: int
    several: Several
    rate: float
    negative_guidance: float
    guidance: float
    sampling_steps: int
    precision: Precision
    erase_from: str
    batch: int


def known_variant(variant: object) -> VariantName:
    """Return the variant of a name; a number is read as its year.

    Raises:
        MethodError: there is none of this name.
    """
    for name in get_args(VariantName):
        if str(variant) == name:
            found: VariantName = name
            return found
    raise MethodError(f"esd variant {variant!r}: must be one of {', '.join(get_args(VariantName))}")


def known_group(group: str, variant: VariantName) -> Group:
    """Return the parameter group of a name; the authors' names (xattn, noxattn, esd-all) work too.

    Raises:
        MethodError: this generation of the code has no such group.
    """
    name = OTHER_NAMES.get(group, group)
    if name not in GROUPS[variant]:
        why = " (it is the empty set in the authors' code)" if (variant, name) == ("2024", "esd-x-strict") else ""
        allowed = ", ".join(GROUPS[variant])
        raise MethodError(f"esd group {group!r} of variant {variant}: there is none{why}; choose one of {allowed}")
    found: Group = name  # type: ignore[assignment]  # checked one line above
    return found


def constants(variant: VariantName, group: Group, sdxl: bool) -> Constants:
    """The authors' constants for a variant on a layout.

    Raises:
        MethodError: the authors have no code of this variant for SDXL.
    """
    if not sdxl:
        return CONSTANTS[variant]
    if variant != "2025":
        raise MethodError(f"esd variant {variant} is defined for Stable Diffusion only: on SDXL set variant=2025")
    if group in ("esd-x", "esd-x-strict"):
        return SDXL
    return Constants(
        SDXL.iterations, SDXL_RATE_BEYOND_CROSS_ATTENTION, SDXL.negative_guidance, SDXL.guidance, SDXL.precision
    )
