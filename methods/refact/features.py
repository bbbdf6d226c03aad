"""What ReFACT's loss compares: text features, projected where a projection is given, and scores of two texts."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from iceb.base.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

    Features: TypeAlias = Callable[[Tensor], Tensor]  # pooled (B, d) → (B, p)

PROJECTION = "text_projection.weight"


def check_projection(path: str | None) -> None:
    """Refuse a file that has no projection; only its header is read.

    Raises:
        DataError: the file cannot be read, is no safetensors file, or lacks a matrix of that name.
    """
    if path is not None:
        _shape(path)


def _shape(path: str) -> list[int]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(Path(path).expanduser(), framework="pt") as file:
            if PROJECTION not in file.keys():  # noqa: SIM118 (the file is no mapping)
                raise DataError(f"projection {path}: has no {PROJECTION!r}; name CLIP's own model.safetensors")
            return list(file.get_slice(PROJECTION).get_shape())
    except (OSError, SafetensorError) as error:
        raise DataError(f"projection {path}: cannot be read ({error}): name a safetensors file") from error


def features(path: str | None, width: int) -> "Features":
    """How pooled states become features; without a file they are.

    Raises:
        DataError: as `check_projection`, or the projection does not fit the encoder's width.
    """
    if path is None:
        return lambda pooled: pooled
    shape = _shape(path)
    if len(shape) != 2 or shape[1] != width:
        raise DataError(f"projection {path}: {tuple(shape)} does not fit an encoder of width {width}")
    from safetensors import safe_open

    with safe_open(Path(path).expanduser(), framework="pt") as file:
        weight: Tensor = file.get_tensor(PROJECTION)
    return lambda pooled: pooled @ weight.to(pooled).T


def scores(found: "Tensor", wanted: "Tensor", metric: str, scale: float) -> "Tensor":
    """(B, n) how near B features (B, p) are to n others (n, p): minus the distance, or `scale` × cosine."""
    if metric == "l2":
        distance: Tensor = (found[:, None] - wanted[None]).norm(dim=-1)
        return -distance
    similar: Tensor = found / found.norm(dim=-1, keepdim=True) @ (wanted / wanted.norm(dim=-1, keepdim=True)).T
    return similar * scale
