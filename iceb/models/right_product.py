"""The product of a weight and the matrix that stands for it in the compact form of an edit."""

from torch import Tensor


def right_product(weight: Tensor, matrix: Tensor) -> Tensor:
    """W M as `Edit.right` promises: in float64, on M's device, rounded once to the weight's dtype."""
    M = matrix.double()
    return (weight.to(M) @ M).to(weight)
