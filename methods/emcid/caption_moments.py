"""Second moments of fc2 inputs over the caption corpus, stored by content."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from iceb.base.digest import digest
from iceb.base.errors import MethodError
from iceb.methods.common.corpora import caption_corpus, sample_captions
from iceb.methods.common.second_moments import second_moments
from iceb.methods.emcid.training import Workbench
from iceb.specs.methods import Scratch

if TYPE_CHECKING:
    from iceb.methods.emcid import EMCID


class CaptionMoments:
    """C = E[k kᵀ] of a model's text encoders over the sampled captions.

    Args:
        method: names the captions and the layers.
        bench: the model.
        scratch: where moments are stored.
        log: the edit's diagnostics; the number of captions is added when they are read.
    """

    def __init__(self, method: "EMCID", bench: Workbench, scratch: Scratch, log: dict[str, float]) -> None:
        self.method, self.bench, self.log = method, bench, log
        self.scratch = scratch.depends_on()  # keys name the captions, not the settings that choose them

    @cached_property
    def captions(self) -> list[str]:
        """The sampled caption corpus, read when first needed."""
        corpus = caption_corpus(self.method.captions, self.bench.bundle.ref.family, self.method.card.name)
        captions = sample_captions(corpus, self.method.caption_count)
        self.log["captions_used"] = float(len(captions))
        return captions

    def of(self, which: int, layers: Sequence[int] | None = None) -> dict[int, Tensor]:
        """Moments of one encoder by layer, (d_ff, d_ff) each, computed if they are not stored.

        Args:
            which: the first (0) or second (1) text encoder.
            layers: None: those that stage II edits.

        Raises:
            MethodError: the encoder lacks a layer.
        """
        tower = self.bench.towers[which]
        layers = self.method.stage2(which).layers if layers is None else layers
        if max(layers) >= tower.depth:
            raise MethodError(f"emcid layers {tuple(layers)}: {tower.component} has layers 0 to {tower.depth - 1}")
        keys = {layer: self.key(tower.component, layer) for layer in layers}
        found = {layer: self.scratch.get(key) for layer, key in keys.items()}
        missing = [layer for layer, array in found.items() if array is None]
        if missing:
            for layer, moment in second_moments(tower, self.captions, missing).items():
                self.scratch.put(keys[layer], moment.cpu().numpy())
                found[layer] = moment.cpu().numpy()
        return {layer: torch.from_numpy(np.array(array)) for layer, array in found.items() if array is not None}

    def key(self, component: str, layer: int) -> dict[str, Any]:
        """The scratch key of one layer's moment."""
        return {
            "what": "second moment of fc2 inputs",
            "model": self.bench.bundle.digest,
            "encoder": component,
            "layer": layer,
            "captions": digest(self.captions),
        }
