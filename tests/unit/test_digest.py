"""Digests name content: nothing else may change them, and everything in the content must."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.digest import canonical, digest, digest_array, digest_tensor
from iceb.specs.runs import ModelRef, RunSpec, Sampling

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(st.dictionaries(st.text(), TREES, max_size=6), st.randoms(use_true_random=False))
def test_key_order_never_changes_a_digest(document, random):
    items = list(document.items())
    random.shuffle(items)
    assert digest(dict(items)) == digest(document)


def test_the_digest_is_sha256_of_canonical_json():
    """By hand: printf '{"a":1}' | sha256sum."""
    assert digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"


@pytest.mark.parametrize("bad", [{1: 2}, {"a": {1, 2}}, object(), {"a": b"bytes"}])
def test_values_without_an_exact_json_form_are_refused(bad):
    with pytest.raises(TypeError):
        digest(bad)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"a": float("nan")})


def test_shape_and_dtype_are_part_of_an_arrays_digest():
    numbers = np.arange(6, dtype=np.float32)
    found = {
        digest_array(numbers),
        digest_array(numbers.reshape(2, 3)),
        digest_array(numbers.reshape(3, 2)),
        digest_array(numbers.astype(np.float64)),
    }
    assert len(found) == 4


def test_memory_layout_is_not_part_of_an_arrays_digest():
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert digest_array(np.asfortranarray(numbers)) == digest_array(numbers)


def test_one_changed_bit_of_a_tensor_changes_its_digest():
    import torch

    before = torch.zeros(3, dtype=torch.bfloat16)
    after = before.clone()
    after[1] = 1e-3
    assert digest_tensor(before) != digest_tensor(after)
    assert digest_tensor(before.reshape(1, 3)) != digest_tensor(before)


def run_spec(**changes) -> RunSpec:
    fields = {
        "task": "aice",
        "task_version": 1,
        "dataset": "aice",
        "dataset_version": 1,
        "requests_sha256": "a" * 64,
        "prompts_sha256": "b" * 64,
        "method": "emcid",
        "method_version": 1,
        "package": "iceb",
        "code": "c" * 64,
        "params": {"layers": (7, 8), "rate": 0.2},
        "num_edits": 3,
        "model": ModelRef("mini", "iceb/mini", "1"),
        "sampling": Sampling(),
        **changes,
    }
    return RunSpec(**fields)


def test_every_field_of_a_run_changes_its_digest():
    changes = [
        {},
        {"task": "road"},
        {"task_version": 2},
        {"dataset": "aice_embedded"},
        {"dataset_version": 2},
        {"requests_sha256": "e" * 64},
        {"prompts_sha256": "e" * 64},
        {"method": "uce"},
        {"method_version": 2},
        {"package": "gloce-iceb"},
        {"code": "d" * 64},
        {"params": {"layers": (7, 8), "rate": 0.1}},
        {"num_edits": 4},
        {"model": ModelRef("mini", "iceb/mini", "2")},
        {"sampling": Sampling(noise="upstream")},
        {"limit": 1},
    ]
    assert len({run_spec(**change).digest for change in changes}) == len(changes)


def test_a_run_survives_json_with_its_digest():
    spec = run_spec()
    assert RunSpec.model_validate_json(spec.model_dump_json()).digest == spec.digest


def test_a_runs_id_names_task_method_count_and_digest():
    spec = run_spec(method="gloce-iceb/gloce")
    assert spec.id == f"aice/gloce-iceb.gloce/0003-{spec.digest[:8]}"
