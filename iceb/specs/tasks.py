"""A task is a dataset plus metrics."""

from dataclasses import dataclass
from typing import Literal, get_args

from iceb.base.errors import SpecError

Kind = Literal["replace", "rectify", "erase", "balance"]


@dataclass(frozen=True)
class Task:
    """A declaration: what is edited, what is measured, and which number ranks."""

    name: str
    version: int
    title: str
    paper: str
    dataset: str  # a data card's name
    kind: Kind
    metrics: tuple[str, ...]  # registered names
    headline: str  # the one that ranks
    edit_counts: tuple[int, ...]  # the leaderboard's columns

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise SpecError(f"task {self.name}: kind {self.kind!r} must be one of {', '.join(get_args(Kind))}")
        if self.version < 1:
            raise SpecError(f"task {self.name}: version {self.version} must be at least 1")
        if self.headline not in self.metrics:
            raise SpecError(f"task {self.name}: headline {self.headline!r} must be one of its metrics")
        if not self.edit_counts or min(self.edit_counts) < 1 or list(self.edit_counts) != sorted(set(self.edit_counts)):
            raise SpecError(f"task {self.name}: edit_counts {self.edit_counts} must be ascending, each at least 1")
