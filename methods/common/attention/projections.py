"""The matrices by which the denoiser reads text: to_k and to_v of each cross-attention."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from iceb.base.errors import MethodError, ModelError
from iceb.models.right_product import right_product
from iceb.specs.methods import Bundle, Edit

Kind = Literal["v", "k"]
PATTERN = "unet.*attn2.to_[kv].weight"


def projections(bundle: Bundle, kinds: Sequence[Kind] = ("v", "k")) -> dict[str, Tensor]:
    """The cross-attention projections of a model, found by suffix in every layout.

    Args:
        bundle: the model.
        kinds: "v" for values, "k" for keys; all matrices of the first kind come first, each kind in the model's order
            (down, up, middle), which is the order of the authors' lists.

    Returns:
        full parameter name → (out, d), float format of the model; not to be written to.

    Raises:
        MethodError: an unknown kind, or none.
        ModelError: the model has no such matrix, or they do not all read states of one width.
    """
    if not kinds or not set(kinds) <= {"v", "k"}:
        raise MethodError(f"projections {tuple(kinds)}: name 'v' (values), 'k' (keys) or both")
    found: dict[str, Tensor] = {}
    for kind in kinds:
        matching = bundle.parameters_named(f"unet.*attn2.to_{kind}.weight")
        if not matching:
            raise ModelError(
                f"no parameter is named like unet.*attn2.to_{kind}.weight, so there is no cross-attention to edit; "
                "closed-form edits need a UNet with cross-attention, as Stable Diffusion has"
            )
        found.update(matching)
    widths = {matrix.shape[1] for matrix in found.values()}
    if len(widths) > 1:
        raise ModelError(f"cross-attention reads states of several widths {sorted(widths)}: one right factor needs one")
    return found


@torch.no_grad()
def multiply_right(weights: Mapping[str, Tensor], factor: Tensor) -> dict[str, Tensor]:
    """W M of every matrix, multiplied in float64 and cast back.

    Args:
        weights: name → W, (out, d).
        factor: M, (d, d).
    """
    return {name: right_product(W, factor) for name, W in weights.items()}


def right_edit(weights: Mapping[str, Tensor], factor: Tensor, log: Mapping[str, float] | None = None) -> Edit:
    """The edit W' = W M of some projections, with M as its compact form.

    Args:
        weights: name → W, (out, d), all that the edit changes.
        factor: M, (d, d) float64.
        log: the method's diagnostics.
    """
    return Edit(weights=multiply_right(weights, factor), right={PATTERN: factor}, log=log or {})
