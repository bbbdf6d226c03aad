"""An EMCID edit from requests to weights: moments, value vectors batch by batch, one closed form per layer."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from iceb.base.digest import digest
from iceb.base.errors import MethodError
from iceb.base.progress import stage
from iceb.methods.common.corpora import caption_corpus, sample_captions
from iceb.methods.common.denoiser import without_gradients
from iceb.methods.common.second_moments import second_moments
from iceb.methods.common.text_encoder import slices
from iceb.methods.common.training import training_passes
from iceb.methods.emcid.concepts import Concept, concepts_of
from iceb.methods.emcid.fisher import fisher_diagonal
from iceb.methods.emcid.optimise import Values, optimise
from iceb.methods.emcid.settings import Stage1
from iceb.methods.emcid.spread import Solver, spread
from iceb.methods.emcid.training import Workbench
from iceb.models import threads
from iceb.models.memory import PassSize
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.methods import Bundle, Edit, MethodContext, Scratch
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.emcid import EMCID

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
CONCEPTS_AT_ONCE = 8  # that are optimised together, unless asked otherwise
FISHER = ("fisher_pairs", "fisher_steps")  # settings of the Fisher diagonal
# Settings that change a value vector; the layers, which several settings decide, are in its key.
STAGE1 = tuple(each.name for each in fields(Stage1) if each.name != "layers")
FISHER_MOMENT_WEIGHT = 4000.0  # λ inside the Fisher diagonal, whatever λ the edit takes, as in the authors' code


def make_edit(
    method: "EMCID",
    bundle: Bundle,
    requests: Sequence[EditRequest],
    context: MethodContext,
    kind: "type[Editing] | None" = None,
) -> Edit:
    """The edit that carries out all requests; what can be reused is taken from the scratch and kept there."""
    bench = Workbench(bundle, context.execution.precision)
    modules = [tower.model for tower in bench.towers]
    if method.noise_loss != "none" or method.stage1().uses_fisher:
        modules += [bench.denoiser.unet, bench.denoiser.vae]
    with without_gradients(*modules):
        return (kind or Editing)(method, bench, context.scratch, context.execution).run(requests)


@dataclass
class Editing:
    """One edit under way."""

    method: "EMCID"
    bench: Workbench
    scratch: Scratch
    execution: Execution = DEFAULT
    log: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stage1 = self.method.stage1(len(self.bench.towers))
        self.model: str = self.bench.bundle.digest
        together = self.execution.concepts_at_once or CONCEPTS_AT_ONCE
        self.at_once: PassSize = self.bench.bundle.pass_sizes.of("--concepts-at-once", together)
        self.vectors = self.scratch.depends_on(*STAGE1, *(FISHER if self.stage1.uses_fisher else ()))
        self._captions: list[str] | None = None
        if len(self.bench.towers) > 1 and (self.stage1.uses_fisher or self.stage1.noise_loss == "esd"):
            raise MethodError("emcid on two text encoders: the ewc penalty and the esd loss are defined for one only")

    @property
    def captions(self) -> list[str]:
        """The sampled caption corpus, read when first needed."""
        if self._captions is None:
            corpus = caption_corpus(self.method.captions, self.bench.bundle.ref.family, self.method.card.name)
            self._captions = sample_captions(corpus, self.method.caption_count)
            self.log["captions_used"] = float(len(self._captions))
        return self._captions

    def run(self, requests: Sequence[EditRequest]) -> Edit:
        """Both stages for all requests."""
        concepts = [concept for request in requests for concept in concepts_of(request, self.method)]
        with self._measure_time("moments_seconds"):
            moments = [self._moments(which) for which in range(len(self.bench.towers))]
        with self._measure_time("values_seconds"):
            values = self._values(concepts)
        weights: dict[str, Tensor] = {}
        with self._measure_time("spread_seconds"):
            for which, tower in enumerate(self.bench.towers):
                kept, targets = self._per_request(requests, concepts, values[which])
                solve = self._solver(which, moments[which])
                done = spread(tower, kept, targets, moments[which], self.method.stage2(which), solve)
                self.log.update({f"{tower.component}.{name}": value for name, value in done.log.items()})
                for layer, weight in done.weights.items():
                    weights[tower.parameter_name(layer)] = weight.to(self.bench.bundle.dtype)
                    self.log[f"{tower.component}.{layer}.residual_norm"] = done.residual_norms[layer]
                    self.log[f"{tower.component}.{layer}.relative_change"] = done.change[layer]
        return Edit(weights=weights, log=self.log)

    def _solver(self, which: int, moments: Mapping[int, Tensor]) -> Solver | None:
        """Another closed form than EMCID's for one encoder; None: EMCID's."""
        return None

    @contextmanager
    def _measure_time(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.log[name] = time.monotonic() - start

    def _per_request(
        self, requests: Sequence[EditRequest], concepts: Sequence[Concept], values: Tensor
    ) -> tuple[list[Concept], Tensor]:
        """One value vector per request: a balancing one gets the weighed mean of its destinations'."""
        kept, targets, start = [], [], 0
        for request in requests:
            stop = start + max(len(request.dests), 1)
            shares = self.method.shares if stop - start > 1 and self.method.shares else (1.0,) * (stop - start)
            share = torch.tensor(shares, dtype=torch.float64) / sum(shares)
            targets.append(torch.einsum("k,ktd->td", share.to(values.device), values[start:stop].double()))
            kept.append(concepts[start])
            start = stop
        return kept, torch.stack(targets)

    # --- second moments

    def _moments(self, which: int, layers: Sequence[int] | None = None) -> dict[int, Tensor]:
        tower = self.bench.towers[which]
        layers = self.method.stage2(which).layers if layers is None else layers
        if max(layers) >= tower.depth:
            raise MethodError(f"emcid layers {tuple(layers)}: {tower.component} has layers 0 to {tower.depth - 1}")
        keys = {layer: self._moment_key(tower.component, layer) for layer in layers}
        scratch = self.scratch.depends_on()  # the captions themselves are in the key
        found = {layer: scratch.get(key) for layer, key in keys.items()}
        missing = [layer for layer, array in found.items() if array is None]
        if missing:
            for layer, moment in second_moments(tower, self.captions, missing).items():
                scratch.put(keys[layer], moment.cpu().numpy())
                found[layer] = moment.cpu().numpy()
        return {layer: torch.from_numpy(np.array(array)) for layer, array in found.items() if array is not None}

    def _moment_key(self, component: str, layer: int) -> dict[str, Any]:
        return {
            "what": "second moment of fc2 inputs",
            "model": self.model,
            "encoder": component,
            "layer": layer,
            "captions": digest(self.captions),
        }

    # --- stage I

    def _values(self, concepts: Sequence[Concept]) -> list[Tensor]:
        """Per encoder the value vectors of all concepts, (N, T, d).

        Batches are cut from the whole list, not from what is missing, so that a run that was stopped and goes on
        computes the same batches as one that was not. What is kept of a batch stays.
        """
        fisher = self._fisher() if self.stage1.uses_fisher else None
        pieces = list(slices(len(concepts), self.at_once.size))
        keys = self._value_keys(concepts)
        missing = [(a, b) for a, b in pieces if any(self._stored_vectors(key) is None for key in keys[a:b])]
        losses: list[float] = []
        with (
            training_passes(self.execution.precision),
            stage("value vectors", sum(b - a for a, b in missing)) as advance,
        ):
            done = self._each(lambda piece: self._optimise(concepts[slice(*piece)], fisher), missing)
            for values, (a, b) in zip(done, missing, strict=True):  # in this order `done` is run to its end
                self._keep(keys[a:b], values)
                losses += values.losses.tolist()
                advance(b - a)
        if losses:
            self.log["mean_final_loss"] = float(np.mean(losses))
        self.log["values_made"] = float(len(losses))
        rows = [row for row in map(self._stored_vectors, keys) if row is not None]
        return [
            torch.from_numpy(np.stack([row[which] for row in rows])).to(tower.device)
            for which, tower in enumerate(self.bench.towers)
        ]

    def _each(self, work: Callable[[tuple[int, int]], Values], pieces: Sequence[tuple[int, int]]) -> Iterator[Values]:
        """On the CPU every core takes a batch of its own; on an accelerator one batch follows the other."""
        return threads.spread(work, pieces) if self.bench.bundle.device.type == "cpu" else map(work, pieces)

    def _value_keys(self, concepts: Sequence[Concept]) -> list[dict[str, Any]]:
        """One key a concept. What is computed beside it changes last bits, and is not part of it."""
        key: dict[str, Any] = {
            "what": "emcid value vector",
            "version": 3,
            "model": self.model,
            "layers": self.stage1.layers,
        }
        if self.stage1.noise_loss != "none":
            key["sampling"] = asdict(self.bench.sampling)
        if self.stage1.uses_fisher:
            key["fisher"] = self._fisher_key()
        return [{**key, "concept": asdict(concept)} for concept in concepts]

    def _stored_vectors(self, key: Mapping[str, Any]) -> list[Array] | None:
        """A concept's vectors, one per encoder; all or none."""
        found = [self.vectors.get({**key, "encoder": tower.component}) for tower in self.bench.towers]
        return None if any(array is None for array in found) else [array for array in found if array is not None]

    def _optimise(self, concepts: Sequence[Concept], fisher: Tensor | None) -> Values:
        """The value vectors of one batch, or of its parts where memory does not suffice for all."""
        return Values.joined(self.at_once.run(lambda part, _: self._batch(part, fisher), concepts))

    def _batch(self, concepts: Sequence[Concept], fisher: Tensor | None) -> Values:
        bench, settings = self.bench, self.stage1
        if settings.noise_loss == "none":
            return optimise(bench.towers, None, concepts, settings, None, [], fisher=fisher)
        draws = [bench.draws(concept, settings.pictures) for concept in concepts]
        latents = bench.latents(concepts, settings, draws)
        return optimise(bench.towers, bench.denoiser, concepts, settings, latents, draws, fisher=fisher)

    def _keep(self, keys: Sequence[Mapping[str, Any]], values: Values) -> None:
        for which, tower in enumerate(self.bench.towers):
            for key, vector in zip(keys, values.vectors[which].cpu().numpy(), strict=True):
                self.vectors.put({**key, "encoder": tower.component}, vector)

    # --- Fisher diagonal

    def _fisher_key(self) -> dict[str, Any]:
        return {
            "what": "fisher diagonal",
            "model": self.model,
            "layer": self.stage1.layers[0],
            "captions": digest(self.captions),
            "sampling": asdict(self.bench.sampling),
        }

    def _fisher(self) -> Tensor:
        def compute() -> Array:
            layer = self.stage1.layers[0]
            moment = self._moments(0, [layer])[layer]
            pairs = self.bench.fisher_pairs(self.captions, self.method.fisher_pairs, self.method.fisher_steps)
            tower, denoiser = self.bench.towers[0], self.bench.denoiser
            found = fisher_diagonal(tower, denoiser, layer, moment, FISHER_MOMENT_WEIGHT, pairs)
            array: Array = found.cpu().numpy()
            return array

        with self._measure_time("fisher_seconds"):
            scratch = self.scratch.depends_on(*FISHER)
            return torch.from_numpy(np.array(scratch.array(self._fisher_key(), compute))).to(
                self.bench.towers[0].device
            )
