"""The judge's answer for an image in a few words: a class and its probability, or the nearer text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from iceb.datasets.own_requests import BY_CLASS, BY_TEXT
from iceb.running.judgements import likeliest_class, nearest_text
from iceb.running.measure_attempts import FailedRow, MeasuredRow
from iceb.running.measuring import MeasuredImage
from iceb.running.scoring import Scorer
from iceb.specs.prompts import ImageKey, Prompt

NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class JudgeAnswers:
    """The judges of own requests: those by which a run's scores are counted.

    Attributes:
        scorer: of a run, which has measured its images; others are measured here.
    """

    scorer: Scorer

    def of(self, images: Mapping[Prompt, ImageKey]) -> dict[Prompt, str]:
        """Return the answer for each image whose prompt has a judge.

        Raises:
            MeasureError, StoreError: as the measuring of a run.
        """
        return dict(found for tag in (BY_CLASS, BY_TEXT) for found in self._by(tag, images))

    def _by(self, tag: str, images: Mapping[Prompt, ImageKey]) -> Iterator[tuple[Prompt, str]]:
        mine = {prompt: MeasuredImage(key, prompt, key) for prompt, key in images.items() if tag in prompt.tags}
        kind = self._kind(tag)
        if not mine or kind is None:
            return
        measure = self.scorer.measures[kind]
        rows = self.scorer.measuring.rows(measure, list(mine.values()), "for the sheet")
        for prompt, image in mine.items():
            yield prompt, answer_text(tag, prompt, rows[image.key(measure)])

    def _kind(self, tag: str) -> str | None:
        """The kind of measure that reads prompts with a tag; None where no metric does."""
        needs = (need for each in self.scorer.metrics for need in each.metric.needs)
        return next((need.measure for need in needs if need.tags == (tag,)), None)


def answer_text(tag: str, prompt: Prompt, row: MeasuredRow) -> str:
    """Put a judge's row into words: its likeliest class, or the nearer of the last two texts.

    >>> import numpy as np
    >>> asked = Prompt("a hen", 1, "source", choices=("a hen", "a wok"))
    >>> answer_text("text", asked, np.array([0.21, 0.27])), answer_text("class", asked, np.array([0.1, 0.9]))
    ('a wok 0.27', 'goldfish 0.90')
    """
    if isinstance(row, FailedRow):
        return NOT_JUDGED
    found = likeliest_class(row) if tag == BY_CLASS else nearest_text(row[-2:], prompt.choices[-2:])
    return found.text
