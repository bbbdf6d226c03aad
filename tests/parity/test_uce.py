"""UCE against the authors' code run in float64; `pytest tests/parity -rP` prints the relative difference per vector."""

import pytest

from iceb.methods.uce import UCE, UCEEmcid
from iceb.specs.requests import EditRequest
from tests.conftest import load
from tests.parity.conftest import Vector, apart, vectors


class NoScratch:
    """Keeps nothing."""

    def array(self, key, compute):
        return compute()


@pytest.fixture(scope="module")
def double_model(parity):
    """The authors' tiny model in float64."""
    bundle = load(parity / "models" / "tiny-sd")
    bundle.pipeline.text_encoder.double()
    bundle.pipeline.unet.double()
    return bundle


def requests_of(pairs) -> list[EditRequest]:
    return [EditRequest(f"p/{i}", old, (new,), ("{}",), 0) for i, (old, new) in enumerate(pairs)]


def worst(edit, bundle, wanted) -> float:
    """The largest relative difference of a matrix, over all that the authors edited; no other may be edited."""
    names = {f"unet.{name}": W for name, W in wanted.items()}
    unchanged = [name for name, W in names.items() if name not in edit.weights and apart(bundle.parameter(name), W)]
    assert not unchanged
    assert set(edit.weights) <= set(names)
    return max(apart(W, names[name]) for name, W in edit.weights.items())


@pytest.mark.parametrize("name", vectors("uce_erase"))
def test_the_program_of_2025(parity, double_model, name):
    vector = Vector(parity / "uce_erase" / name)
    given, count = vector.input, len(vector.input["edit_concepts_arg"])
    pairs = zip(given["edit_concepts_final"][:count], given["guide_concepts_final"][:count], strict=True)
    method = UCE(
        variant=2025,
        concept_type=given["concept_type"],
        templates=given["expand_prompts"] == "true",
        ridge=given["lamb"],
        erase_scale=given["erase_scale"],
        preserve_scale=given["preserve_scale"],
        retain=tuple(given["preserve_concepts_final"] or ()),
    )
    edit = method.edit(double_model, requests_of(pairs), scratch=NoScratch())
    off = worst(edit, double_model, vector.tensors("expected_fp64"))
    print(f"uce_erase/{name} W {off:.1e}")
    assert off < 1e-11


@pytest.mark.parametrize("name", vectors("uce_legacy"))
def test_the_closed_form_of_2023_in_both_techniques(parity, double_model, name):
    vector = Vector(parity / "uce_legacy" / name)
    given = vector.input
    method = UCEEmcid(
        technique=given["technique"],
        ridge=given["lamb"],
        erase_scale=given["erase_scale"],
        preserve_scale=given["preserve_scale"],
        retain=tuple(given["retain_texts"] or [""]),
        keys=given["with_to_k"],
    )
    pairs = zip(given["old_texts"], given["new_texts"], strict=True)
    edit = method.edit(double_model, requests_of(pairs), scratch=NoScratch())
    off = worst(edit, double_model, vector.tensors("expected_fp64"))
    print(f"uce_legacy/{name} W {off:.1e}")
    assert off < 1e-10
