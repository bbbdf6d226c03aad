"""Read a judge's answers for images from the numbers that runs have stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iceb.base.errors import IcebError
from iceb.running.judgements import Array, judgement_text, likeliest_class, nearest_text
from iceb.specs.prompts import ImageKey, Prompt
from iceb.specs.results import Result
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore

if TYPE_CHECKING:
    from iceb.running.measure_attempts import MeasuredRow
    from iceb.running.measuring import MeasuredImage
    from iceb.specs.metrics import Measure

CLASSES = 1000  # of an ImageNet classifier's row
CHOICES = "image+text"  # what a measure reads whose row has a number for each of a prompt's choices


@dataclass(frozen=True)
class Answer:
    """A judge's answer on one image.

    Attributes:
        name: what it took the image for: the class, or the nearest of the prompt's texts.
        sure: the probability of that; None where the judge gives no probabilities.
        aim: how far the image is what its prompt should show: the probability of the destination, of the class of a
            prompt that no edit names, or one minus that of an erased class; 1 or 0 of texts; None where neither is
            known.
    """

    name: str
    sure: float | None
    aim: float | None

    @property
    def text(self) -> str:
        """The answer for people.

        >>> Answer("goldfinch", 0.981, None).text
        'goldfinch 0.98'
        """
        return self.name if self.sure is None else judgement_text(self.name, self.sure)


class Answers:
    """Stored answers of a run's judge; the first measure that classifies answers.

    Args:
        result: of the run whose measures are asked.
        cache: the cache's root.
        compute: have the judge look at images that it has not seen; its network is loaded then, and never else.
    """

    def __init__(self, result: Result, cache: Path, *, compute: bool = False) -> None:
        self._result = result
        self._cache = cache
        self._compute = compute
        self._measures = self._classifiers() if compute or (cache / "measured").is_dir() else []

    def _classifiers(self) -> "list[Measure]":
        """Make the measures of the run that may classify; their weights are not loaded."""
        from iceb.running.measure_choice import named_measure

        identities = dict.fromkeys(ref.id for score in self._result.scores for ref in score.measures.values())
        found: list[Measure] = []
        for identity in identities:
            try:
                measure = named_measure(identity, "cpu")
            except IcebError:  # of a package that is not installed here: its answers are not shown
                continue
            if measure.inputs in ("image", CHOICES):
                found.append(measure)
        return found

    def of(self, wanted: Sequence[tuple[Prompt, ImageKey]]) -> dict[tuple[Prompt, ImageKey], Answer]:
        """Return the answer on each image that has one, by prompt and image."""
        found: dict[tuple[Prompt, ImageKey], Answer] = {}
        for measure in self._measures:
            left = [pair for pair in wanted if pair not in found]
            rows = self._rows(measure, left)
            for pair in left:
                row = rows.get(_measured_image(*pair).key(measure))
                answer = read_answer(pair[0], row, measure.inputs) if isinstance(row, np.ndarray) else None
                if answer is not None:
                    found[pair] = answer
        return found

    def _rows(self, measure: "Measure", wanted: Sequence[tuple[Prompt, ImageKey]]) -> "Mapping[str, MeasuredRow]":
        from iceb.running.measuring import Measuring, stored_revision

        store = MeasuredStore(self._cache)
        if self._compute:
            images = [_measured_image(*pair) for pair in wanted]
            return Measuring(ImageStore(self._cache), store).rows(measure, images, "the judge's answers")
        keys = [_measured_image(*pair).key(measure) for pair in wanted]
        found: dict[str, MeasuredRow] = {}
        for device in dict.fromkeys((self._result.device_kind or "cpu", "cpu", "cuda")):
            missing = [key for key in keys if key not in found]
            found |= store.read(measure.id, stored_revision(measure, device), missing)
        return found


def _measured_image(prompt: Prompt, image: ImageKey) -> "MeasuredImage":
    from iceb.running.measuring import MeasuredImage

    return MeasuredImage(image, prompt, image)


def read_answer(prompt: Prompt, row: Array, inputs: str) -> Answer | None:
    """Read one row of numbers; None where it is no classification.

    >>> read_answer(Prompt("a hen", 0, "source", choices=("a hen", "a dog"), answer=1), np.array([0.2, 0.3]), CHOICES)
    Answer(name='a dog', sure=None, aim=1.0)
    """
    if inputs == CHOICES:
        if len(prompt.choices) < 2 or len(row) != len(prompt.choices):
            return None
        nearest = nearest_text(row, prompt.choices)
        return Answer(nearest.name, None, None if prompt.answer is None else float(nearest.place == prompt.answer))
    if len(row) != CLASSES:
        return None
    likeliest = likeliest_class(row)
    return Answer(likeliest.name, likeliest.number, _aim(prompt, row))


def _aim(prompt: Prompt, row: Array) -> float | None:
    if prompt.target is not None and prompt.target < CLASSES:
        return float(row[prompt.target])
    if prompt.label is None or prompt.label >= CLASSES:
        return None
    return float(row[prompt.label]) if prompt.request is None else 1 - float(row[prompt.label])
