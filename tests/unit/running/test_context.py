"""A method draws and judges inside its edit: as a run does, and only with measures that its settings name."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from iceb.base.errors import MethodError, SpecError
from iceb.metrics.measures.classifier import MiniProbability
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import initial_latents, texts_to_images
from iceb.models.sources import find
from iceb.registry import Registered
from iceb.running.measuring import stored_revision
from iceb.running.method_runner import ChosenMethod
from iceb.specs.execution import Execution
from iceb.specs.methods import Edit, MethodCard, MethodContext
from iceb.specs.metrics import MeasureInput
from iceb.specs.requests import EditRequest
from iceb.specs.runs import MeasureRef, ModelRef, Sampling
from iceb.stores.edits import EditStore

TABLE = "text_encoder.*token_embedding.weight"
BIRD = EditRequest("context/0", "hen", ("golden retriever",), ("a photo of a {}",), 3, 8, 207)
QUICK = Sampling("ddim", 4, 3.0, 32, 32)


@dataclass(frozen=True)
class Chooser:
    """Takes of several strengths the one under which the judge sees most of the destination."""

    judge: str = "vit_mini"
    card: ClassVar[MethodCard] = MethodCard("chooser", 1, "", ("replace",), (TABLE,), judges=("judge",))

    def edit(self, bundle: Any, requests: Any, *, context: MethodContext) -> Edit:
        judge = context.judge(self.judge)
        edits = {strength: self._make_edit(bundle, requests[0], strength) for strength in (0.0, 1.0)}
        seen = {}
        for strength, edit in edits.items():
            with bundle.applied(edit) as edited:
                images = context.draw(edited, [f"a photo of a {requests[0].source}"] * 8, range(8))
            seen[strength] = float(judge([MeasureInput(image) for image in images])[:, requests[0].dest_label].mean())
        best = max(seen, key=seen.__getitem__)
        return Edit(edits[best].weights, log={"strength": best, "seen": seen[best], "unedited": seen[0.0]})

    def _make_edit(self, bundle: Any, request: EditRequest, strength: float) -> Edit:
        ((name, table),) = bundle.parameters_named(TABLE).items()
        source, dest = (bundle.pipeline.tokenizer(text).input_ids[1:-1] for text in (request.source, request.dest))
        new = table.clone()
        new[source] = (1 - strength) * table[source] + strength * table[dest].mean(dim=0)
        return Edit({name: new})


def chosen_method(method: Any) -> ChosenMethod:
    return ChosenMethod(Registered("methods", method.card.name, "p", "1", "p:m"), method, "")


def test_a_method_draws_and_judges_inside_its_edit(tmp_path):
    bundle = ModelBundle(find("mini", "float32"), "cpu")
    made = chosen_method(Chooser()).get_or_make_edit(bundle, (BIRD,), EditStore(tmp_path), tmp_path)
    assert made.edit.log["strength"] == 1.0
    assert made.edit.log["seen"] > made.edit.log["unedited"] + 0.1


def test_a_context_draws_the_same_images_as_a_run(tiny_sd):
    edit, texts, seeds = Edit(rewrites={"hen": "dog"}, negative_prompt="blue"), ["a hen", "a boat"], [1, 2]
    context = chosen_method(Chooser()).context(tiny_sd, None)
    with tiny_sd.applied(edit) as edited:
        drawn = context.draw(edited, texts, seeds, QUICK)
        wanted = texts_to_images(edited, ["a dog", "a boat"], initial_latents(edited, seeds, QUICK), QUICK, "blue")
    assert all(np.array_equal(image, each) for image, each in zip(drawn, wanted, strict=True))
    plain = context.draw(tiny_sd, texts, seeds, QUICK)
    assert not np.array_equal(plain[0], drawn[0])


def test_texts_and_seeds_must_be_as_many(tiny_sd):
    with pytest.raises(MethodError, match="2 texts and 1 seeds"):
        chosen_method(Chooser()).context(tiny_sd, None).draw(tiny_sd, ["a", "b"], [1])


def test_a_method_gets_no_measure_that_its_settings_do_not_name(tiny_sd):
    with pytest.raises(MethodError, match=r"asked for the measure 'vit_b16_imagenet'.*they hold: vit_mini"):
        chosen_method(Chooser()).context(tiny_sd, None).judge("vit_b16_imagenet")


def test_a_judge_that_is_not_registered_is_refused_before_any_weight_is_loaded():
    with pytest.raises(SpecError, match="unknown measure 'vit_minni': did you mean vit_mini"):
        chosen_method(Chooser("vit_minni")).check(ModelRef("mini", "iceb/mini", "1"))


def test_a_judges_revision_is_in_the_edits_key(tiny_sd, monkeypatch):
    from iceb.metrics.measures.classifier import MiniProbability

    plain = chosen_method(Chooser()).key(tiny_sd, (BIRD,))
    assert chosen_method(Chooser()).key(tiny_sd, (BIRD,)) == plain
    monkeypatch.setattr(MiniProbability, "_pin", lambda self: "0" * 64)
    assert chosen_method(Chooser()).key(tiny_sd, (BIRD,)) != plain


def test_a_card_whose_judges_are_no_settings_is_refused():
    @dataclass(frozen=True)
    class Wrong:
        card: ClassVar[MethodCard] = MethodCard("w", 1, "", ("replace",), (), judges=("jugde",))

    with pytest.raises(MethodError, match="judges name 'jugde', no setting of it"):
        chosen_method(Wrong()).check(ModelRef("mini", "iceb/mini", "1"))


def test_a_test_context_refuses_what_it_cannot_do(tiny_sd):
    context = MethodContext(None)
    with pytest.raises(MethodError, match="draws no images"):
        context.draw(tiny_sd, [], [])
    with pytest.raises(MethodError, match="loads no measure"):
        context.judge("vit_mini")


@pytest.mark.parametrize("field", ["images_per_pass", "concepts_at_once", "workers"])
@pytest.mark.parametrize("value", [0, -1, 4097])
def test_execution_refuses_invalid_counts(field, value):
    with pytest.raises(SpecError, match=f"^`{field}` {value}: must be a whole number from 1 to 4096"):
        replace(Execution(), **{field: value})


def test_execution_refuses_an_unknown_precision():
    with pytest.raises(SpecError, match=r"^`precision` 'float16': must be one of float32, tf32, bfloat16"):
        Execution(precision="float16")


def test_a_judge_stands_in_the_runs_name_and_what_computes_it_in_the_edits_key(tiny_sd, monkeypatch):
    method = chosen_method(Chooser())
    assert method.judges == {"vit_mini": MeasureRef(id="vit_mini@1", revision=MiniProbability().revision)}
    assert method.record.judges == method.judges
    before = method.key(tiny_sd, (BIRD,))
    monkeypatch.setattr("iceb.running.measuring.libraries", lambda: {"torch": "99"})
    assert method.key(tiny_sd, (BIRD,)) != before
    assert chosen_method(Chooser()).judges == method.judges


def test_another_kind_of_device_makes_other_rows():
    measure = MiniProbability()
    assert stored_revision(measure, "cpu") != stored_revision(measure, "cuda")
