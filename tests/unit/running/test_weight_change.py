"""The relative change of an edit: over all tensors that it changes, and none where nothing changes."""

import pytest
import torch

from iceb.running.weight_change import relative_change
from iceb.specs.methods import Edit


class Weights:
    def parameter(self, name):
        return {"unet.a": torch.tensor([3.0, 0.0]), "unet.b": torch.tensor([0.0, 4.0]), "unet.c": torch.zeros(2)}[name]


def test_the_change_of_all_tensors_stands_against_their_joint_size():
    edit = Edit(weights={"unet.a": torch.tensor([3.0, 0.3]), "unet.b": torch.tensor([0.4, 4.0])})
    assert relative_change(edit, Weights()) == pytest.approx(0.1)  # sqrt(0.3² + 0.4²) / sqrt(3² + 4²)


def test_an_edit_without_weights_has_no_relative_change():
    assert relative_change(Edit(rewrites={"a": "b"}), Weights()) is None
    assert relative_change(Edit(weights={"unet.c": torch.ones(2)}), Weights()) is None
