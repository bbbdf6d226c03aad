"""An EMCID edit from requests to weights: moments, value vectors, one closed form per layer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.common.denoiser import without_gradients
from iceb.methods.common.training import record_seconds
from iceb.methods.emcid.balance import DrawnParts, Parts, search_shares
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
        self.method, self.bench, self.context, self.scratch = method, bench, context, context.scratch
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
            second = [self.moments.of(which) for which in range(len(self.bench.towers))]
        with record_seconds(self.log, "values_seconds"):
            values = self.values(concepts)
        writer = LayerWriter(self, second)
        wanted = [*_per_request(requests, concepts, values)]
        with record_seconds(self.log, "shares_seconds"):
            shares = self._shares(wanted, writer)
        with record_seconds(self.log, "spread_seconds"):
            weights = writer(wanted, shares, self._note)
        return Edit(weights=weights, log=self.log)

    def _note(self, component: str, done: WrittenLayers) -> None:
        """Add one encoder's figures to the log."""
        self.log.update({f"{component}.{name}": value for name, value in done.log.items()})
        for layer in done.weights:
            self.log[f"{component}.{layer}.residual_norm"] = done.residual_norms[layer]
            self.log[f"{component}.{layer}.relative_change"] = done.change[layer]

    def solver(self, which: int, moments: Mapping[int, Tensor]) -> Solver | None:
        """The closed form that replaces EMCID's for one encoder; None for EMCID's."""
        return None

    def _shares(self, wanted: Sequence["Wanted"], writer: "LayerWriter") -> list[Parts]:
        """The shares of each request's destinations: as the settings say, or as a search finds them."""
        given = list(self.method.shares)
        shares = [given if len(each.request.dests) > 1 and given else [1.0] * each.count for each in wanted]
        if not self.method.share_search.rounds:
            return shares
        found = [
            self._search(each, writer) if each.count > 1 else own for each, own in zip(wanted, shares, strict=True)
        ]
        self.log.update({f"share.{each.request.id}": own[0] for each, own in zip(wanted, found, strict=True)})
        return found

    def _search(self, wanted: "Wanted", writer: "LayerWriter") -> Parts:
        """The shares that the search ends with for one request edited alone, kept by content."""
        settings, judge = self.method.share_search, self.context.judge(self.method.judge)
        drawn = DrawnParts(self.context, judge, settings.images)

        def parts(shares: Parts) -> Parts:
            return drawn(self.bench.bundle.applied(Edit(weights=writer([wanted], [shares]))), wanted.request)

        def compute() -> "np.ndarray[Any, np.dtype[Any]]":
            return np.array(search_shares(wanted.count, parts, settings))

        key = {"what": "emcid shares", "model": self.bench.bundle.digest, "judge": [judge.id, judge.revision]}
        asked = {"source": wanted.request.source, "concepts": [asdict(concept) for concept in wanted.concepts]}
        return [float(share) for share in self.scratch.array({**key, **asked}, compute)]


@dataclass(frozen=True)
class Wanted:
    """A request with the value vectors of its destinations.

    Attributes:
        concepts: one for each destination; the first is what is written.
        values: of all of them, (destinations, T, d) for each encoder.
    """

    request: EditRequest
    concepts: Sequence[Concept]
    values: Sequence[Tensor]

    @property
    def count(self) -> int:
        """The number of value vectors."""
        return len(self.concepts)

    def target(self, which: int, shares: Parts) -> Tensor:
        """The mean value vector for one encoder, weighted by shares, (T, d)."""
        share = torch.tensor(shares, dtype=torch.float64) / sum(shares)
        values = self.values[which]
        return torch.einsum("k,ktd->td", share.to(values.device), values.double())


def _per_request(
    requests: Sequence[EditRequest], concepts: Sequence[Concept], values: Sequence[Tensor]
) -> Iterator[Wanted]:
    """Gather each request's concepts and value vectors; they stand in the requests' order."""
    start = 0
    for request in requests:
        stop = start + max(len(request.dests), 1)
        yield Wanted(request, concepts[start:stop], [each[start:stop] for each in values])
        start = stop


class LayerWriter:
    """Stage II as a function of what is wanted: new weights of all text encoders."""

    def __init__(self, editing: Editing, moments: Sequence[Mapping[int, Tensor]]) -> None:
        self.method, self.bench, self.moments = editing.method, editing.bench, moments
        self.solvers = [editing.solver(which, moment) for which, moment in enumerate(moments)]

    def __call__(
        self,
        wanted: Sequence[Wanted],
        shares: Sequence[Parts],
        note: Callable[[str, WrittenLayers], None] = lambda component, done: None,
    ) -> dict[str, Tensor]:
        """New weights by parameter name.

        Args:
            shares: of each request's destinations.
            note: told of each encoder's figures.
        """
        weights: dict[str, Tensor] = {}
        kept = [each.concepts[0] for each in wanted]
        for which, tower in enumerate(self.bench.towers):
            targets = torch.stack([each.target(which, own) for each, own in zip(wanted, shares, strict=True)])
            settings = self.method.stage2(which)
            done = write_values(tower, kept, targets, self.moments[which], settings, self.solvers[which])
            note(tower.component, done)
            for layer, weight in done.weights.items():
                weights[tower.parameter_name(layer)] = weight.to(self.bench.bundle.dtype)
        return weights
