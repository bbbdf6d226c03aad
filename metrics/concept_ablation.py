"""Concept Ablation's metrics (arXiv:2303.13516): CLIP scores, KID to the unedited model, copies.

A measure of image and choices gives cosines: the first choice is the text of what the image shall show, the second,
where there is one, that of the anchor.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.errors import SpecError
from iceb.metrics.cosines import ClipScore
from iceb.metrics.measured_rows import Floats, choice_numbers, shared_rows
from iceb.metrics.sets import kernel_distance
from iceb.specs.metrics import AFTER, BEFORE, REFERENCE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import ConceptValue, Part, Reduction

TARGET, ANCHOR, NEGATIVE, MEMORIZED = "target", "anchor", "negative", "memorized"  # roles
TEXTS, FEATURES, COPIES = "clip_b32", "inception", "sscd_descriptor"  # kinds of measures
PAPER = "arXiv:2303.13516"
SCALE = 2.5  # of the CLIP score
COPY = 0.5  # similarity above which an image counts as a copy
FEWEST = 2  # images of a set


def clip_scores(cosines: Floats) -> Floats:
    """2.5 · max(cos, 0) of every image and choice (arXiv:2104.08718, equation 1).

    >>> clip_scores(np.array([[0.3, -0.1]])).tolist()
    [[0.75, 0.0]]
    """
    found: Floats = SCALE * np.maximum(cosines, 0.0)
    return found


def own_score(cosines: Floats) -> Floats:
    """The CLIP score of the first choice, (n,)."""
    return np.asarray(clip_scores(cosines)[:, 0])


def beats_anchor(cosines: Floats) -> Floats:
    """1 where the first choice scores higher than the anchor's text, (n,)."""
    scores = clip_scores(cosines)
    return np.asarray(scores[:, 0] > scores[:, 1], dtype=np.float64)


@dataclass(frozen=True)
class TextAgreement:
    """The mean over a role's images of a number taken from the cosines of image and texts, after the edit.

    Attributes:
        of: cosines (n, choices) → (n,).
        choices: how many each prompt must have at least.
    """

    name: str
    role: str
    of: Callable[[Floats], Floats]
    higher_is_better: bool
    unit: str
    choices: int = 1
    version: int = 1

    paper: ClassVar[str] = PAPER

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(TEXTS, self.role),)

    @property
    def reduction(self) -> Reduction:
        """The mean over images after the edit."""
        return Reduction({self.role: Part(1.0, "after")})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each concept's mean before and after.

        Raises:
            SpecError: the two sides are not of the same prompts, or a prompt has too few choices.
        """
        before, after = measured[self.role][BEFORE], measured[self.role][AFTER]
        rows = shared_rows(self.name, before, after)
        if few := [prompt for prompt in after.prompts if len(prompt.choices) < self.choices]:
            raise SpecError(
                f"metric {self.name}: prompt {few[0].text!r:.80} has {len(few[0].choices)} choices, needs "
                f"{self.choices}"
            )
        if not rows:
            return ()
        was, now = self.of(choice_numbers(before)), self.of(choice_numbers(after))
        return tuple(
            ConceptValue(concept, self.role, float(was[at].mean()), float(now[at].mean()), len(at), replicate)
            for (concept, replicate), at in rows.items()
        )


@dataclass(frozen=True)
class KernelToUnedited:
    """KID of each concept's images to the unedited model's of the same prompts; concepts count alike.

    With at most 1 000 images a side, clean-fid's subsets are the whole sets, so that its value is this one. The images
    of both sides share prompts and seeds, as upstream: an edit without effect has a KID below 0.
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
        for (concept, replicate), at in shared_rows(self.name, before, after).items():
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

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each caption's part before and after.

        Raises:
            SpecError: the two sides are not of the same prompts, or a prompt names no reference.
        """
        sides = measured[MEMORIZED]
        rows = shared_rows(self.name, sides[BEFORE], sides[AFTER])
        if not rows:
            return ()
        was, now = (self._copies(sides, side) for side in (BEFORE, AFTER))
        return tuple(
            ConceptValue(concept, MEMORIZED, float(was[at].mean()), float(now[at].mean()), len(at), replicate)
            for (concept, replicate), at in rows.items()
        )

    def _copies(self, sides: Mapping[str, Measured], side: str) -> npt.NDArray[np.float64]:
        """1 where an image is like its own reference, (n,)."""
        references, images = sides[self.reference].values, sides[side]
        places = [self._place(prompt, len(references)) for prompt in images.prompts]
        similarity = (images.values.astype(np.float64) * references[places].astype(np.float64)).sum(axis=1)
        return np.asarray(similarity > self.threshold, dtype=np.float64)

    def _place(self, prompt: Prompt, references: int) -> int:
        if prompt.label is None or prompt.label >= references:
            raise SpecError(
                f"metric {self.name}: prompt {prompt.text!r:.80} has label {prompt.label}, needs the place of one of "
                f"{references} references"
            )
        return prompt.label


@dataclass(frozen=True)
class AblationScore:
    """(fall of clip_accuracy_target + rise of clip_accuracy_negative) / 2, to rank by; ours."""

    name: str = "ablation_score"
    version: int = 1
    higher_is_better: bool = True

    unit: ClassVar[str] = "part of images"
    paper: ClassVar[str] = ""

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images of both roles."""
        return (*CLIP_ACCURACY_TARGET.needs, *CLIP_ACCURACY_NEGATIVE.needs)

    @property
    def reduction(self) -> Reduction:
        """Half of each role's mean change."""
        return Reduction({TARGET: Part(0.5, "fall"), NEGATIVE: Part(0.5, "rise")})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """The concepts of both parts.

        Raises:
            SpecError: as `TextAgreement`.
        """
        return (*CLIP_ACCURACY_TARGET(measured), *CLIP_ACCURACY_NEGATIVE(measured))


def _score(role: str, higher_is_better: bool) -> TextAgreement:
    return TextAgreement(f"clip_score_{role}", role, own_score, higher_is_better, "2.5 · max(cos, 0)")


def _accuracy(role: str, higher_is_better: bool) -> TextAgreement:
    return TextAgreement(f"clip_accuracy_{role}", role, beats_anchor, higher_is_better, "part of images", choices=2)


CLIP_SCORE_TARGET, CLIP_SCORE_ANCHOR, CLIP_SCORE_NEGATIVE = (
    _score(TARGET, False),
    _score(ANCHOR, True),
    _score(NEGATIVE, True),
)
CLIP_ACCURACY_TARGET, CLIP_ACCURACY_NEGATIVE = _accuracy(TARGET, False), _accuracy(NEGATIVE, True)
KID_TARGET = KernelToUnedited("kid_target", TARGET, higher_is_better=True)
KID_ANCHOR = KernelToUnedited("kid_anchor", ANCHOR)
KID_NEGATIVE = KernelToUnedited("kid_negative", NEGATIVE)
MEMORIZED_SHARE = CopiedShare()
MEMORIZED_CLIP = ClipScore("memorized_clip", MEMORIZED, TEXTS, form="hessel")  # ours, on the scale of CLIP_SCORE_TARGET
ABLATION_SCORE = AblationScore()
