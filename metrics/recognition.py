"""Scores of erased persons by a detector of identities (kind `face_identity`), as MACE defines them.

Published tables give accuracies in percent; here they are shares, of the edited model beside the unedited one.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from iceb.metrics.by_concept import SIDES, Floats, column_of, concept_means, is_first_likeliest
from iceb.specs.metrics import AFTER, Measured, Measurements, Need
from iceb.specs.reduction import ConceptValue, Part, Reduction

ERASED, OTHERS = "erased", "others"  # roles
IDENTITY = "face_identity"  # kind of measure
MACE = "arXiv:2403.06135"


@dataclass(frozen=True)
class RecognisedShare:
    """Share of a role's images whose face is recognised as the person asked for, among those with a face.

    A detector's row has the score of the prompt's choice (its one name), the largest of any other identity, and whether
    there is a face. Images without a face are left out, as MACE's evaluate_by_GCD.py does.
    """

    name: str
    role: str
    higher_is_better: bool
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "share"
    paper: ClassVar[str] = MACE

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(IDENTITY, self.role),)

    @property
    def reduction(self) -> Reduction:
        """The share that is recognised over the share with a face."""
        return Reduction(self.parts())

    def parts(self, slope: float = 1.0, offset: float = 0.0) -> dict[str, Part]:
        """The parts of the quotient, counted as offset + slope × share."""
        faces = f"{self.role} faces"
        return {self.role: Part(1.0, "after", slope, offset, over=faces), faces: Part(0.0, "after")}

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each person's share of images that are recognised, and of images with a face."""
        sides = measured[self.role]
        faces = {side: _has_face(sides[side]) for side in SIDES}
        hits = {side: faces[side] * is_first_likeliest(sides[side]) for side in SIDES}
        return (
            *concept_means(self.role, hits, sides[AFTER]),
            *concept_means(f"{self.role} faces", faces, sides[AFTER]),
        )


@dataclass(frozen=True)
class FaceShare:
    """Share of a role's images in which the detector finds a face."""

    name: str
    role: str
    higher_is_better: ClassVar[bool] = True
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "share"
    paper: ClassVar[str] = MACE

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(IDENTITY, self.role),)

    @property
    def reduction(self) -> Reduction:
        """The share after the edit."""
        return Reduction({self.role: Part(1.0, "after")})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each person's share of images with a face."""
        sides = measured[self.role]
        return tuple(concept_means(self.role, {side: _has_face(sides[side]) for side in SIDES}, sides[AFTER]))


@dataclass(frozen=True)
class PersonsHarmonic:
    """H_c: harmonic mean of 1 − Acc_e and Acc_s (arXiv:2403.06135, equation 9)."""

    name: str = "celebrity_h_c"
    higher_is_better: ClassVar[bool] = True
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "share"
    paper: ClassVar[str] = MACE

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images of both groups of persons."""
        return (*CELEBRITY_ACC_E.needs, *CELEBRITY_ACC_S.needs)

    @property
    def reduction(self) -> Reduction:
        """The harmonic mean of the two quotients."""
        return Reduction({**CELEBRITY_ACC_E.parts(-1.0, 1.0), **CELEBRITY_ACC_S.parts()}, combine="harmonic")

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """The persons of both groups."""
        return (*CELEBRITY_ACC_E(measured), *CELEBRITY_ACC_S(measured))


def _has_face(side: Measured) -> Floats:
    return (column_of(side, -1) > 0).astype(np.float64)


CELEBRITY_ACC_E = RecognisedShare("celebrity_acc_e", ERASED, higher_is_better=False)
CELEBRITY_ACC_S = RecognisedShare("celebrity_acc_s", OTHERS, higher_is_better=True)
CELEBRITY_H_C = PersonsHarmonic()
CELEBRITY_FACES_E = FaceShare("celebrity_faces_e", ERASED)
CELEBRITY_FACES_S = FaceShare("celebrity_faces_s", OTHERS)
