"""Specs refuse nonsense at birth, in words that say what is allowed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from iceb.base.errors import SpecError
from iceb.running.plan import Ask
from iceb.specs.datasets import DataCard
from iceb.specs.execution import Execution
from iceb.specs.metrics import Measured, Need, check_inputs
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.recipes import Recipe
from iceb.specs.reduction import Score
from iceb.specs.requests import EditBatch, EditRequest
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
    "roles": ("source",),
}


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: request(templates=("no slot",)), "exactly one {}"),
        (lambda: request(templates=("{} and {}",)), "exactly one {}"),
        (lambda: request(templates=()), "at least one training template"),
        (lambda: request(source=" "), "non-empty"),
        (lambda: request(seed=-1), "seed -1: must be a whole number from 0"),
        (lambda: Prompt("a cat", 1, "Source"), "role 'Source' must be a word of a-z, 0-9 and _"),
        (lambda: Prompt("a cat", 1, ""), "must be a word"),
        (lambda: Prompt("a cat", 1, "s" * 65), "at most 64 characters"),
        (lambda: Prompt("a cat", 1, None), "must be a word"),
        (lambda: Prompt("a cat", -1, "source"), "must be a whole number from 0 to 9223372036854775807"),
        (lambda: Prompt("a cat", 2**63, "source"), "must be a whole number from 0 to 9223372036854775807"),
        (lambda: Prompt("a cat", 1, "source", replicate=-1), "replicate -1: must be a whole number from 0"),
        (lambda: Prompt("a cat", 1, "source", choices=("a", "b"), answer=2), "a place in its 2 choices, 2: must be"),
        (lambda: Prompt("a cat", 1, "source", answer=0), "a place in its 0 choices, 0: must be"),
        (lambda: NoiseDraw(-1), "noise draw seed -1: must be a whole number from 0"),
        (lambda: NoiseDraw(1, ()), "noise draw calls (): must be 1 to 4096 images in all"),
        (lambda: NoiseDraw(1, (3, 0)), "call 0: must be a whole number from 1 to 4096"),
        (lambda: NoiseDraw(1, (4000, 97)), "1 to 4096 images in all"),
        (lambda: NoiseDraw(1, (3, 2), 2), "noise draw slot 2: must be a whole number from 0 to 1"),
        (lambda: EditBatch("", ()), "edit batch id '': must be non-empty text"),
        (lambda: EditBatch("b", (), replicate=-1), "replicate -1: must be a whole number from 0"),
        (lambda: EditBatch("b", (request(), request())), "request aice/0 stands twice"),
        (lambda: Need("judge", "Source"), "role 'Source' must be a word"),
        (lambda: Need("judge", "source", sides=("now",)), "side 'now': must be before, after or reference:NAME"),
        (lambda: check_inputs("images", "measure m"), "must be one of image, pair, image+text"),
        (lambda: Execution(precision="half"), "`precision` 'half': must be one of float32, tf32, bfloat16"),
        (lambda: Ask("aice", "unedited", 0), "`num_edits` 0: must be a whole number from 1 to 1000000"),
        (lambda: Execution(images_per_pass=0), "`images_per_pass` 0: must be a whole number from 1 to 4096"),
        (lambda: Execution(precision="int8"), "must be one of float32, tf32, bfloat16"),
        (lambda: Sampling(steps=0), "`steps` 0: must be a whole number from 1 to 1000"),
        (lambda: Sampling(scheduler="euler"), "must be one of pndm, ddim"),
        (lambda: Sampling(height=30), "multiple of 8"),
        (lambda: Sampling(guidance=float("nan")), "`guidance` nan: must be a number from 0"),
        (lambda: ModelRef("sd14", "a/b", "c", "int8"), "must be one of float32"),
        (lambda: ModelRef("", "a/b", "c"), "must all be given"),
        (lambda: Task(**{**TASK, "headline": "x"}), "must be one of its metrics"),
        (lambda: Task(**{**TASK, "edit_counts": (2, 1)}), "ascending"),
        (lambda: Task(**{**TASK, "kind": "paint"}), "must be one of replace"),
        (lambda: Task(**{**TASK, "roles": ()}), "declares no roles"),
        (lambda: Task(**{**TASK, "roles": ("a role",)}), "must be a word"),
        (lambda: Task(**{**TASK, "edited_roles": ("x",)}), "edited_roles name 'x', must be among its roles"),
        (lambda: Score(float("nan"), None, 1, 1), "must be finite"),
        (lambda: Score(None, None, 0, 0), "needs a note"),
        (lambda: Measured("m@1", np.zeros((2, 3)), (Prompt("a", 1, "source"),)), "must be (prompts, width)"),
    ],
)
def test_nonsense_is_refused_with_what_is_allowed(make, word):
    with pytest.raises(SpecError) as caught:
        make()
    assert word in str(caught.value)


def test_a_request_that_balances_has_no_single_destination():
    with pytest.raises(SpecError, match="2 destinations"):
        _ = request(dests=("a", "b")).dest


def test_images_that_are_not_independent_share_a_cluster():
    """The concept that the prompt names, else its request, else its class, else its text."""
    assert Prompt("a cat", 1, "source", "r/1", 3, concept="cats").cluster == "cats"
    assert Prompt("a cat", 1, "source", "r/1", 3).cluster == "r/1"
    assert Prompt("a cat", 1, "source", None, 3).cluster == "class 3"
    assert Prompt("a cat", 1, "source").cluster == "a cat"


WORDS = st.lists(st.sampled_from(["easy", "hard", "old"]), unique=True).map(tuple)


@given(wanted=WORDS, has=WORDS, role=st.sampled_from(["source", "holdout"]))
def test_a_need_reads_the_prompts_of_its_role_that_have_all_its_tags(wanted, has, role):
    prompt = Prompt("a cat", 1, role, tags=has)
    assert Need("judge", "source", tags=wanted).accepts(prompt) == (role == "source" and set(wanted) <= set(has))


def test_a_need_is_found_by_its_name_or_its_role():
    assert Need("judge", "source").key == "source"
    assert Need("judge", "source", name="again").key == "again"


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
