"""Settings of MACE's second stage; no torch here, so that listing methods is cheap."""

from dataclasses import dataclass
from typing import Literal

SegmenterName = Literal["grounded-sam", "attention", "ground", "none"]


@dataclass(frozen=True)
class Training:
    """Settings of the terms' training; see the fields of `MACE`."""

    steps: int
    rate: float
    rank: int
    use_pooler: bool
    importance_sampling: bool
