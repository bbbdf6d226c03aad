"""A method refuses a value outside the bounds that its fields declare."""

import dataclasses
import math
from typing import Annotated, Literal

import pytest

from iceb import registry
from iceb.base.errors import MethodError
from iceb.methods.common.validation import Bound, Count, Natural, NotNegative, Positive, bounds_of, check_fields, one_of
from iceb.methods.uce import UCE

WRONG = (0, -1, 0.0, -1.0, 2.0, math.nan, "none of these", (), (-1.0, 2.0), (-1, 2), ("no place",))
OWN = {entry.name: entry.load() for entry in registry.entries_of("methods") if entry.package == "iceb"}
BOUNDED = [(name, field, bound) for name, kind in OWN.items() for field, bound in bounds_of(kind)]


def fails(bound: Bound, value: object) -> bool:
    """Whether a value is of a kind that the bound can look at, and outside it."""
    try:
        return not bound.holds(value)
    except (TypeError, AttributeError):
        return False


@pytest.mark.parametrize(
    ("method", "field", "bound"), BOUNDED, ids=[f"{name}-{field}-{bound.words[:20]}" for name, field, bound in BOUNDED]
)
def test_a_method_refuses_a_value_outside_a_declared_bound(method, field, bound):
    wrong = next(value for value in WRONG if fails(bound, value))
    with pytest.raises(MethodError) as raised:
        OWN[method](**{field: wrong})
    assert f" {field} " in str(raised.value)
    assert bound.words in str(raised.value)


def test_every_method_keeps_its_own_defaults():
    assert all(kind() for kind in OWN.values())


@dataclasses.dataclass(frozen=True)
class Settings:
    steps: Count = 1
    seed: Natural = 0
    rate: Positive | None = None
    decay: NotNegative = 0.0
    loss: Literal["l1", "l2"] = "l1"
    metric: Literal["l2", "cosine"] | None = None
    year: Annotated[int, one_of(2023, 2025)] = 2023
    free: float = math.nan


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "nudge steps 0: must be at least 1"),
        ({"steps": None}, "nudge steps None: must be at least 1"),
        ({"seed": -1}, "nudge seed -1: must not be negative"),
        ({"rate": 0.0}, "nudge rate 0.0: must be positive"),
        ({"rate": math.nan}, "nudge rate nan: must be positive"),
        ({"decay": math.nan}, "nudge decay nan: must not be negative"),
        ({"loss": "l3"}, "nudge loss 'l3': must be one of l1, l2"),
        ({"metric": "l3"}, "nudge metric 'l3': must be one of l2, cosine"),
        ({"year": 2024}, "nudge year 2024: must be one of 2023, 2025"),
    ],
)
def test_a_message_says_field_value_and_what_is_allowed(wrong, message):
    with pytest.raises(MethodError) as raised:
        check_fields(Settings(**wrong), "nudge")
    assert str(raised.value) == message


def test_values_within_bounds_and_allowed_none_pass():
    check_fields(Settings(), "nudge")
    check_fields(Settings(steps=5, rate=1e-9, metric="cosine"), "nudge")


def test_settings_given_as_lists_equal_those_given_as_tuples():
    assert UCE(retain=["a hen"]) == UCE(retain=("a hen",))
    assert hash(UCE(retain=["a hen"])) == hash(UCE(retain=("a hen",)))
