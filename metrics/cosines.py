"""CLIP scores: the cosine of an image with a text, on the scales that papers use.

Rows are raw cosines of an image with its prompt's choices, or with its text (iceb.metrics.measures.text_cosines).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from iceb.base.errors import MeasureError, SpecError
from iceb.metrics.image_means import ImageMean
from iceb.metrics.rows import Floats
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt

Form = Literal["percent", "positive percent", "hessel", "cosine"]
UNITS: dict[Form, str] = {
    "percent": "100 × cosine",
    "positive percent": "100 × max(cosine, 0)",
    "hessel": "2.5 · max(cos, 0)",
    "cosine": "cosine",
}
SLACK = 1e-3  # by which rounding may take a cosine beyond 1


@dataclass(frozen=True)
class ClipScore(ImageMean):
    """The mean cosine of images with a text.

    Attributes:
        form: "percent", 100 · cos, as UCE, EMCID, MACE and SPEED print it (the logit of CLIP's own scale); torchmetrics
            gives the same, and 0 where the mean is below 0; "positive percent", max(100 · cos, 0) of each image, as its
            page writes it; "hessel", 2.5 · max(cos, 0) (arXiv:2104.08718), as Concept Ablation; "cosine", as ESD.
        text: the place of the text among the prompt's choices; None: its answer, or the only text that there is.

    >>> from iceb.specs.prompts import Prompt
    >>> side = Measured("m", np.array([[0.25], [-0.05]]), (Prompt("a hen", 1, "p"), Prompt("a harp", 2, "p")))
    >>> metric = ClipScore("score", "p", "clip_l14", form="hessel")
    >>> [value.after for value in metric({"p": {"before": side, "after": side}})]
    [0.625, 0.0]
    """

    form: Form = "percent"
    text: int | None = None

    def __post_init__(self) -> None:
        if self.form not in get_args(Form):
            raise SpecError(f"metric {self.name}: form {self.form!r:.80} must be one of {', '.join(get_args(Form))}")

    @property
    def unit(self) -> str:
        """The scale of the cosine."""
        return UNITS[self.form]

    def numbers(self, side: Measured) -> Floats:
        """The score of each image."""
        found = text_cosines(side, self.text)
        if self.form == "cosine":
            return found
        scaled: Floats = found * (2.5 if self.form == "hessel" else 100)
        return scaled if self.form == "percent" else np.maximum(scaled, 0)


def text_cosines(side: Measured, text: int | None = None) -> Floats:
    """The cosine of each image with one of its texts, (N,).

    Args:
        text: the text's place; None: the prompt's answer, or the only text that there is.

    Raises:
        SpecError: a prompt has no such text.
        MeasureError: a number is no cosine, or the rows are not of the prompts' texts.
    """
    cosines = check_cosines(side)
    if odd := [prompt for prompt in side.prompts if max(len(prompt.choices), 1) != cosines.shape[1]]:
        texts = max(len(odd[0].choices), 1)
        raise MeasureError(f"measure {side.measure} gave {cosines.shape[1]} numbers for a prompt of {texts} texts")
    places = [_place(prompt, text, cosines.shape[1]) for prompt in side.prompts]
    found: Floats = cosines[np.arange(len(places)), places] if places else np.zeros(0)
    return found


def _place(prompt: Prompt, text: int | None, width: int) -> int:
    """The column of the text that a prompt's image is compared with."""
    place = text if text is not None else prompt.answer
    if place is None and width == 1:
        return 0
    if place is None or not 0 <= place < width:
        said = "no answer" if place is None else f"no text {place}"
        raise SpecError(f"prompt {prompt.text!r:.80} has {said} among its {width} texts")
    return place


def check_cosines(side: Measured) -> Floats:
    """Return the rows as float64.

    Raises:
        MeasureError: a number is no cosine.
    """
    found: Floats = side.values.astype(np.float64)
    if not (np.abs(found) <= 1 + SLACK).all():
        raise MeasureError(f"measure {side.measure} gave a number that is no cosine; nothing was scored")
    return found
