"""Shares of images that match the right one of their texts, by CLIP: the metrics of RoAD and TIMED.

A prompt names two texts, what it showed and what it should show, and which of them is the answer. A measure gives the
cosine of the image with each. The published criterion compares the two; the adaptive one asks for what images of the
answer's own text reach, so that an image which merely leans to the right text does not pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError, SpecError
from iceb.metrics.rows import check_comparable, rows_by_concept
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import Combine, ConceptValue, Part, Reduction

Floats = npt.NDArray[np.float64]
Hits = npt.NDArray[np.bool_]
KIND = "clip_bigg"
SCALE = 100.0  # of cosines before the softmax
EVEN = 0.5
ORACLE = "oracle_"  # before a role: that of images of its answers' own texts
DEVIATIONS = 2.0  # that an image may lie below the mean of these
FEWEST = 2  # images for a standard deviation
REFACT, TIME, EMCID, ADAPTIVE = "arXiv:2306.00738", "arXiv:2303.08084", "arXiv:2403.13807", "arXiv:2409.17928"


@dataclass(frozen=True)
class ChoiceRate:
    """Share of a role's images whose probability of the answer is above a threshold (arXiv:2306.00738).

    The probability is the softmax of 100 · cos over the prompt's texts; of two texts, above one half is the greater
    cosine.

    >>> prompt = Prompt("a hen", 1, "source", request="r", choices=("a hen", "a blue hen"), answer=1)
    >>> before = Measured("m", np.array([[0.3, 0.2]]), (prompt,))
    >>> after = Measured("m", np.array([[0.2, 0.3]]), (prompt,))
    >>> ChoiceRate("efficacy", "source")({"source": {"before": before, "after": after}})
    (ConceptValue(concept='r', part='source', before=0.0, after=1.0, n=1, replicate=0, checkpoint='', draw=''),)
    """

    name: str
    role: str
    asks_dest: bool = True
    above: float = EVEN
    version: int = 1
    higher_is_better: bool = True
    paper: str = REFACT

    unit: ClassVar[str] = "share of images"

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(KIND, self.role),)

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
        before, after = _both_sides(measured[self.role])
        was, now = (probabilities(side) > self.above for side in (before, after))
        return _shares(self.role, before.prompts, was, now)


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

    unit: ClassVar[str] = "share of images"
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
        before, after = _both_sides(measured[self.role])
        asked = thresholds(measured[ORACLE + self.role][BEFORE], self.deviations)
        least = np.array([asked.get(answer_text(prompt), np.nan) for prompt in before.prompts])
        was, now = (answer_cosines(side) >= least for side in (before, after))
        return _shares(self.role, before.prompts, was, now, ~np.isnan(least))


@dataclass(frozen=True)
class GeneralitySpecificity:
    """The mean of generality and specificity, each the mean over its images; papers call it F1."""

    name: str
    combine: Combine
    paper: str
    version: int = 1
    higher_is_better: bool = True

    unit: ClassVar[str] = "share of images"
    asks_dest: ClassVar[bool] = True

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the two read."""
        return (*GENERALITY.needs, *SPECIFICITY.needs)

    @property
    def reduction(self) -> Reduction:
        """The harmonic or geometric mean of the two means."""
        return Reduction({role: Part(1.0, "after") for role in ("positive", "negative")}, combine=self.combine)

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """The concepts of both.

        Raises:
            SpecError, MeasureError: as they.
        """
        return (*GENERALITY(measured), *SPECIFICITY(measured))


def probabilities(side: Measured) -> Floats:
    """The probability of each prompt's answer among its texts, (n,): softmax of 100 · cos."""
    found = np.empty(len(side.prompts))
    for row, (prompt, cosines) in enumerate(zip(side.prompts, _cosines(side), strict=True)):
        answer, logits = _answer(prompt), SCALE * cosines[: len(prompt.choices)]
        found[row] = 1 / np.exp(logits - logits[answer]).sum()
    return found


def answer_cosines(side: Measured) -> Floats:
    """The cosine of each image with its prompt's answer, (n,)."""
    rows = np.arange(len(side.prompts))
    answers = [_answer(prompt) for prompt in side.prompts]
    return _cosines(side)[rows, answers] if len(rows) else np.empty(0)


def thresholds(oracle: Measured, deviations: float) -> Mapping[str, float]:
    """The least cosine that passes, by text: mean − deviations · σ of the images drawn from it."""
    scores: dict[str, list[float]] = {}
    for prompt, cosine in zip(oracle.prompts, answer_cosines(oracle), strict=True):
        scores.setdefault(answer_text(prompt), []).append(float(cosine))
    enough = {text: np.array(found) for text, found in scores.items() if len(found) >= FEWEST}
    return {text: float(found.mean() - deviations * found.std(ddof=1)) for text, found in enough.items()}


def answer_text(prompt: Prompt) -> str:
    """The text that the prompt's image should match."""
    return prompt.choices[_answer(prompt)]


def _answer(prompt: Prompt) -> int:
    if prompt.answer is None:
        raise SpecError(f"prompt {prompt.text!r:.80} names no answer among its {len(prompt.choices)} texts")
    return prompt.answer


def _cosines(side: Measured) -> Floats:
    """The rows as float64.

    Raises:
        MeasureError: a number is no cosine, or the rows are too short for the texts.
    """
    found: Floats = side.values.astype(np.float64)
    texts = max((len(prompt.choices) for prompt in side.prompts), default=0)
    if found.shape[1] < texts:
        raise MeasureError(f"measure {side.measure} gave {found.shape[1]} numbers for a prompt of {texts} texts")
    used = found[:, :texts]
    if not np.isfinite(used).all() or np.abs(used).max(initial=0) > 1 + 1e-3:
        raise MeasureError(f"measure {side.measure} gave a number that is no cosine; nothing was scored")
    return found


def _both_sides(sides: Mapping[str, Measured]) -> tuple[Measured, Measured]:
    before, after = sides[BEFORE], sides[AFTER]
    check_comparable(before, after)
    return before, after


def _shares(
    part: str, prompts: Sequence[Prompt], was: Hits, now: Hits, judged: Hits | None = None
) -> tuple[ConceptValue, ...]:
    """The share of hits of each concept and replicate among its judged images."""
    found = []
    for (concept, replicate), members in rows_by_concept(prompts).items():
        at = [row for row in members if judged is None or judged[row]]
        if at:
            before, after = float(was[at].mean()), float(now[at].mean())
            found.append(ConceptValue(concept, part, before, after, len(members), replicate))
    return tuple(found)


EFFICACY = ChoiceRate("efficacy", "source")
GENERALITY = ChoiceRate("generality", "positive")
GENERALITY_75 = ChoiceRate("generality_75", "positive", above=0.75)
GENERALITY_90 = ChoiceRate("generality_90", "positive", above=0.9)
SPECIFICITY = ChoiceRate("specificity", "negative", asks_dest=False)
EFFICACY_ADAPTIVE = AdaptiveRate("efficacy_adaptive", "source")
GENERALITY_ADAPTIVE = AdaptiveRate("generality_adaptive", "positive")
SPECIFICITY_ADAPTIVE = AdaptiveRate("specificity_adaptive", "negative", asks_dest=False)
F1_HARMONIC = GeneralitySpecificity("f1_harmonic", "harmonic", EMCID)
F1_GEOMETRIC = GeneralitySpecificity("f1_geometric", "geometric", REFACT)
