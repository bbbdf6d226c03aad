"""Parameter groups of the denoiser that Concept Ablation can train."""

import re

from torch import nn

from iceb.methods.common.training import parameters_where

GROUPS = {
    "cross-attn": re.compile(r"\.attn2\.to_[kv]\.weight$"),
    "attn": re.compile(r"\.attn[12]\.to_(q|k|v|out\.0)\.(weight|bias)$"),
    "full-weight": re.compile(r""),
}


def group_names(unet: nn.Module, group: str) -> list[str]:
    """Names inside the denoiser of the parameters of a group, in its order.

    Raises:
        ModelError: the denoiser has none.
    """
    return parameters_where(unet, lambda name: GROUPS[group].search(name) is not None)
