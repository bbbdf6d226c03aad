"""Zero-shot classification by CLIP: the choice that an image resembles most, with its probability.

Rows are raw cosines of an image with its prompt's choices (iceb.metrics.measures.text_cosines). One choice counts: the
prompt's `answer`, or the one at a place that the metric names.
"""

from dataclasses import dataclass

import numpy as np

from iceb.base.errors import SpecError
from iceb.metrics.cosines import check_cosines
from iceb.metrics.image_means import ImageMean
from iceb.metrics.rows import Floats
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt

FEWEST = 2  # choices
LOGIT_SCALE = 100.0  # that CLIP was trained to, and that every paper's softmax has


@dataclass(frozen=True)
class ChoiceAccuracy(ImageMean):
    """Share of images that are more like their prompt's answer than like each other choice.

    With a threshold, the share in which the answer's probability is above it (RoAD's and TIMED's generality at 0.75).

    Attributes:
        threshold: of the answer's probability; None: the answer must have the largest cosine, alone.
        scale: of the cosines in that probability.
        choice: the place of the choice that counts as the answer; None: as each prompt says.

    >>> from iceb.specs.prompts import Prompt
    >>> prompts = tuple(Prompt("a hen", n, "p", concept="hen", choices=("hen", "harp"), answer=0) for n in range(2))
    >>> side = Measured("m", np.array([[0.25, 0.24], [0.21, 0.22]]), prompts)
    >>> [value.after for value in ChoiceAccuracy("a", "p", "clip_l14")({"p": {"before": side, "after": side}})]
    [0.5]
    """

    threshold: float | None = None
    scale: float = LOGIT_SCALE
    choice: int | None = None

    @property
    def unit(self) -> str:
        """The unit of its value."""
        return "share of images"

    def numbers(self, side: Measured) -> Floats:
        """1 for each image that counts, else 0."""
        if self.threshold is not None:
            return np.asarray(answer_probabilities(side, self.scale, self.choice) > self.threshold, np.float64)
        return nearest_is_answer(side, self.choice)


@dataclass(frozen=True)
class ChoiceProbability(ImageMean):
    """Mean probability of the prompt's answer: softmax of scale × cosine over its choices.

    MACE calls it CLIP accuracy.

    Attributes:
        scale: of the cosines.
        choice: as of `ChoiceAccuracy`.
    """

    scale: float = LOGIT_SCALE
    choice: int | None = None

    @property
    def unit(self) -> str:
        """The unit of its value."""
        return "probability"

    def numbers(self, side: Measured) -> Floats:
        """The answer's probability for each image."""
        return answer_probabilities(side, self.scale, self.choice)


def nearest_is_answer(side: Measured, choice: int | None = None) -> Floats:
    """1 for each image whose cosine with its answer is above that with every other choice, else 0, (N,)."""
    cosines, answers = _cosines_and_answers(side, choice)
    rows = np.arange(len(cosines))
    others = cosines.copy()
    others[rows, answers] = -np.inf
    return np.asarray(cosines[rows, answers] > others.max(axis=1), np.float64)


def answer_probabilities(side: Measured, scale: float = LOGIT_SCALE, choice: int | None = None) -> Floats:
    """The probability of each image's answer, (N,)."""
    cosines, answers = _cosines_and_answers(side, choice)
    found: Floats = choice_probabilities(cosines, scale)[np.arange(len(cosines)), answers]
    return found


def choice_probabilities(cosines: Floats, scale: float = LOGIT_SCALE) -> Floats:
    """Softmax of scale × cosine over the choices of each image, (N, choices).

    >>> choice_probabilities(np.array([[0.25, 0.25]])).tolist()
    [[0.5, 0.5]]
    """
    logits = scale * cosines
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = odds / odds.sum(axis=1, keepdims=True)
    return found


def _cosines_and_answers(side: Measured, choice: int | None) -> tuple[Floats, list[int]]:
    """The cosines of a side (N, choices) and the column of each answer.

    Raises:
        SpecError: a prompt has no answer, or the rows have fewer than two choices.
        MeasureError: a number is no cosine.
    """
    width = side.values.shape[1]
    if width < FEWEST:
        raise SpecError(f"measure {side.measure} gave rows of {width} choice: an answer needs another beside it")
    return check_cosines(side), [_answer(prompt, choice, width) for prompt in side.prompts]


def _answer(prompt: Prompt, choice: int | None, width: int) -> int:
    answer = prompt.answer if choice is None else choice
    if answer is None or len(prompt.choices) != width:
        raise SpecError(
            f"prompt {prompt.text!r:.80} has {len(prompt.choices)} choices and the answer {answer}: needs an answer "
            f"and the {width} choices that were measured"
        )
    return answer
