"""Concept Ablation's metrics (arXiv:2303.13516): CLIP scores, KID to the unedited model, copies.

A measure of image and choices gives cosines: the first choice is the text of what the image shall show, the second,
where there is one, that of the anchor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from iceb.base.errors import SpecError
from iceb.metrics.composite import Composite
from iceb.metrics.cosines import ClipScore
from iceb.metrics.image_means import ImageMean
from iceb.metrics.rows import Floats, choice_numbers, concept_means, shared_rows
from iceb.metrics.sets import kernel_distance
from iceb.specs.metrics import AFTER, BEFORE, REFERENCE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import ConceptValue, Part, Reduction

TARGET, ANCHOR, NEGATIVE, MEMORIZED = "target", "anchor", "negative", "memorized"  # roles
TEXTS, FEATURES, COPIES = "clip_b32", "inception", "sscd_descriptor"  # kinds of measures
PAPER = "arXiv:2303.13516"
UNIT = "part of images"
CHOICES = 2  # to compare
COPY = 0.5  # similarity above which an image counts as a copy
FEWEST = 2  # images of a set


@dataclass(frozen=True)
class AboveAnchor(ImageMean):
    """Part of the images that are more like their own text, the first choice, than the anchor's.

    CLIP scores are compared, which are cut at 0: of two texts that an image is unlike, none is the nearer.
    """

    measure: str = TEXTS
    paper: str = PAPER

    unit: ClassVar[str] = UNIT

    def numbers(self, side: Measured) -> Floats:
        """1 for each image that counts, else 0.

        Raises:
            SpecError: a prompt has fewer than two choices.
        """
        if few := [prompt for prompt in side.prompts if len(prompt.choices) < CHOICES]:
            raise SpecError(
                f"metric {self.name}: prompt {few[0].text!r:.80} has {len(few[0].choices)} choices, needs {CHOICES}"
            )
        scores = np.maximum(choice_numbers(side), 0.0)
        return np.asarray(scores[:, 0] > scores[:, 1], np.float64)


@dataclass(frozen=True)
class KernelToUnedited:
    """KID of each concept's images to the unedited model's of the same prompts, averaged over edits.

    With at most 1 000 images a side, clean-fid's subsets are the whole sets, so that its value is this one. The images
    of both sides share prompts and seeds: an edit without effect has a KID below 0. The authors' second release draws
    50 of the unedited model against 200 of a target or anchor.
    """

    name: str
    role: str
    higher_is_better: bool = False
    version: int = 1

    unit: ClassVar[str] = "distance"
    paper: ClassVar[str] = PAPER

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(FEATURES, self.role),)

    @property
    def reduction(self) -> Reduction:
        """The mean over concepts."""
        return Reduction({self.role: Part(1.0, "after")}, weighting="concepts")

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each concept's distance; none of one with fewer than two images.

        Raises:
            SpecError: the two sides are not of the same prompts.
        """
        before, after = measured[self.role][BEFORE], measured[self.role][AFTER]
        found = []
        for (concept, replicate), at in shared_rows(before, after).items():
            if len(at) >= FEWEST:
                was, now = (side.values[at].astype(np.float64) for side in (before, after))
                found.append(ConceptValue(concept, self.role, None, kernel_distance(now, was), len(at), replicate))
        return tuple(found)


@dataclass(frozen=True)
class CopiedShare:
    """The part of a caption's images that copy its memorised image: descriptors' product above a bound.

    A prompt's `label` is the place of its image among the references.
    """

    name: str = "memorized_share"
    threshold: float = COPY
    version: int = 1
    higher_is_better: bool = False

    unit: ClassVar[str] = "part of images"
    paper: ClassVar[str] = PAPER
    reference: ClassVar[str] = f"{REFERENCE}{MEMORIZED}"

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(COPIES, MEMORIZED, (BEFORE, AFTER, self.reference)),)

    @property
    def reduction(self) -> Reduction:
        """The mean over images after the edit."""
        return Reduction({MEMORIZED: Part(1.0, "after")})

    def reference_of(self, prompt: Prompt) -> int | None:
        """The place of a prompt's memorised image."""
        return prompt.label

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each caption's part before and after.

        Raises:
            SpecError: the two sides are not of the same prompts, or a prompt names no reference.
        """
        sides = measured[MEMORIZED]
        groups = shared_rows(sides[BEFORE], sides[AFTER])
        if not groups:
            return ()
        return concept_means(MEMORIZED, groups, {side: self._copies(sides, side) for side in (BEFORE, AFTER)})

    def _copies(self, sides: Mapping[str, Measured], side: str) -> Floats:
        """1 where an image is like its own reference, (n,)."""
        references, images = sides[self.reference], sides[side]
        rows = [self._row(prompt, references) for prompt in images.prompts]
        similarity = (images.values.astype(np.float64) * references.values[rows].astype(np.float64)).sum(axis=1)
        return np.asarray(similarity > self.threshold, dtype=np.float64)

    def _row(self, prompt: Prompt, references: Measured) -> int:
        """The row of a prompt's reference."""
        places = references.places if references.places is not None else tuple(range(len(references.values)))
        if prompt.label not in places:
            raise SpecError(
                f"metric {self.name}: prompt {prompt.text!r:.80} has label {prompt.label}, needs the place of one of "
                f"{len(places)} references"
            )
        return places.index(prompt.label)


def _score(role: str, higher_is_better: bool) -> ClipScore:
    return ClipScore(f"clip_score_{role}", role, TEXTS, "after", higher_is_better, paper=PAPER, form="hessel", text=0)


CLIP_SCORE_TARGET, CLIP_SCORE_ANCHOR, CLIP_SCORE_NEGATIVE = (
    _score(TARGET, False),
    _score(ANCHOR, True),
    _score(NEGATIVE, True),
)
CLIP_ACCURACY_TARGET = AboveAnchor("clip_accuracy_target", TARGET, higher_is_better=False)
CLIP_ACCURACY_NEGATIVE = AboveAnchor("clip_accuracy_negative", NEGATIVE)
KID_TARGET = KernelToUnedited("kid_target", TARGET, higher_is_better=True)
KID_ANCHOR = KernelToUnedited("kid_anchor", ANCHOR)
KID_NEGATIVE = KernelToUnedited("kid_negative", NEGATIVE)
MEMORIZED_SHARE = CopiedShare()
MEMORIZED_CLIP = ClipScore("memorized_clip", MEMORIZED, TEXTS, form="hessel")  # ours, on the scale of CLIP_SCORE_TARGET
ABLATION_SCORE = Composite(  # ours, to rank by
    "ablation_score",
    (CLIP_ACCURACY_TARGET, CLIP_ACCURACY_NEGATIVE),
    {TARGET: Part(0.5, "fall"), NEGATIVE: Part(0.5, "rise")},
    unit=UNIT,
)
