"""Broken measures and methods for `seeded_faults.py`: some fail, some make noise, one does nothing."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch

from iceb import registry
from iceb.metrics.measures.classifier import MiniProbability
from iceb.models.families import FAMILIES
from iceb.registry import Registered
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.metrics import MeasureInput
from iceb.specs.requests import EditRequest

LAYER = "unet.conv_out.weight"  # the denoiser's last
JUDGE = "vit_mini"  # a measure that works


class FailingMeasure(MiniProbability):
    """Mini's judge, which raises for one in so many of the images that it sees."""

    every: ClassVar[int]
    seen: ClassVar[dict[str, int]] = {}

    def __call__(self, inputs: Sequence[MeasureInput]) -> Any:
        rows = super().__call__(inputs)
        for place, each in enumerate(inputs):
            digest = hashlib.sha256(each.image.tobytes()).hexdigest()
            if self.seen.setdefault(digest, len(self.seen)) % self.every == self.every // 2:
                self.fail(rows, place)
        return rows

    def fail(self, rows: Any, place: int) -> None:
        """Fail on the image of one row."""
        raise ValueError("the judge crashed")


class RarelyFailing(FailingMeasure):
    """Fails on fewer than 5 % of the images."""

    id = "rarely_failing@1"
    every = 100


class OftenFailing(FailingMeasure):
    """Fails on more than 5 %."""

    id = "often_failing@1"
    every = 8


class PartlyNaN(FailingMeasure):
    """Gives NaN for one image in eight."""

    id = "partly_nan@1"
    every = 8

    def fail(self, rows: Any, place: int) -> None:
        """Fill a row with NaN."""
        rows[place] = np.nan


class AllNaN(PartlyNaN):
    """Gives NaN for every image."""

    id = "all_nan@1"
    every = 1


@dataclass(frozen=True)
class Noise:
    """Fills the denoiser's last layer with random numbers: all images are noise."""

    card: ClassVar[MethodCard] = MethodCard("noise", 1, "", ("replace",), (LAYER,), edits="one layer")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Random numbers of eight times the layer's size."""
        ((name, weight),) = bundle.parameters_named(LAYER).items()
        drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
        return Edit(weights={name: 8 * weight.std() * drawn})


@dataclass(frozen=True)
class Idle:
    """Returns the weights as they are."""

    card: ClassVar[MethodCard] = MethodCard("idle", 1, "", ("replace",), (LAYER,), edits="one layer")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """The unedited layer."""
        return Edit(weights={name: weight.clone() for name, weight in bundle.parameters_named(LAYER).items()})


PARTS: dict[tuple[registry.Group, str], type] = {
    ("methods", "noise"): Noise,
    ("methods", "idle"): Idle,
    **{("measures", kind.id.partition("@")[0]): kind for kind in (RarelyFailing, OftenFailing, PartlyNaN, AllNaN)},
}


@contextlib.contextmanager
def register_parts(judge: str = JUDGE) -> Iterator[None]:
    """Register the broken parts, and have mini judged by a measure."""
    known, mini = registry.entries_of, FAMILIES["mini"]
    entries = [
        Registered(group, name, "seeded-faults", "0", f"{__name__}:{kind.__name__}")
        for (group, name), kind in PARTS.items()
    ]
    registry.entries_of = lambda group: [*known(group), *(each for each in entries if each.group == group)]
    FAMILIES["mini"] = replace(mini, measures={**mini.measures, "imagenet_classifier": judge})
    try:
        yield
    finally:
        registry.entries_of, FAMILIES["mini"] = known, mini
