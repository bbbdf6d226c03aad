"""Which measure stands for a kind, and that measures and metrics are called as their entry points."""

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from iceb import registry
from iceb.base.errors import SpecError
from iceb.metrics.change import EDIT_SCORE
from iceb.running.measure_choice import make_measure, measure_for
from iceb.running.scoring import registered_metric
from tests.contract.registering import register  # noqa: F401


class Sharp:
    """A measure with the id that a test gives it; it counts how many were made."""

    id: ClassVar[str] = "sharp@1"
    revision: ClassVar[str] = "1"
    inputs: ClassVar[str] = "image"
    made: ClassVar[list[str]] = []

    def __init__(self, device: str = "cpu") -> None:
        self.made.append(device)

    def __call__(self, inputs: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("identity", ["sharp@1", "sharp@12"])
def test_a_measure_is_made_whose_id_is_its_entry_points_name_and_a_version(register, identity):  # noqa: F811
    register("measures", "sharp", type("Sharp", (Sharp,), {"id": identity}))
    assert make_measure(registry.find("measures", "sharp"), "cpu").id == identity


@pytest.mark.parametrize("identity", ["sharp", "other@1", "sharp@", "sharp@one", "sharp@0", "@1", "sharp@1@1", None, 1])
def test_a_measure_with_another_id_is_refused_by_name_before_it_is_made(register, identity):  # noqa: F811
    kind = type("Sharp", (Sharp,), {"id": identity, "made": []})
    register("measures", "sharp", kind)
    with pytest.raises(SpecError, match=r"measure tests/sharp: its id is .*as in sharp@1") as caught:
        make_measure(registry.find("measures", "sharp"), "cpu")
    assert repr(identity) in str(caught.value)
    assert not kind.made


def test_a_measure_whose_instances_have_another_id_than_their_class_is_refused(register):  # noqa: F811
    class Changing(Sharp):
        def __init__(self, device: str = "cpu") -> None:
            self.id = "sharp-1"  # type: ignore[misc]

    register("measures", "sharp", Changing)
    with pytest.raises(SpecError, match="its id is 'sharp-1'"):
        make_measure(registry.find("measures", "sharp"), "cpu")


def test_a_metric_of_another_name_than_its_entry_point_is_refused(register):  # noqa: F811
    fields = {name: getattr(EDIT_SCORE, name) for name in registry.EXPECTED["metrics"] if name != "__call__"}
    register("metrics", "mine", SimpleMetric(**fields))
    with pytest.raises(SpecError, match="metric tests/mine: its name is 'edit_score' and its entry point's 'mine'"):
        registered_metric("mine")
    assert registered_metric("edit_score").metric is EDIT_SCORE


class SimpleMetric(SimpleNamespace):
    """A metric's fields."""

    def __call__(self, measured: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            "sarp",
            "'sarp' (it has: imagenet_classifier), and none is registered under that name (did you mean sharp?)",
        ),
        ("imagenet_clasifier", "(did you mean imagenet_classifier?): mend the metric's Need (iceb list measures"),
        ("zzz", "under that name: mend the metric's Need (iceb list measures shows all), or name a measure of this"),
    ],
)
def test_a_misspelt_kind_is_answered_with_the_nearest_measures_and_kinds(register, kind, words):  # noqa: F811
    register("measures", "sharp", Sharp)
    with pytest.raises(SpecError) as caught:
        measure_for(kind, {"imagenet_classifier": "vit_mini"})
    assert words in str(caught.value)
