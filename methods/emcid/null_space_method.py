"""EMCID in the null space: value vectors as EMCID finds them, written where the caption corpus has no keys.

A definition of our own: nobody has published EMCID with AlphaEdit's projection (arXiv:2410.02355). This file is the
method as the benchmark sees it and imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.base.errors import MethodError
from iceb.methods.emcid import EMCID
from iceb.methods.emcid.settings import NullRule, NullSpace, RidgeUnit
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

    moment_weight: float = 0.0
    moment_weight_2: float = 0.0
    float32_moment: bool = False
    null_space: NullRule = "abs"
    threshold: float = 2e-2
    ridge: float = 10.0
    ridge_unit: RidgeUnit = "absolute"

    card: ClassVar[MethodCard] = MethodCard(
        name="emcid-ns",
        version=1,
        title="EMCID with its second stage in the null space of the preserved keys",
        paper="arXiv:2403.13807",
        kinds=EMCID.card.kinds,
        touches=EMCID.card.touches,
        files=EMCID.card.files,
        reads=EMCID.card.reads,
        fidelity="variant",
        edits="fc2 weights of the text encoder's layers, as EMCID, along directions that captions do not use",
        formula=(
            "stage I: EMCID's (arXiv:2403.13807). Stage II, layer l, the i-th of n: R = (Z* - M)/(n - i); "
            "C = E[k k^T] over captions, P = U0 U0^T of its smallest eigenvectors, from the original encoder; "
            "Delta = R K^T P (K K^T P + L2 (1 - a)/a I)^-1; W <- W + Delta. So Delta (I - P) = 0, and one key k is "
            "moved by R q/(q + L2) with q = k^T P k"
        ),
        variants=(
            ("null_space=abs", "eigenvalues below the threshold: AlphaEdit's rule, 2e-2 and L2 = 10 published there"),
            ("null_space=energy", "the smallest directions that hold a share of the corpus' energy"),
            ("ridge_unit=median", "L2 in units of the median of q: AlphaEdit's 10 may be far above q"),
            ("residual=stream", "MEMIT's and AlphaEdit's residual: Z* minus the stream after the value layer"),
            ("moment_weight", "above 0: lambda C inside the null space, towards EMCID as P -> I and L2 -> 0"),
        ),
        deviations=(
            "stage II is ours: EMCID's value vectors written as AlphaEdit (arXiv:2410.02355) writes its own",
            "one batch: AlphaEdit adds the keys of earlier batches to K K^T, here all requests are written at once",
            "eigenvalues of C where AlphaEdit takes singular values: the same for a second moment",
        ),
        scratch_of="emcid",
        quick=(
            ("layers", (10,)),
            ("residual", "stream"),
            ("steps", 2),
            ("caption_count", 100),
            ("null_space", "rank"),
            ("threshold", 1000.0),
            ("ridge", 0.1),
            ("ridge_unit", "median"),
        ),
    )

    @property
    def space(self) -> NullSpace:
        """The settings of the null space."""
        return NullSpace(self.null_space, self.threshold, self.ridge, self.ridge_unit)

    def _check_closed_form(self) -> None:
        NullSpace(self.null_space, self.threshold, self.ridge, self.ridge_unit)  # raises MethodError
        if self.float32_moment:
            raise MethodError("emcid-ns float32_moment=True: the projected closed form is computed in float64 only")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """New fc2 weights of the text encoder(s) that carry out all requests at once; see `EMCID.edit`."""
        if not requests:
            return Edit()
        from iceb.methods.emcid.editing import make_edit  # torch is loaded here and not before
        from iceb.methods.emcid.null_space_editing import NullSpaceEditing

        return make_edit(self, bundle, requests, context, NullSpaceEditing)
