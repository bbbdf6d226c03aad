"""A measure of images and texts is shown what its rows are named by, and nothing else of the prompt."""

from typing import Any

import numpy as np
import pytest

from iceb.running.measuring import MeasuredImage, Measuring
from iceb.specs.prompts import Prompt
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore

KEY = "a" * 64
PLAIN = Prompt("t", 0, "measured", choices=("x", "y"))


class Seen:
    """Keeps the prompts that it is shown."""

    id, revision, inputs = "seen@1", "1", "image+text"

    def __init__(self) -> None:
        self.prompts: list[Prompt | None] = []

    def __call__(self, inputs: Any) -> Any:
        self.prompts += [each.prompt for each in inputs]
        return np.zeros((len(inputs), 1), np.float32)


def prompts_seen(folder, *prompts: Prompt | None) -> list[Prompt | None]:
    """What the measure sees of some prompts of one image."""
    store, measure = ImageStore(folder), Seen()
    store.save(KEY, np.zeros((8, 8, 3), np.uint8))
    Measuring(store, MeasuredStore(folder)).rows(measure, [MeasuredImage(KEY, prompt) for prompt in prompts])
    return measure.prompts


@pytest.mark.parametrize(
    "facts",
    [
        {"answer": 1},
        {"seed": 7},
        {"role": "other"},
        {"request": "r/1"},
        {"label": 1, "target": 2},
        {"concept": "cat"},
        {"replicate": 3},
        {"tags": ("dest",)},
    ],
    ids=str,
)
def test_inputs_outside_the_row_key_are_hidden_from_the_measure(tmp_path, facts):
    known = {"text": "t", "seed": 1, "role": "source", "choices": ("x", "y")}
    assert prompts_seen(tmp_path, Prompt(**{**known, **facts})) == [PLAIN]


def test_two_answers_to_one_image_are_one_row(tmp_path):
    both = [Prompt("t", 1, "source", choices=("x", "y"), answer=answer) for answer in (0, 1)]
    assert prompts_seen(tmp_path, *both) == [PLAIN]


def test_an_image_without_a_prompt_has_no_texts(tmp_path):
    assert prompts_seen(tmp_path, None) == [None]
