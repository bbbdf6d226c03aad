"""The second stage of `emcid-ns`: EMCID's edit with the null-space solver."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from iceb.methods.emcid.editing import Editing
from iceb.methods.emcid.null_space import NullSpaceSolver, Spectrum
from iceb.methods.emcid.stage2 import Solver

if TYPE_CHECKING:
    from iceb.methods.emcid.null_space_method import EMCIDNullSpace


class NullSpaceEditing(Editing):
    """An EMCID edit in progress whose weight changes stay in the preserved keys' null space."""

    def solver(self, which: int, moments: Mapping[int, Tensor]) -> Solver:
        """The closed form in the null space of one encoder's preserved keys."""
        method, component = cast("EMCIDNullSpace", self.method), self.bench.towers[which].component
        settings = method.stage2(which)
        return NullSpaceSolver(
            {layer: self._spectrum(component, layer, moment) for layer, moment in moments.items()},
            method.space,
            settings.edit_weight,
            settings.moment_weight,
            component,
            self.log,
        )

    def _spectrum(self, component: str, layer: int, moment: Tensor) -> Spectrum:
        """The spectrum of a second moment, stored as one array: eigenvalues above eigenvectors."""

        def compute() -> "np.ndarray[Any, np.dtype[Any]]":
            found = Spectrum.of(moment.to(self.bench.towers[0].device))
            stacked: np.ndarray[Any, Any] = torch.cat([found.values[None], found.vectors]).cpu().numpy()
            return stacked

        key = {**self.moments.key(component, layer), "what": "spectrum of the second moment of fc2 inputs"}
        stacked = torch.from_numpy(np.array(self.scratch.depends_on().array(key, compute)))
        return Spectrum(stacked[0], stacked[1:])
