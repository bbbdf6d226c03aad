"""EMCID as the benchmark sees it: requests to weights, on each layout, resumable, and without a trace in the model."""

from dataclasses import replace

import pytest
import torch

from iceb.base.digest import digest_tensor
from iceb.base.errors import MethodError
from iceb.methods.emcid import EMCID
from iceb.specs.execution import Execution
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from tests.memory import Memory

TEMPLATES = ("An image of {}", "A photo of {}", "{}")
NAMES = ("golden retriever", "bee", "steam locomotive", "lemon", "violin", "canoe")
REQUESTS = tuple(EditRequest(f"t/{i}", name, (NAMES[i - 1],), TEMPLATES, i) for i, name in enumerate(NAMES))


def four(scratch):
    """A context in which four concepts are optimised together."""
    return MethodContext(scratch, Execution(concepts_at_once=4))


@pytest.fixture
def method(tmp_path):
    captions = tmp_path / "captions.txt"
    captions.write_text("\n".join(f"a {word} on a table" for word in NAMES), encoding="utf-8")
    return EMCID(layers=(1, 2), layers_2=(2, 3), steps=2, captions=str(captions))


@pytest.fixture(autouse=True)
def short_drawing(request, monkeypatch):
    """Training images of two steps: what they show does not matter here."""
    for name in {"tiny", "tiny_sd", "tiny_sdxl"} & set(request.fixturenames):
        bundle = request.getfixturevalue(name)
        sampling = replace(bundle.family.sampling, scheduler="ddim", steps=2)
        monkeypatch.setattr(bundle, "family", replace(bundle.family, sampling=sampling))


def fingerprint(weights) -> dict[str, str]:
    return {name: digest_tensor(tensor) for name, tensor in weights.items()}


def test_an_edit_names_full_tensors_of_the_model_and_leaves_it_alone(tiny, method):
    before = {name: digest_tensor(value) for name, value in tiny.parameters_named().items()}
    wanted = [parameter.requires_grad for parameter in tiny.pipeline.unet.parameters()]
    edit = method.edit(tiny, REQUESTS[:2], context=four(Memory()))
    encoders = tiny.family.text_encoders
    assert len(edit.weights) == 2 * len(encoders)
    for name, tensor in edit.weights.items():
        parameter = tiny.parameter(name)
        assert tensor.shape == parameter.shape
        assert tensor.dtype == parameter.dtype
        assert torch.isfinite(tensor).all()
        assert not torch.equal(tensor, parameter)
    assert {name.split(".")[0] for name in edit.weights} == set(encoders)
    assert {name: digest_tensor(value) for name, value in tiny.parameters_named().items()} == before
    assert [parameter.requires_grad for parameter in tiny.pipeline.unet.parameters()] == wanted
    with tiny.applied(edit):
        pass


def test_no_requests_give_an_empty_edit(tiny_sd, method):
    assert not method.edit(tiny_sd, [], context=four(Memory())).weights


def test_two_runs_give_the_same_bytes(tiny_sd, method):
    first, second = (method.edit(tiny_sd, REQUESTS, context=four(Memory())) for _ in range(2))
    assert fingerprint(first.weights) == fingerprint(second.weights)


def test_a_run_that_broke_off_goes_on_to_the_same_bytes(tiny_sd, method):
    whole = method.edit(tiny_sd, REQUESTS, context=four(Memory()))
    notes = Memory(room=4)  # both moments and two of the first four vectors
    with pytest.raises(KeyboardInterrupt):
        method.edit(tiny_sd, REQUESTS, context=four(notes))
    notes.room = 10**9
    assert fingerprint(method.edit(tiny_sd, REQUESTS, context=four(notes)).weights) == fingerprint(whole.weights)


def test_more_requests_reuse_what_fewer_made(tiny_sd, method):
    notes = Memory()
    method.edit(tiny_sd, REQUESTS[:4], context=four(notes))
    edit = method.edit(tiny_sd, REQUESTS, context=four(notes))
    assert edit.log["values_made"] == 2
    fresh = method.edit(tiny_sd, REQUESTS, context=four(Memory()))
    assert fingerprint(edit.weights) == fingerprint(fresh.weights)


@pytest.mark.parametrize(
    "changes",
    [{"dests": ("teapot",)}, {"seed": 77}, {"templates": TEMPLATES[:2]}, {"source": "school bus"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_request_that_differs_is_optimised_anew(tiny_sd, method, changes):
    notes = Memory()
    method.edit(tiny_sd, REQUESTS[:1], context=four(notes))
    again = method.edit(tiny_sd, [replace(REQUESTS[0], **changes)], context=four(notes))
    assert again.log["values_made"] == 1


def test_stage_one_settings_are_part_of_a_value_vector_s_name(tiny_sd, method):
    notes = Memory()
    other = replace(method, rate=0.1)
    method.edit(tiny_sd, REQUESTS[:1], context=four(notes.of(method)))
    again = other.edit(tiny_sd, REQUESTS[:1], context=four(notes.of(other)))
    assert again.log["values_made"] == 1


def test_stage_two_settings_do_not_touch_the_value_vectors(tiny_sd, method):
    notes = Memory()
    other = replace(method, edit_weight=0.7, moment_weight=10.0)
    method.edit(tiny_sd, REQUESTS[:4], context=four(notes.of(method)))
    again = other.edit(tiny_sd, REQUESTS[:4], context=four(notes.of(other)))
    assert again.log["values_made"] == 0


def test_a_balancing_request_gets_the_mean_of_its_destinations(tiny_sd, method):
    """With all of the share on one destination the edit is that of replacing by it."""
    both = EditRequest("t/both", "lemon", ("bee", "canoe"), TEMPLATES, 5)
    one = EditRequest("t/one", "lemon", ("bee",), TEMPLATES, 5)
    method = replace(method, shares=(1.0, 0.0))
    alone = Execution(concepts_at_once=1)
    balanced = method.edit(tiny_sd, [both], context=MethodContext(Memory(), alone))
    replaced = method.edit(tiny_sd, [one], context=MethodContext(Memory(), alone))
    assert fingerprint(balanced.weights) == fingerprint(replaced.weights)


@pytest.mark.parametrize(
    "changes",
    [
        {"noise_loss": "none"},
        {"noise_loss": "true", "images": 2},
        {"noise_loss": "esd"},
        {"penalty": "ewc", "fisher_pairs": 3, "fisher_steps": 2},
        {"tokens": 2},
        {"text_loss": "contrastive", "negatives": ("the sea", "two chairs")},
        {"residual": "stream"},
        {"true_noise": ("t/0",), "unaligned": ("t/1",)},
    ],
    ids=str,
)
def test_every_variant_runs_from_requests_to_weights(tiny_sd, method, changes):
    edit = replace(method, **changes).edit(tiny_sd, REQUESTS[:2], context=four(Memory()))
    assert all(torch.isfinite(tensor).all() for tensor in edit.weights.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edit_weight": 1.0}, "singular"),
        ({"layers": ()}, "at least one layer"),
        ({"layers": (3,), "value_layer": 2}, "must not lie below"),
        ({"noise_loss": "both"}, "must be one of distil, true, esd, none"),
        ({"tokens": 2, "penalty": "ewc"}, "tokens > 1"),
        ({"moment_weight": 0.0}, "must be positive"),
        ({"shares": (-1.0, 2.0)}, "must not be negative"),
    ],
)
def test_invalid_settings_are_refused_on_creation(changes, message):
    with pytest.raises(MethodError, match=message):
        EMCID(**changes)


def test_layers_beyond_the_encoder_are_refused(tiny_sd, method):
    with pytest.raises(MethodError, match="has layers 0 to 3"):
        replace(method, layers=(11,)).edit(tiny_sd, REQUESTS[:1], context=four(Memory()))


def test_two_encoders_refuse_what_is_defined_for_one(tiny_sdxl, method):
    with pytest.raises(MethodError, match="for one only"):
        replace(method, noise_loss="esd").edit(tiny_sdxl, REQUESTS[:1], context=four(Memory()))


def test_too_few_captions_for_full_rank_warn_and_log_the_lift(tiny_sd, method, caplog):
    edit = method.edit(tiny_sd, REQUESTS[:1], context=four(Memory()))
    (line,) = caplog.messages
    assert line.startswith("6 captions give ")
    assert "different keys, a layer has 64 inputs" in line
    assert edit.log["text_encoder.lift"] > 0
    assert edit.log["captions_used"] == 6
