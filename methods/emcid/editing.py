"""An EMCID edit from requests to weights: moments, value vectors, one closed form per layer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.common.denoiser import without_gradients
from iceb.methods.common.training import record_seconds
from iceb.methods.emcid.caption_moments import CaptionMoments
from iceb.methods.emcid.concepts import Concept, concepts_of
from iceb.methods.emcid.stage2 import Solver, WrittenLayers, write_values
from iceb.methods.emcid.training import Workbench
from iceb.methods.emcid.value_vectors import ValueVectors
from iceb.specs.methods import Bundle, Edit, MethodContext
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.emcid import EMCID


def make_edit(
    method: "EMCID",
    bundle: Bundle,
    requests: Sequence[EditRequest],
    context: MethodContext,
    kind: "type[Editing] | None" = None,
) -> Edit:
    """Make the edit of all requests, reusing and storing parts in the scratch.

    Args:
        kind: another second stage than EMCID's.

    Raises:
        MethodError: the settings do not suit the model or the requests.
    """
    bench = Workbench(bundle, context.execution.precision)
    modules = [tower.model for tower in bench.towers]
    if method.noise_loss != "none" or method.stage1().uses_fisher:
        modules += [bench.denoiser.unet, bench.denoiser.vae]
    with without_gradients(*modules):
        return (kind or Editing)(method, bench, context).run(requests)


class Editing:
    """An EMCID edit in progress."""

    def __init__(self, method: "EMCID", bench: Workbench, context: MethodContext) -> None:
        self.method, self.bench, self.scratch = method, bench, context.scratch
        self.log: dict[str, float] = {}
        self.moments = CaptionMoments(method, bench, context.scratch, self.log)
        self.values = ValueVectors(method, bench, context.scratch, context.execution, self.moments, self.log)
        stage1 = self.values.settings
        if len(bench.towers) > 1 and (stage1.uses_fisher or stage1.noise_loss == "esd"):
            raise MethodError("emcid on two text encoders: the ewc penalty and the esd loss are defined for one only")

    def run(self, requests: Sequence[EditRequest]) -> Edit:
        """Run both stages for all requests."""
        concepts = [concept for request in requests for concept in concepts_of(request, self.method)]
        with record_seconds(self.log, "moments_seconds"):
            moments = [self.moments.of(which) for which in range(len(self.bench.towers))]
        with record_seconds(self.log, "values_seconds"):
            values = self.values(concepts)
        weights: dict[str, Tensor] = {}
        with record_seconds(self.log, "spread_seconds"):
            for which, tower in enumerate(self.bench.towers):
                kept, targets = self._per_request(requests, concepts, values[which])
                solve = self._solver(which, moments[which])
                done = write_values(tower, kept, targets, moments[which], self.method.stage2(which), solve)
                self._note(tower.component, done)
                for layer, weight in done.weights.items():
                    weights[tower.parameter_name(layer)] = weight.to(self.bench.bundle.dtype)
        return Edit(weights=weights, log=self.log)

    def _note(self, component: str, done: WrittenLayers) -> None:
        """Add one encoder's figures to the log."""
        self.log.update({f"{component}.{name}": value for name, value in done.log.items()})
        for layer in done.weights:
            self.log[f"{component}.{layer}.residual_norm"] = done.residual_norms[layer]
            self.log[f"{component}.{layer}.relative_change"] = done.change[layer]

    def _solver(self, which: int, moments: Mapping[int, Tensor]) -> Solver | None:
        """The closed form that replaces EMCID's for one encoder; None for EMCID's."""
        return None

    def _per_request(
        self, requests: Sequence[EditRequest], concepts: Sequence[Concept], values: Tensor
    ) -> tuple[list[Concept], Tensor]:
        """Make one value vector per request; several destinations give their weighted mean."""
        kept, targets, start = [], [], 0
        for request in requests:
            stop = start + max(len(request.dests), 1)
            shares = self.method.shares if stop - start > 1 and self.method.shares else (1.0,) * (stop - start)
            share = torch.tensor(shares, dtype=torch.float64) / sum(shares)
            targets.append(torch.einsum("k,ktd->td", share.to(values.device), values[start:stop].double()))
            kept.append(concepts[start])
            start = stop
        return kept, torch.stack(targets)
