"""EMCID in the null space: its value vectors, written where the caption corpus has no keys.

A definition of our own: nobody has published EMCID with AlphaEdit's projection (arXiv:2410.02355). This file is the
method as the benchmark sees it and imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.base.errors import MethodError
from iceb.methods.common.validation import NotNegative
from iceb.methods.emcid import EMCID
from iceb.methods.emcid.settings import NullRule, NullSpace, RidgeUnit
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest


@dataclass(frozen=True)
class EMCIDNullSpace(EMCID):
    """EMCID whose stage II is confined to the null space of the preserved keys.

    Stage I, its settings and its value vectors are EMCID's, and are shared with it. The defaults are EMCID's published
    ones and AlphaEdit's published constants, which were chosen for language models.

    Attributes:
        moment_weight: λ ≥ 0, a soft preservation λ C inside the null space; 0, the definition, has none.
        moment_weight_2: the same in SDXL's second text encoder.
        float32_moment: must be False: all is computed in float64.
        null_space: which directions are free: "abs", "rel_mean", "rel_max", "energy" or "rank" (see `NullSpace`).
        threshold: what that rule compares with.
        ridge: L2, the damping.
        ridge_unit: "absolute", or "median": in units of the median energy of the keys in the null space.
    """

    moment_weight: NotNegative = 0.0
    moment_weight_2: NotNegative = 0.0
    float32_moment: bool = False
    null_space: NullRule = "abs"
    threshold: float = 2e-2
    ridge: float = 10.0
    ridge_unit: RidgeUnit = "absolute"

    card: ClassVar[MethodCard] = read_card(__file__, "card_null_space.md")

    @property
    def space(self) -> NullSpace:
        """The settings of the null space."""
        return NullSpace(self.null_space, self.threshold, self.ridge, self.ridge_unit)

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.space  # refuses what no null space can have
        if self.float32_moment:
            raise MethodError("emcid-ns float32_moment=True: the projected closed form is computed in float64 only")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new fc2 weights of the text encoders that carry out all requests; see `EMCID.edit`."""
        if not requests:
            return Edit()
        from iceb.methods.emcid.editing import make_edit  # torch is loaded here and not before
        from iceb.methods.emcid.null_space_editing import NullSpaceEditing

        return make_edit(self, bundle, requests, context, NullSpaceEditing)
