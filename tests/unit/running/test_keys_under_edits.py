"""An edit that changes no weight changes the keys of whatever is computed on the model under it."""

import numpy as np
import pytest

from iceb.datasets import open_dataset
from iceb.running.evaluate import dataset_owner
from iceb.running.method_runner import choose
from iceb.specs.methods import Edit
from iceb.specs.requests import EditRequest
from iceb.stores.scratch import ScratchStore

CAT = EditRequest("r/0", "cat", ("dog",), ("{}",), 1)
WEIGHTLESS = {
    "rewrites": Edit({}, {"dog": "cat"}),
    "other rewrites": Edit({}, {"dog": "boat"}),
    "negative prompt": Edit({}, {}, "blurry"),
}


@pytest.fixture(scope="module")
def dataset():
    return open_dataset("aice", "embedded")


def owner(dataset, bundle):
    return dataset_owner(dataset, "aice", bundle)


def test_the_key_of_an_edit_holds_what_was_applied_before_it(tiny_sd):
    method, keys = choose("uce", {}), set()
    unedited = method.key(tiny_sd, [CAT])
    for edit in WEIGHTLESS.values():
        with tiny_sd.applied(edit) as edited:
            keys.add(method.key(edited, [CAT]))
    assert len(keys | {unedited}) == 4
    with tiny_sd.applied(Edit()) as edited:
        assert method.key(edited, [CAT]) == unedited


@pytest.mark.parametrize("edit", WEIGHTLESS.values(), ids=WEIGHTLESS)
def test_a_datasets_scratch_of_the_unedited_model_is_not_used_under_an_edit(tiny_sd, dataset, edit, tmp_path):
    ScratchStore(tmp_path, owner(dataset, tiny_sd), {}).put({"what": "brightness"}, np.ones(1))
    with tiny_sd.applied(edit) as edited:
        assert ScratchStore(tmp_path, owner(dataset, edited), {}).get({"what": "brightness"}) is None
    with tiny_sd.applied(Edit()) as edited:
        assert ScratchStore(tmp_path, owner(dataset, edited), {}).get({"what": "brightness"}) is not None


@pytest.mark.parametrize("edit", WEIGHTLESS.values(), ids=WEIGHTLESS)
def test_a_methods_scratch_of_the_unedited_model_is_not_used_under_an_edit(tiny_sd, edit, tmp_path):
    method = choose("uce", {})
    method.scratch(tiny_sd, tmp_path).put({"what": "moments"}, np.ones(1))
    with tiny_sd.applied(edit) as edited:
        assert method.scratch(edited, tmp_path).get({"what": "moments"}) is None
