"""Scores of objects that are erased one at a time, by CLIP among all of them, as MACE defines.

Published tables give accuracies in percent; here they are shares, of the edited model beside the unedited one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from iceb.metrics.by_concept import SIDES, Floats, concept_means, is_first_likeliest
from iceb.specs.metrics import AFTER, Measured, Measurements, Need
from iceb.specs.reduction import ConceptValue, Part, Reduction
from iceb.statistics.power_means import power_mean

ERASED, OTHERS, ALIAS = "erased", "others", "alias"  # roles
B32 = "clip_b32"  # kind of measure
SCALE = 100.0  # of CLIP's logits
MACE = "arXiv:2403.06135"


@dataclass(frozen=True)
class ObjectAccuracy:
    """CLIP's accuracy on the object that an image shows without an edit, among all objects of the task.

    The first of a prompt's choices is that object. MACE's accuracy is the mean probability, softmax(100 × cosine); with
    `hits` it is the share of images whose likeliest object is that one.
    """

    name: str
    role: str
    higher_is_better: bool
    hits: bool = False
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "probability"
    paper: ClassVar[str] = MACE

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(B32, self.role),)

    @property
    def reduction(self) -> Reduction:
        """The mean accuracy after the edit."""
        return Reduction({self.role: Part(1.0, "after")})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each edit's accuracy before and after."""
        sides = measured[self.role]
        return tuple(concept_means(self.role, {side: self.accuracy(sides[side]) for side in SIDES}, sides[AFTER]))

    def accuracy(self, side: Measured) -> Floats:
        """The accuracy of each image, (N,)."""
        if self.hits:
            return is_first_likeliest(side, side.values.shape[1]) if side.prompts else np.zeros(0)
        return _first_probability(side)


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


def _first_probability(side: Measured) -> Floats:
    """The probability of each row's first choice, softmax(100 × cosine)."""
    if not side.prompts:
        return np.zeros(0)
    logits: Floats = SCALE * side.values.astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = odds[:, 0] / odds.sum(axis=1)
    return found


OBJECT_ACC_E = ObjectAccuracy("object_acc_e", ERASED, higher_is_better=False)
OBJECT_ACC_S = ObjectAccuracy("object_acc_s", OTHERS, higher_is_better=True)
OBJECT_ACC_G = ObjectAccuracy("object_acc_g", ALIAS, higher_is_better=False)
OBJECT_HIT_E = ObjectAccuracy("object_hit_e", ERASED, higher_is_better=False, hits=True)
OBJECT_HIT_S = ObjectAccuracy("object_hit_s", OTHERS, higher_is_better=True, hits=True)
OBJECT_HIT_G = ObjectAccuracy("object_hit_g", ALIAS, higher_is_better=False, hits=True)
_ACCURACIES = (OBJECT_ACC_E, OBJECT_ACC_S, OBJECT_ACC_G)
OBJECT_H_O = ObjectsHarmonic()
