"""Specs refuse nonsense at birth, in words that say what is allowed."""

import numpy as np
import pytest
from pydantic import ValidationError

from iceb.base.errors import SpecError
from iceb.specs.datasets import DataCard
from iceb.specs.metrics import Measured, Score
from iceb.specs.prompts import Prompt
from iceb.specs.recipes import Recipe
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef, Sampling
from iceb.specs.tasks import Task


def request(**changes) -> EditRequest:
    fields = {"id": "aice/0", "source": "cat", "dests": ("dog",), "templates": ("a {}",), "seed": 1, **changes}
    return EditRequest(**fields)


TASK = {
    "name": "t",
    "version": 1,
    "title": "",
    "paper": "",
    "dataset": "d",
    "kind": "replace",
    "metrics": ("m",),
    "headline": "m",
    "edit_counts": (1, 2),
}


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: request(templates=("no slot",)), "exactly one {}"),
        (lambda: request(templates=("{} and {}",)), "exactly one {}"),
        (lambda: request(templates=()), "at least one training template"),
        (lambda: request(source=" "), "non-empty"),
        (lambda: request(seed=-1), "must not be negative"),
        (lambda: Prompt("a cat", 1, "sauce"), "must be one of train, source"),
        (lambda: Prompt("a cat", -1, "source"), "must not be negative"),
        (lambda: Sampling(steps=0), "must be at least 1"),
        (lambda: Sampling(scheduler="euler"), "must be one of pndm, ddim"),
        (lambda: Sampling(height=30), "multiple of 8"),
        (lambda: Sampling(guidance=float("nan")), "finite"),
        (lambda: ModelRef("sd14", "a/b", "c", "int8"), "must be one of float32"),
        (lambda: ModelRef("", "a/b", "c"), "must all be given"),
        (lambda: Task(**{**TASK, "headline": "x"}), "must be one of its metrics"),
        (lambda: Task(**{**TASK, "edit_counts": (2, 1)}), "ascending"),
        (lambda: Task(**{**TASK, "kind": "paint"}), "must be one of replace"),
        (lambda: Score(float("nan"), None, 1, 1), "must be finite"),
        (lambda: Score(None, None, 0, 0), "needs a note"),
        (lambda: Measured("m@1", np.zeros((2, 3)), ()), "must be (prompts, width)"),
    ],
)
def test_nonsense_is_refused_with_what_is_allowed(make, word):
    with pytest.raises(SpecError) as caught:
        make()
    assert word in str(caught.value)


def test_a_request_that_balances_has_no_single_destination():
    with pytest.raises(SpecError, match="2 destinations"):
        _ = request(dests=("a", "b")).dest


def test_an_unknown_field_on_a_card_is_refused():
    card = {"name": "x", "version": 1, "paper": "", "licence": "MIT", "files": {}}
    source = {"repository": "a/b", "commit": "c"}
    assert DataCard(**card, source=source).nested
    with pytest.raises(ValidationError, match="Extra inputs"):
        DataCard(**card, source=source, licence_url="x")


def test_a_recipes_mini_part_overrides_only_on_mini():
    recipe = Recipe(
        how="as published", params={"steps": 100, "rate": 0.2}, mini={"how": "tuned", "params": {"steps": 30}}
    )
    assert recipe.settings("mini") == {"steps": 30, "rate": 0.2}
    assert recipe.settings("sd14") == {"steps": 100, "rate": 0.2}
