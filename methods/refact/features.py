"""Features that ReFACT's loss compares, projected where a projection is given, and their similarity."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from iceb.base.errors import DataError
from iceb.methods.refact.files import PROJECTION, expand, projection_shape

if TYPE_CHECKING:
    from torch import Tensor

    Features: TypeAlias = Callable[[Tensor], Tensor]  # pooled (B, d) → (B, p)


def features(path: str | None, width: int) -> "Features":
    """The map from pooled states to features: a projection from a file, or the identity.

    Raises:
        DataError: as `files.projection_shape`, or the projection does not fit the encoder's width.
    """
    if path is None:
        return lambda pooled: pooled
    shape = projection_shape(path)
    if len(shape) != 2 or shape[1] != width:
        raise DataError(f"projection {path}: {tuple(shape)} does not fit an encoder of width {width}")
    from safetensors import safe_open

    with safe_open(expand(path), framework="pt") as file:
        weight: Tensor = file.get_tensor(PROJECTION)
    return lambda pooled: pooled @ weight.to(pooled).T


def scores(found: "Tensor", wanted: "Tensor", metric: str, scale: float) -> "Tensor":
    """Similarities of B features (B, p) to n others (n, p): −distance, or `scale` × cosine, (B, n)."""
    if metric == "l2":
        distance: Tensor = (found[:, None] - wanted[None]).norm(dim=-1)
        return -distance
    similar: Tensor = found / found.norm(dim=-1, keepdim=True) @ (wanted / wanted.norm(dim=-1, keepdim=True)).T
    return similar * scale
