"""A run whose edit changes no image of its sources fails and says so; every other run counts what shows nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import toy

from iceb.base.errors import MethodError
from iceb.running.run_folder import run
from iceb.runs.folder import read_result
from iceb.specs.methods import Edit, MethodCard
from iceb.specs.requests import EditRequest


@dataclass(frozen=True)
class Idle:
    """Returns an empty edit, or one whose only phrase stands in no prompt."""

    phrase: str = ""
    card: ClassVar[MethodCard] = MethodCard("idle", 1, "", ("replace",), ())

    def edit(self, bundle: Any, requests: Sequence[EditRequest], *, context: Any) -> Edit:
        return Edit(rewrites={self.phrase: "dog"} if self.phrase else {})


@dataclass(frozen=True)
class Elsewhere:
    """Changes the embedding of a token that no prompt holds."""

    card: ClassVar[MethodCard] = MethodCard("elsewhere", 1, "", ("replace",), ("text_encoder.*token_embedding.weight",))

    def edit(self, bundle: Any, requests: Sequence[EditRequest], *, context: Any) -> Edit:
        ((name, table),) = bundle.parameters_named("text_encoder.*token_embedding.weight").items()
        (token,) = bundle.pipeline.tokenizer("zebra").input_ids[1:-1][:1]
        edited = table.clone()
        edited[token] += 1
        return Edit({name: edited})


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (Idle(), "it changed no parameter, rewrote no text and set no negative prompt"),
        (Idle("unicorn"), "and of its 1 rewrite none changes these prompts"),
        (Elsewhere(), "too little to change an 8-bit image"),
    ],
)
@pytest.mark.usefixtures("drawn_cache")
def test_an_edit_without_effect_is_a_failed_run_that_names_what_did_not_match(tiny_sd_folder, tmp_path, method, said):
    plan = toy.make_plan(tiny_sd_folder, tmp_path / "cache", method)
    with pytest.raises(MethodError, match="changed no image of its sources") as caught:
        run(plan, tmp_path / "out")
    assert said in str(caught.value)
    assert "('cat', 'dog'): all 24 are the same before and after, byte by byte" in str(caught.value)
    failed = read_result(tmp_path / "out" / plan.spec.id / "result.json")
    assert (failed.status, failed.scores) == ("failed", ())


@dataclass(frozen=True)
class Half:
    """Writes the destination into the prompts of the first of the requests alone."""

    card: ClassVar[MethodCard] = MethodCard("half", 1, "", ("replace",), ())

    def edit(self, bundle: Any, requests: Sequence[EditRequest], *, context: Any) -> Edit:
        return Edit(rewrites={each.source: each.dest for each in requests if each.source == "cat"})


@pytest.mark.usefixtures("drawn_cache")
def test_one_of_two_edits_without_effect_is_named_in_the_result(tiny_sd_folder, tmp_path):
    plan = toy.make_plan(tiny_sd_folder, tmp_path / "cache", Half(), dataset=toy.OneByOne())
    result, path = run(plan, tmp_path / "out")
    assert (result.status, result.effects.edits) == ("complete", 2)
    assert result.effects.unchanged == {"toy/1": ("dog",)}
    assert read_result(path).effects == result.effects


@pytest.mark.usefixtures("drawn_cache")
def test_every_finished_run_counts_degenerate_images_by_role(tiny_sd_folder, tmp_path):
    result, path = run(toy.make_plan(tiny_sd_folder, tmp_path / "cache"), tmp_path / "out")
    assert {role: counts.images for role, counts in result.degenerate.roles.items()} == {"source": 24, "holdout": 24}
    assert read_result(path).degenerate == result.degenerate
