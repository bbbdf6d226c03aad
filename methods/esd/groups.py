"""Parameter groups of the denoiser that ESD can train, by diffusers' names."""

from torch import nn

from iceb.methods.common.training import parameters_where
from iceb.methods.esd.settings import Group, VariantName

LAYERS = (nn.Linear, nn.Conv2d)  # modules trained by the code of 2024 and 2025; that of 2023 trains norms too
TIME = "time_embedding."
OUT = ("conv_norm_out.", "conv_out.")


def trained_names(unet: nn.Module, group: Group, variant: VariantName, sdxl: bool) -> list[str]:
    """Names of the trained parameters, in the model's order.

    Raises:
        ModelError: the model has none of this group.
    """

    def is_trained(name: str) -> bool:
        inside = not (sdxl and group in ("esd-u", "full")) or ("emb" not in name and "block" in name)
        return inside and _in_group(name, group, variant)

    return parameters_where(unet, is_trained, () if variant == "2023" else LAYERS)


def _in_group(name: str, group: Group, variant: VariantName) -> bool:
    outer = name.startswith((TIME, *OUT))
    if group == "esd-x":
        return "attn2" in name
    if group == "esd-x-strict":
        return "attn2.to_k" in name or "attn2.to_v" in name
    if group == "esd-u":
        return "attn2" not in name and not (variant == "2023" and outer)
    if group == "selfattn":
        return "attn1" in name
    return group == "full" or not outer  # "notime"
