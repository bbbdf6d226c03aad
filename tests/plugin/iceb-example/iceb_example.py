"""A third party's method, measure, metric and task: all they need is public, and nothing in iceb knows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from iceb.base.errors import MethodError
from iceb.base.statistics import estimate
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.metrics import Measured, Score
from iceb.specs.prompts import Prompt, Role
from iceb.specs.requests import EditRequest
from iceb.specs.tasks import Task


@dataclass(frozen=True)
class TokenSwap:
    """Move the embedding of each source's last token towards the mean embedding of its destination's tokens."""

    strength: float = 1.0

    card: ClassVar[MethodCard] = MethodCard(
        name="token_swap",
        version=1,
        paper="none: an example",
        kinds=("replace",),
        touches=("text_encoder.*token_embedding.weight",),
    )

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        if not requests:
            return Edit()
        ((name, table),) = bundle.parameters_named("text_encoder.*token_embedding.weight").items()
        edited = table.detach().clone()
        tokenize = bundle.pipeline.tokenizer
        for request in requests:
            last = tokenize(request.source, add_special_tokens=False).input_ids[-1]
            dest = tokenize(request.dest, add_special_tokens=False).input_ids
            if not dest:
                raise MethodError(f"request {request.id}: the destination {request.dest!r} has no token")
            edited[last] += self.strength * (table[dest].mean(dim=0) - table[last])
        return Edit(weights={name: edited})


class ColourClasses:
    """A stand-in for a classifier: 1000 probabilities that depend on every pixel of a picture, and on nothing else."""

    id = "colour_classes@1"
    revision = "1"
    pairs = False

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    def __call__(self, images: Sequence[np.ndarray[Any, Any]], prompts: Sequence[Prompt]) -> np.ndarray[Any, Any]:
        flat = np.stack([image.astype(np.float64).reshape(-1) / 255 for image in images])  # (N, pixels)
        weights = np.random.default_rng(0).standard_normal((flat.shape[1], 1000))
        logits = (flat - flat.mean(axis=1, keepdims=True)) @ weights
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)  # (N, 1000)


@dataclass(frozen=True)
class FlipRate:
    """Share of source pictures whose most probable class is the destination."""

    name: str = "flip_rate"
    version: int = 1
    unit: str = "share"
    higher_is_better: bool = True
    paper: str = "none: an example"
    measure: str = "imagenet_classifier"
    roles: frozenset[Role] = frozenset({"source"})

    def __call__(self, before: Measured, after: Measured) -> Score:
        asked = [i for i, prompt in enumerate(after.prompts) if prompt.role == "source"]
        if not asked:
            return Score(None, None, n=0, concepts=0, note="no source prompts in this task")
        sides = []
        for side in (before, after):
            flips = [float(side.values[i].argmax() == side.prompts[i].target) for i in asked]
            sides.append(estimate(flips, [side.prompts[i].request for i in asked]))
        change = sides[1].mean - sides[0].mean
        return Score(change, sides[1].stderr, len(asked), sides[1].concepts, before=sides[0].mean, after=sides[1].mean)


FLIP_RATE = FlipRate()

AICE_FLIPS = Task(
    name="aice_flips",
    version=1,
    title="AICE, counted by flips",
    paper="none: an example",
    dataset="aice",
    kind="replace",
    metrics=("flip_rate", "holdout_delta"),
    headline="flip_rate",
    edit_counts=(1, 10),
)
