"""Scores of erased persons by a detector of identities (kind `face_identity`), as MACE defines them.

Published tables give accuracies in percent; here they are shares, of the edited model beside the unedited one.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from iceb.metrics.composite import Composite
from iceb.metrics.image_means import ImageMean
from iceb.metrics.rows import Floats, concept_means, finite_column, shared_rows
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.reduction import ConceptValue, Part, Reduction

ERASED, OTHERS = "erased", "others"  # roles
SEEN, UNSEEN = "seen", "unseen"  # tags of prompts of those who stay by whether preserved captions say the name
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
    tags: tuple[str, ...] = ()  # prompts are read that have all of these
    part: str = ""  # the prompts' name in per-concept tables and notes; where it is empty, the role
    paper: str = MACE
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "share"

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(IDENTITY, self.role, tags=self.tags),)

    @property
    def reduction(self) -> Reduction:
        """The share that is recognised over the share with a face."""
        return Reduction(self.parts())

    def parts(self, slope: float = 1.0, offset: float = 0.0) -> dict[str, Part]:
        """The parts of the quotient, counted as offset + slope × share."""
        name, faces = self._part_names
        return {name: Part(1.0, "after", slope, offset, over=faces), faces: Part(0.0, "after")}

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each person's share of images that are recognised, and of images with a face."""
        sides = measured[self.role]
        groups = shared_rows(sides[BEFORE], sides[AFTER])
        faces = {name: _has_face(sides[name]) for name in (BEFORE, AFTER)}
        hits = {name: faces[name] * _is_named(sides[name]) for name in (BEFORE, AFTER)}
        name, of_faces = self._part_names
        return (*concept_means(name, groups, hits), *concept_means(of_faces, groups, faces))

    @property
    def _part_names(self) -> tuple[str, str]:
        name = self.part or self.role
        return name, f"{name} faces"


@dataclass(frozen=True)
class FaceShare(ImageMean):
    """Share of a role's images in which the detector finds a face."""

    measure: str = IDENTITY
    paper: str = MACE

    unit: ClassVar[str] = "share"

    def numbers(self, side: Measured) -> Floats:
        """1 for each image with a face, else 0."""
        return _has_face(side)


def _is_named(side: Measured) -> Floats:
    """1 where the named person's score is above that of any other identity, else 0."""
    if not side.prompts:
        return np.zeros(0)
    found: Floats = side.values[:, :-1].astype(np.float64)
    return np.asarray(found[:, 0] > found[:, 1:].max(axis=1), np.float64)


def _has_face(side: Measured) -> Floats:
    return (finite_column(side, -1) > 0).astype(np.float64)


CELEBRITY_ACC_E = RecognisedShare("celebrity_acc_e", ERASED, higher_is_better=False)
CELEBRITY_ACC_S = RecognisedShare("celebrity_acc_s", OTHERS, higher_is_better=True)
CELEBRITY_ACC_S_SEEN, CELEBRITY_ACC_S_UNSEEN = (  # ours, of the embedded set
    RecognisedShare(
        f"celebrity_acc_s_{tag}", OTHERS, higher_is_better=True, tags=(tag,), part=f"{tag} others", paper=""
    )
    for tag in (SEEN, UNSEEN)
)
CELEBRITY_H_C = Composite(  # equation 9
    "celebrity_h_c",
    (CELEBRITY_ACC_E, CELEBRITY_ACC_S),
    {**CELEBRITY_ACC_E.parts(-1.0, 1.0), **CELEBRITY_ACC_S.parts()},
    "harmonic",
    paper=MACE,
)
CELEBRITY_H_C_UNSEEN = Composite(  # ours, of the embedded set
    "celebrity_h_c_unseen",
    (CELEBRITY_ACC_E, CELEBRITY_ACC_S_UNSEEN),
    {**CELEBRITY_ACC_E.parts(-1.0, 1.0), **CELEBRITY_ACC_S_UNSEEN.parts()},
    "harmonic",
)
CELEBRITY_FACES_E = FaceShare("celebrity_faces_e", ERASED)
CELEBRITY_FACES_S = FaceShare("celebrity_faces_s", OTHERS)
