"""Which layer of a text encoder a method changes first, by its card and its settings."""

from types import SimpleNamespace

import pytest

from iceb.methods.emcid import EMCID
from iceb.methods.refact import ReFACT
from iceb.methods.uce import UCE
from iceb.running.edited_layers import lowest_text_layer

TEXT = SimpleNamespace(touches=("text_encoder.*.weight",))


@pytest.mark.parametrize(
    ("method", "layer"),
    [
        (EMCID(layers=(8, 9, 10)), 8),
        (ReFACT(layer=9), 9),
        (UCE(), 0),
        (SimpleNamespace(card=TEXT), None),
        (SimpleNamespace(card=TEXT, layers=()), None),
        (SimpleNamespace(card=TEXT, layers=("first",)), None),
        (SimpleNamespace(card=SimpleNamespace(touches=("*",)), layer=4), 4),
        (SimpleNamespace(card=SimpleNamespace(touches=()), layer=4), 0),
    ],
)
def test_the_first_layer_that_changes(method, layer):
    assert lowest_text_layer(method) == layer
