"""Scores of objects that are erased one at a time, by CLIP among all of them, as MACE defines.

Published tables give accuracies in percent; here they are shares, of the edited model beside the unedited one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.metrics.choices import ChoiceAccuracy, ChoiceProbability
from iceb.specs.metrics import Measurements, Need
from iceb.specs.reduction import ConceptValue, Part, Reduction
from iceb.statistics.power_means import power_mean

ERASED, OTHERS, ALIAS = "erased", "others", "alias"  # roles
B32 = "clip_b32"  # kind of measure
MACE = "arXiv:2403.06135"


@dataclass(frozen=True)
class ObjectsHarmonic:
    """H_o: harmonic mean of 1 − Acc_e, Acc_s and 1 − Acc_g of each edit, averaged (equation 8)."""

    name: str = "object_h_o"
    higher_is_better: ClassVar[bool] = True
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "share"
    paper: ClassVar[str] = MACE

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images of the erased object, of the others, and of its other names."""
        return (*OBJECT_ACC_E.needs, *OBJECT_ACC_S.needs, *OBJECT_ACC_G.needs)

    @property
    def reduction(self) -> Reduction:
        """The mean over edits."""
        return Reduction({"object": Part(1.0, "after")}, weighting="concepts")

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each edit's harmonic mean; none for an edit without images of one of the three."""
        roles = {
            metric.role: {(each.concept, each.replicate): each for each in metric(measured)} for metric in _ACCURACIES
        }
        return tuple(
            ConceptValue(
                concept,
                "object",
                _harmonic([roles[role][concept, replicate].before for role in roles]),
                _harmonic([roles[role][concept, replicate].after for role in roles]),
                sum(roles[role][concept, replicate].n for role in roles),
                replicate,
            )
            for concept, replicate in roles[ERASED]
            if all((concept, replicate) in known for known in roles.values())
        )


def _harmonic(accuracies: Sequence[float | None]) -> float | None:
    """The harmonic mean of 1 − Acc_e, Acc_s and 1 − Acc_g.

    >>> round(100 * _harmonic([0.0906, 0.9539, 0.1003]), 2)  # MACE on airplane; printed from unrounded parts: 92.03
    92.04
    """
    erased, others, alias = accuracies
    if erased is None or others is None or alias is None:
        return None
    return power_mean("harmonic", [1 - erased, others, 1 - alias], [1.0, 1.0, 1.0])


@dataclass(frozen=True)
class ObjectHits(ChoiceAccuracy):
    """Share of images whose likeliest object is the one that they show without an edit."""

    unit: ClassVar[str] = "probability"  # as results of version 1 have it


def _accuracy(name: str, role: str, higher_is_better: bool) -> ChoiceProbability:
    """CLIP's accuracy on the object shown without an edit, the first of a prompt's choices."""
    return ChoiceProbability(name, role, B32, "after", higher_is_better, paper=MACE, choice=0)


def _hits(name: str, role: str, higher_is_better: bool) -> ObjectHits:
    return ObjectHits(name, role, B32, "after", higher_is_better, paper="", choice=0)


OBJECT_ACC_E = _accuracy("object_acc_e", ERASED, higher_is_better=False)
OBJECT_ACC_S = _accuracy("object_acc_s", OTHERS, higher_is_better=True)
OBJECT_ACC_G = _accuracy("object_acc_g", ALIAS, higher_is_better=False)
OBJECT_HIT_E = _hits("object_hit_e", ERASED, higher_is_better=False)
OBJECT_HIT_S = _hits("object_hit_s", OTHERS, higher_is_better=True)
OBJECT_HIT_G = _hits("object_hit_g", ALIAS, higher_is_better=False)
_ACCURACIES = (OBJECT_ACC_E, OBJECT_ACC_S, OBJECT_ACC_G)
OBJECT_H_O = ObjectsHarmonic()
