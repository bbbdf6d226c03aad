"""The bundle: parameters by name, edits that leave no trace, and a digest that always names the weights."""

import pytest
import torch

from iceb.base.digest import digest_tensor
from iceb.base.errors import MethodError, ModelError
from iceb.models.bundle import ModelBundle
from iceb.models.checking import check_edit
from iceb.models.sources import find
from iceb.specs.methods import Edit, MethodCard

CARD = MethodCard("tester", 1, "", ("replace",), ("text_encoder.*.mlp.fc2.weight",))


def fc2(bundle):
    return next(name for name in bundle.parameters_named("text_encoder.*.mlp.fc2.weight"))


def test_every_layout_loads_and_names_its_parameters(tiny):
    parts = {name.split(".")[0] for name in tiny.parameters_named()}
    assert parts == set(tiny.family.components)
    assert all(value.dtype == torch.float32 and not value.requires_grad for value in tiny.parameters_named().values())


def test_each_text_encoder_of_sdxl_can_be_edited(tiny_sdxl):
    for encoder in ("text_encoder", "text_encoder_2"):
        assert tiny_sdxl.parameters_named(f"{encoder}.*.layers.0.mlp.fc2.weight")


def test_an_edit_is_restored_bit_for_bit(tiny):
    before = {name: digest_tensor(value) for name, value in tiny.parameters_named().items()}
    named = tiny.digest
    weights = {name: torch.randn_like(value) for name, value in tiny.parameters_named("*.mlp.fc2.weight").items()}
    with tiny.applied(Edit(weights)) as edited:
        assert edited.digest != named
        for name, value in weights.items():
            assert torch.equal(edited.parameter(name), value)
    assert {name: digest_tensor(value) for name, value in tiny.parameters_named().items()} == before
    assert tiny.digest == named


def test_an_edit_is_restored_when_what_happens_inside_fails(tiny_sd):
    name = fc2(tiny_sd)
    before = tiny_sd.parameter(name).clone()
    with pytest.raises(KeyboardInterrupt), tiny_sd.applied(Edit({name: before * 2})):
        raise KeyboardInterrupt
    assert torch.equal(tiny_sd.parameter(name), before)


def test_edits_nest(tiny_sd):
    name = fc2(tiny_sd)
    before = tiny_sd.parameter(name).clone()
    with tiny_sd.applied(Edit({name: before + 1})) as once, once.applied(Edit({name: before + 2})) as twice:
        assert torch.equal(twice.parameter(name), before + 2)
        assert len({tiny_sd.digest, once.digest, twice.digest}) == 3
    assert torch.equal(tiny_sd.parameter(name), before)


def test_the_model_is_loaded_only_when_needed_and_then_as_edited(tiny_sd_folder):
    bundle = ModelBundle(find(str(tiny_sd_folder)), "cpu")
    name = "text_encoder.encoder.layers.0.mlp.fc2.bias"
    value = torch.full((32,), 0.5)
    with bundle.applied(Edit({name: value})) as edited:
        assert not edited.is_loaded
        assert torch.equal(edited.parameter(edited_name(edited, name)), value)
    assert not torch.equal(bundle.parameter(edited_name(bundle, name)), value)


def edited_name(bundle, name):
    """transformers 4 has `text_model.` before `encoder.`; this test names a parameter before anything is loaded."""
    if name in bundle.parameters_named():
        return name
    pytest.skip("this transformers names the text encoder's parameters otherwise")


def test_the_digest_is_of_the_content_not_of_the_place(tiny_sd_folder, tmp_path):
    import shutil

    copied = tmp_path / tiny_sd_folder.name
    shutil.copytree(tiny_sd_folder, copied)
    assert find(str(copied)).digest == find(str(tiny_sd_folder)).digest
    config = copied / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("0.012", "0.013"))
    assert find(str(copied)).digest != find(str(tiny_sd_folder)).digest


def test_number_formats_have_digests_of_their_own(tiny_sd_folder):
    assert find(str(tiny_sd_folder)).digest != find(str(tiny_sd_folder), "float16").digest


def test_half_precision_loads(tiny_sd_folder):
    bundle = ModelBundle(find(str(tiny_sd_folder), "bfloat16"), "cpu")
    assert {value.dtype for value in bundle.parameters_named().values()} == {torch.bfloat16}


def test_a_bundle_of_a_pipeline_in_memory_is_named_by_its_weights(tiny_sd):
    bundle = ModelBundle.of_pipeline(tiny_sd.pipeline)
    name = fc2(bundle)
    with bundle.applied(Edit({name: bundle.parameter(name) + 1})) as edited:
        changed = edited.digest
    assert bundle.digest == ModelBundle.of_pipeline(tiny_sd.pipeline).digest != changed


def test_an_unknown_parameter_is_answered_with_the_nearest(tiny_sd):
    name = fc2(tiny_sd)
    with pytest.raises(ModelError, match="did you mean"):
        tiny_sd.parameter(name.replace("fc2", "fc3"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda name, value: {name.replace("fc2", "fc9"): value}, "no parameter .*did you mean"),
        (lambda name, value: {name: value[:3]}, r"has shape \(3, 64\), the model's is \(32, 64\)"),
        (lambda name, value: {name: value.half()}, "is torch.float16, the model's is torch.float32"),
        (lambda name, value: {name: value * float("nan")}, "2048 numbers that are NaN or infinite, of 2048"),
        (lambda name, value: {name: value / 0}, "NaN or infinite"),
        (lambda name, value: {name.replace("fc2", "fc1"): value.T}, "its card declares touches="),
        (lambda name, value: {name: value.tolist()}, "must be a torch.Tensor"),
    ],
)
def test_the_return_value_of_a_method_is_checked(tiny_sd, change, complaint):
    name = fc2(tiny_sd)
    with pytest.raises(MethodError, match=complaint):
        check_edit(Edit(change(name, tiny_sd.parameter(name))), tiny_sd, CARD)


@pytest.mark.parametrize(
    "edit", [None, {}, Edit(negative_prompt=3), Edit(rewrites={"cat": 1}), Edit(log={"loss": float("nan")})]
)
def test_return_values_that_are_no_edit_are_refused(tiny_sd, edit):
    with pytest.raises(MethodError, match="method tester returned"):
        check_edit(edit, tiny_sd, CARD)


def test_a_good_edit_passes(tiny_sd):
    name = fc2(tiny_sd)
    edit = Edit({name: tiny_sd.parameter(name) + 1}, log={"loss": 0.5})
    assert check_edit(edit, tiny_sd, CARD) is edit


@pytest.mark.parametrize(
    ("pattern", "matrix", "words"),
    [
        ("unet.*", torch.eye(64, dtype=torch.float64), "no changed parameter has such a name"),
        ("*", torch.eye(64), "it is torch.float32, must be a torch.Tensor of float64"),
        ("*", 3.0, "it is float, must be a torch.Tensor of float64"),
        ("*", torch.eye(63, dtype=torch.float64), r"it has shape \(63, 63\), and the weights have 64 columns"),
        ("*", torch.full((64, 64), torch.nan, dtype=torch.float64), "NaN or infinite"),
    ],
)
def test_a_compact_form_that_fits_no_weight_is_refused(tiny_sd, pattern, matrix, words):
    name = fc2(tiny_sd)
    edit = Edit({name: tiny_sd.parameter(name) * 2}, right={pattern: matrix})
    with pytest.raises(MethodError, match=words):
        check_edit(edit, tiny_sd, CARD)


def test_a_compact_form_names_no_weights(tiny_sd):
    """The full tensors are what is applied: with or without the matrix it is one edit."""
    name = fc2(tiny_sd)
    plain = Edit({name: tiny_sd.parameter(name) * 2})
    compact = Edit(plain.weights, right={"*.fc2.weight": 2 * torch.eye(64, dtype=torch.float64)})
    assert check_edit(compact, tiny_sd, CARD) is compact
    digests = []
    for edit in (compact, plain):
        with tiny_sd.applied(edit) as edited:
            digests.append(edited.digest)
    assert digests[0] == digests[1] != tiny_sd.digest
