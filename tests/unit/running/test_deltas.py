"""A saved edit: the very bytes of the edit come back, in full or by a matrix, and damage is found out."""

from dataclasses import replace

import pytest
import torch

from iceb.base.errors import DataError, MethodError
from iceb.delivery.delta import read_delta, write_delta
from iceb.models.exporting import weight_digests, weights_digest
from iceb.models.right_product import right_product
from iceb.specs.methods import Edit

KEYS_AND_VALUES = "unet.*attn2.to_[kv].weight"


def random_matrix(width: int, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(width, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.eye(width, dtype=torch.float64) + 0.1 * noise


def by_matrix(bundle, wrong: int = 0) -> Edit:
    """An edit W' = W M of all cross-attention keys and values; the first `wrong` of them are one bit off."""
    found = bundle.parameters_named(KEYS_AND_VALUES)
    matrix = random_matrix(next(iter(found.values())).shape[1])
    made = {name: right_product(weight, matrix) for name, weight in found.items()}
    for name in list(made)[:wrong]:
        made[name] = torch.nextafter(made[name], torch.full_like(made[name], torch.inf))
    return Edit(made, right={KEYS_AND_VALUES: matrix})


def same(found, edit) -> bool:
    return list(found) == list(edit.weights) and all(found[name].equal(edit.weights[name]) for name in found)


@pytest.mark.parametrize("form", ["full", "matrix"])
def test_the_weights_come_back_bit_for_bit(tiny, tmp_path, form):
    edit = by_matrix(tiny)
    delta = write_delta(tmp_path, edit, form, tiny.parameter)
    assert same(read_delta(tmp_path, delta, tiny.parameter), edit)
    assert bool(delta.by_matrix) == (form == "matrix")


def test_the_form_matrix_holds_the_matrix_alone(tiny_sd, tmp_path):
    from safetensors.torch import load_file

    edit = by_matrix(tiny_sd)
    write_delta(tmp_path, edit, "matrix", tiny_sd.parameter)
    ((name, tensor),) = load_file(tmp_path / "delta.safetensors").items()
    assert name == f"right:{KEYS_AND_VALUES}"
    assert tensor.equal(edit.right[KEYS_AND_VALUES])


def test_a_weight_that_the_matrix_does_not_make_stands_in_full(tiny_sd, tmp_path):
    edit = by_matrix(tiny_sd, wrong=1)
    delta = write_delta(tmp_path, edit, "matrix", tiny_sd.parameter)
    assert set(delta.parameters) - set(delta.by_matrix) == {next(iter(edit.weights))}
    assert same(read_delta(tmp_path, delta, tiny_sd.parameter), edit)


def test_an_edit_without_a_matrix_is_refused_in_that_form(tiny_sd, tmp_path):
    edit = replace(by_matrix(tiny_sd), right={})
    with pytest.raises(MethodError, match="save it with `form=full`"):
        write_delta(tmp_path, edit, "matrix", tiny_sd.parameter)


def test_an_edit_without_weights_has_no_file(tiny_sd, tmp_path):
    assert write_delta(tmp_path, Edit(rewrites={"cat": "dog"}), "full", tiny_sd.parameter) is None
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_detected(tiny_sd, tmp_path):
    delta = write_delta(tmp_path, by_matrix(tiny_sd), "full", tiny_sd.parameter)
    path = tmp_path / "delta.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(DataError, match="is not the file its manifest names"):
        read_delta(tmp_path, delta, tiny_sd.parameter)
    path.unlink()
    with pytest.raises(DataError, match="copy the edit's whole folder"):
        read_delta(tmp_path, delta, tiny_sd.parameter)


def test_the_weights_digest_depends_on_their_bytes_alone(tiny_sd, tiny_sd_folder, tmp_path):
    """A copy of a folder under another name has another digest as a source, and the same weights."""
    import shutil

    from iceb.models.bundle import ModelBundle
    from iceb.models.sources import find

    copied = ModelBundle(find(str(shutil.copytree(tiny_sd_folder, tmp_path / "elsewhere"))), "cpu")
    before = weights_digest(weight_digests(tiny_sd))
    assert copied.digest != tiny_sd.digest
    assert weights_digest(weight_digests(copied)) == before
    with tiny_sd.applied(by_matrix(tiny_sd)) as edited:
        assert weights_digest(weight_digests(edited)) != before
