"""Shares of images that match the right one of their texts, by CLIP: the metrics of RoAD and TIMED.

A prompt names two texts, what it showed and what it should show, and which of them is the answer. A measure gives the
cosine of the image with each. The published criterion compares the two; the adaptive one asks for what images of the
answer's own text reach, so that an image which merely leans to the right text does not pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from iceb.base.errors import SpecError
from iceb.metrics.choices import ChoiceAccuracy
from iceb.metrics.composite import Composite
from iceb.metrics.cosines import text_cosines
from iceb.metrics.rows import concept_means, shared_rows
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import Combine, ConceptValue, Part, Reduction

KIND = "clip_bigg"
UNIT = "share of images"
EVEN = 0.5
ORACLE = "oracle_"  # before a role: that of images of its answers' own texts
DEVIATIONS = 2.0  # that an image may lie below the mean of these
FEWEST = 2  # images for a standard deviation
REFACT, TIME, EMCID, ADAPTIVE = "arXiv:2306.00738", "arXiv:2303.08084", "arXiv:2403.13807", "arXiv:2409.17928"


@dataclass(frozen=True)
class AdaptiveRate:
    """Share of images as near to the answer's text as images of that text are (arXiv:2409.17928).

    An image passes if its cosine with the text is at least the mean of the oracle images' minus two standard deviations
    (of a sample). Oracle images are drawn from the very text by the unedited model. A prompt whose text has fewer than
    two of them (with `limit`) is left out of the share, and counted in n.
    """

    name: str
    role: str
    asks_dest: bool = True
    deviations: float = DEVIATIONS
    version: int = 1
    higher_is_better: bool = True

    unit: ClassVar[str] = UNIT
    paper: ClassVar[str] = ADAPTIVE

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads, and the oracle images."""
        return (Need(KIND, self.role), Need(KIND, ORACLE + self.role, sides=(BEFORE,)))

    @property
    def reduction(self) -> Reduction:
        """The mean over images after the edit."""
        return Reduction({self.role: Part(1.0, "after")})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each concept's share before and after.

        Raises:
            SpecError: the two sides are not of the same prompts and measure, or a prompt names no answer.
            MeasureError: a number is no cosine.
        """
        sides = {name: measured[self.role][name] for name in (BEFORE, AFTER)}
        groups = shared_rows(*sides.values())
        asked = thresholds(measured[ORACLE + self.role][BEFORE], self.deviations)
        least = np.array([asked.get(answer_text(prompt), np.nan) for prompt in sides[AFTER].prompts])
        judged = {key: [row for row in rows if not np.isnan(least[row])] for key, rows in groups.items()}
        passed = {name: (text_cosines(side) >= least).astype(np.float64) for name, side in sides.items()}
        values = concept_means(self.role, {key: rows for key, rows in judged.items() if rows}, passed)
        return tuple(replace(value, n=len(groups[value.concept, value.replicate])) for value in values)


def thresholds(oracle: Measured, deviations: float) -> Mapping[str, float]:
    """The least cosine that passes, by text: mean − deviations · σ of the images drawn from it."""
    scores: dict[str, list[float]] = {}
    for prompt, cosine in zip(oracle.prompts, text_cosines(oracle), strict=True):
        scores.setdefault(answer_text(prompt), []).append(float(cosine))
    enough = {text: np.array(found) for text, found in scores.items() if len(found) >= FEWEST}
    return {text: float(found.mean() - deviations * found.std(ddof=1)) for text, found in enough.items()}


def answer_text(prompt: Prompt) -> str:
    """The text that the prompt's image should match.

    Raises:
        SpecError: the prompt names none.
    """
    if prompt.answer is None:
        raise SpecError(f"prompt {prompt.text!r:.80} has no answer among its {len(prompt.choices)} texts")
    return prompt.choices[prompt.answer]


def _rate(name: str, role: str, above: float = EVEN, asks_dest: bool = True) -> ChoiceAccuracy:
    """Share of images whose probability of the answer is above a threshold; one half: the nearer text."""
    return ChoiceAccuracy(name, role, KIND, paper=REFACT, asks_dest=asks_dest, threshold=above)


def _mean_of_both(name: str, combine: Combine, paper: str) -> Composite:
    """The mean of generality and specificity, each the mean over its images; papers call it F1."""
    parts = {role: Part(1.0, "after") for role in ("positive", "negative")}
    return Composite(name, (GENERALITY, SPECIFICITY), parts, combine, unit=UNIT, paper=paper)


EFFICACY = _rate("efficacy", "source")
GENERALITY = _rate("generality", "positive")
GENERALITY_75 = _rate("generality_75", "positive", above=0.75)
GENERALITY_90 = _rate("generality_90", "positive", above=0.9)
SPECIFICITY = _rate("specificity", "negative", asks_dest=False)
EFFICACY_ADAPTIVE = AdaptiveRate("efficacy_adaptive", "source")
GENERALITY_ADAPTIVE = AdaptiveRate("generality_adaptive", "positive")
SPECIFICITY_ADAPTIVE = AdaptiveRate("specificity_adaptive", "negative", asks_dest=False)
F1_HARMONIC = _mean_of_both("f1_harmonic", "harmonic", EMCID)
F1_GEOMETRIC = _mean_of_both("f1_geometric", "geometric", REFACT)
