"""Value vectors of many concepts: stage I batch by batch, each vector stored by content."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from iceb.base.digest import digest
from iceb.base.progress import stage
from iceb.methods.common.stored_parts import unfinished_batches
from iceb.methods.common.training import record_seconds, training_passes
from iceb.methods.emcid.caption_moments import CaptionMoments
from iceb.methods.emcid.concepts import Concept
from iceb.methods.emcid.fisher import fisher_diagonal
from iceb.methods.emcid.settings import Stage1
from iceb.methods.emcid.stage1 import Values, optimise_values
from iceb.methods.emcid.training import Workbench
from iceb.models import threads
from iceb.specs.execution import Execution
from iceb.specs.methods import Scratch
from iceb.specs.passes import PassSize

if TYPE_CHECKING:
    from iceb.methods.emcid import EMCID

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
CONCEPTS_AT_ONCE = 8  # concepts optimised together by default
FISHER = ("fisher_pairs", "fisher_steps")  # settings of the Fisher diagonal
# Settings that change a value vector; the layers, which several settings decide, are in its key.
STAGE1 = tuple(each.name for each in fields(Stage1) if each.name != "layers")
FISHER_MOMENT_WEIGHT = 4000.0  # λ inside the Fisher diagonal, whatever λ the edit takes, as in the authors' code


class ValueVectors:
    """Reads value vectors from the scratch, or optimises and stores them.

    Args:
        method: the settings.
        bench: the model.
        scratch: where vectors and the Fisher diagonal are stored.
        execution: how many concepts are optimised together, and in what precision.
        moments: the captions and their second moments, which the Fisher diagonal needs.
        log: the edit's diagnostics.
    """

    def __init__(
        self,
        method: "EMCID",
        bench: Workbench,
        scratch: Scratch,
        execution: Execution,
        moments: CaptionMoments,
        log: dict[str, float],
    ) -> None:
        self.method, self.bench, self.scratch, self.execution = method, bench, scratch, execution
        self.moments, self.log = moments, log
        self.settings = method.stage1(len(bench.towers))
        together = execution.concepts_at_once or CONCEPTS_AT_ONCE
        self.at_once: PassSize = bench.bundle.pass_sizes.of("concepts_at_once", together)
        self.vectors = scratch.depends_on(*STAGE1, *(FISHER if self.settings.uses_fisher else ()))

    def __call__(self, concepts: Sequence[Concept]) -> list[Tensor]:
        """Value vectors of all concepts, (N, T, d) per encoder."""
        fisher = self._fisher() if self.settings.uses_fisher else None
        keys = self._keys(concepts)
        missing = unfinished_batches(keys, self.at_once.size, lambda key: self._stored_vectors(key) is not None)
        losses: list[float] = []
        with (
            training_passes(self.execution.precision),
            stage("value vectors", sum(b - a for a, b in missing)) as advance,
        ):
            work = partial(self._optimise_batch, concepts, fisher)
            done = threads.run_passes(self.bench.bundle.device, work, missing)
            for values, (a, b) in zip(done, missing, strict=True):  # with `done` first, it is run to its end
                self._store(keys[a:b], values)
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

    def _keys(self, concepts: Sequence[Concept]) -> list[dict[str, Any]]:
        """The scratch key of each concept.

        What is computed beside it changes last bits, and is not part of it.
        """
        key: dict[str, Any] = {
            "what": "emcid value vector",
            "version": 3,
            "model": self.bench.bundle.digest,
            "layers": self.settings.layers,
        }
        if self.settings.noise_loss != "none":
            key["sampling"] = asdict(self.bench.sampling)
        if self.settings.uses_fisher:
            key["fisher"] = self._fisher_key()
        return [{**key, "concept": asdict(concept)} for concept in concepts]

    def _stored_vectors(self, key: Mapping[str, Any]) -> list[Array] | None:
        """A concept's stored vectors, one per encoder; None unless all are stored."""
        found = [self.vectors.get({**key, "encoder": tower.component}) for tower in self.bench.towers]
        return None if any(array is None for array in found) else [array for array in found if array is not None]

    def _store(self, keys: Sequence[Mapping[str, Any]], values: Values) -> None:
        for which, tower in enumerate(self.bench.towers):
            for key, vector in zip(keys, values.vectors[which].cpu().numpy(), strict=True):
                self.vectors.put({**key, "encoder": tower.component}, vector)

    def _optimise_batch(self, concepts: Sequence[Concept], fisher: Tensor | None, batch: tuple[int, int]) -> Values:
        """Optimise the value vectors of a batch, or of parts of it if memory is short."""
        return Values.join(self.at_once.run(lambda part, _: self._optimise(part, fisher), concepts[slice(*batch)]))

    def _optimise(self, concepts: Sequence[Concept], fisher: Tensor | None) -> Values:
        bench, settings = self.bench, self.settings
        if settings.noise_loss == "none":
            return optimise_values(bench.towers, None, concepts, settings, None, [], fisher=fisher)
        draws = [bench.draws(concept, settings.images) for concept in concepts]
        latents = bench.latents(concepts, settings, draws)
        return optimise_values(bench.towers, bench.denoiser, concepts, settings, latents, draws, fisher=fisher)

    def _fisher_key(self) -> dict[str, Any]:
        return {
            "what": "fisher diagonal",
            "model": self.bench.bundle.digest,
            "layer": self.settings.layers[0],
            "captions": digest(self.moments.captions),
            "sampling": asdict(self.bench.sampling),
        }

    def _fisher(self) -> Tensor:
        """The Fisher diagonal of the "ewc" penalty, (d,), computed if it is not stored."""
        tower = self.bench.towers[0]

        def compute() -> Array:
            layer = self.settings.layers[0]
            moment = self.moments.of(0, [layer])[layer]
            pairs = self.bench.fisher_pairs(self.moments.captions, self.method.fisher_pairs, self.method.fisher_steps)
            found = fisher_diagonal(tower, self.bench.denoiser, layer, moment, FISHER_MOMENT_WEIGHT, pairs)
            array: Array = found.cpu().numpy()
            return array

        with record_seconds(self.log, "fisher_seconds"):
            stored = self.scratch.depends_on(*FISHER).array(self._fisher_key(), compute)
            return torch.from_numpy(np.array(stored)).to(tower.device)
