"""A ReFACT edit from requests to weights: one rank-one change after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from iceb.base.digest import digest
from iceb.base.errors import MethodError
from iceb.base.progress import stage
from iceb.methods.common.corpora import caption_corpus, sample_captions
from iceb.methods.common.denoiser import without_gradients
from iceb.methods.common.least_squares import moment_factor
from iceb.methods.common.second_moments import second_moments
from iceb.methods.common.text_encoder import TextTower, text_towers
from iceb.methods.common.training import in_dtype, training_passes
from iceb.methods.refact.features import features
from iceb.methods.refact.objectives import Objectives
from iceb.methods.refact.prompts import read
from iceb.methods.refact.rank_one import direction, rank_one
from iceb.methods.refact.search import search
from iceb.methods.refact.settings import check_encoders
from iceb.specs.methods import Bundle, Edit, MethodContext, Scratch
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.refact import ReFACT
    from iceb.methods.refact.features import Features

BARE = "{}"  # the subject alone


def make_edit(method: "ReFACT", bundle: Bundle, requests: Sequence[EditRequest], context: MethodContext) -> Edit:
    """Make the edit that carries out all requests in order.

    Raises:
        MethodError: the settings name a layer that the encoder lacks, or one that the denoiser does not read.
    """
    weights: dict[str, Tensor] = {}
    log: dict[str, float] = {}
    towers = text_towers(bundle.pipeline, lambda model: in_dtype(model, torch.float32))
    check_encoders(method, len(towers))
    for tower, layer in zip(towers, (method.layer, method.layer_2), strict=False):
        deepest = tower.depth - (1 if tower.readout == "final" else 2)  # SDXL's denoiser reads the last state but one
        if not 0 <= layer <= deepest:
            raise MethodError(f"refact layer {layer}: {tower.component} can be edited in layers 0 to {deepest}")
        with without_gradients(tower.model), training_passes(context.execution.precision):
            work = _Work(method, bundle, tower, layer, context.scratch)
            new = work.run(requests)
        name = tower.parameter_name(layer)
        weights[name] = new.to(bundle.parameter(name).dtype)
        log[f"{tower.component}.{layer}.relative_change"] = work.change
        log[f"{tower.component}.searches"] = float(work.searches)
        log.update({f"{tower.component}.{name}": value for name, value in work.log.items()})
        if method.moment:
            log["captions_used"] = float(len(work.captions()))
    return Edit(weights=weights, log=log)


@dataclass
class _Work:
    """The edits of one encoder in progress."""

    method: "ReFACT"
    bundle: Bundle
    tower: TextTower
    layer: int
    scratch: Scratch
    change: float = 0.0  # ‖ΔW‖ / ‖W‖
    searches: int = 0  # facts computed now, not read from scratch
    log: dict[str, float] = field(default_factory=dict)  # log entries of the closed form: its `lift`

    @cached_property
    def project(self) -> "Features":
        """Map pooled states to features, unless the encoder has a projection of its own."""
        owns = getattr(self.tower.model, "text_projection", None) is not None
        return features(None if owns else self.method.projection, self.tower.token_table.shape[1])

    @cached_property
    def objectives(self) -> Objectives:
        """The searches' feature targets."""
        return Objectives(self.method, self.bundle, self.tower, self.layer, self.project, self.scratch)

    def run(self, requests: Sequence[EditRequest]) -> Tensor:
        """The edited weight, (d, d_ff) float64."""
        clean = self.tower.fc2(self.layer).weight.detach().double()
        factor = self._factor()
        key: dict[str, Any] = {"encoder": self.tower.component, "layer": self.layer}
        weight: Tensor = clean
        with stage("facts", len(requests)) as advance:
            for request in requests:
                both = {"source": request.source, "dest": _dest(request)}
                key = {"what": "refact fact", "before": digest(key), **both}
                weight = weight + self._request_change(key, request, weight, factor)
                advance(1)
        self.change = float((weight - clean).norm() / clean.norm())
        return weight

    def _request_change(
        self, key: Mapping[str, Any], request: EditRequest, weight: Tensor, factor: Tensor | None
    ) -> Tensor:
        """A request's change v uᵀ, (d, d_ff); stored under a key that names all requests before it."""

        def compute() -> "np.ndarray[Any, Any]":
            u, v = self._fact(request, weight, factor)
            made: np.ndarray[Any, Any] = torch.cat([u, v]).cpu().numpy()
            return made

        both = torch.from_numpy(np.array(self.scratch.array(key, compute))).to(weight.device)
        u, v = both[: weight.shape[1]], both[weight.shape[1] :]
        change: Tensor = torch.outer(v, u)
        return change

    def _fact(self, request: EditRequest, weight: Tensor, factor: Tensor | None) -> tuple[Tensor, Tensor]:
        method, tower = self.method, self.tower
        self.searches += 1
        prompts = read(tower, self.layer, request.source, list(dict.fromkeys((BARE, *method.templates))))
        target = self.objectives.of(request.source, _dest(request))
        contexts = prompts.keys if BARE in method.templates else prompts.keys[1:]
        u = direction(contexts, factor)
        shift = search(tower, self.layer, weight, prompts, target, method)
        made = rank_one(tower, self.layer, weight, prompts, 0, u, shift)
        return made.u, made.v

    def captions(self) -> list[str]:
        """The sampled texts of the second moment."""
        corpus = caption_corpus(self.method.captions, self.bundle.ref.family, self.method.card.name)
        return sample_captions(corpus, self.method.caption_count, plain=False)

    def _factor(self) -> Tensor | None:
        """Cholesky factor of the unedited encoder's second moment; None if it is not used."""
        if not self.method.moment:
            return None
        captions, limit = self.captions(), self.method.caption_tokens

        def compute() -> "np.ndarray[Any, Any]":
            found = second_moments(self.tower, captions, [self.layer], limit)[self.layer]
            moment: np.ndarray[Any, Any] = found.cpu().numpy()
            return moment

        key = {
            "what": "second moment of fc2 inputs",
            "model": self.bundle.digest,
            "encoder": self.tower.component,
            "layer": self.layer,
            "captions": digest(captions),
            "tokens": limit,
        }
        kept = self.scratch.depends_on().array(key, compute)  # the key names the captions, not their settings
        return moment_factor(torch.from_numpy(np.array(kept)).to(self.tower.device), self.log)


def _dest(request: EditRequest) -> str:
    if len(request.dests) != 1:
        raise MethodError(f"request {request.id} has {len(request.dests)} destinations: refact writes exactly one")
    return request.dests[0]
