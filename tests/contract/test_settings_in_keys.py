"""Every setting counts in what a method keeps in its scratch, unless the method says what a part depends on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
import torch

from iceb.base.errors import MethodError
from iceb.conformance.methods.setting_checks import CHECK, other_values
from iceb.specs.execution import Execution
from iceb.specs.methods import Edit
from iceb.specs.requests import EditRequest
from tests.contract.test_broken_methods import Sound, failures, only_failure, run_checks


@dataclass(frozen=True)
class Scaled(Sound):
    """Keeps noise that its settings scale; the store adds them to the key."""

    strength: float = 0.1
    shift: int = 0

    def noise(self, weight: Any, request: EditRequest, scratch: Any) -> Any:
        def scale_noise() -> Any:
            return (self.shift + self.strength * super(Scaled, self).noise(weight, request, scratch)).numpy()

        return torch.from_numpy(
            self.scratch_view(scratch).array(
                {"what": "scaled", "of": request.source, "to": list(request.dests)}, scale_noise
            )
        )

    def scratch_view(self, scratch: Any) -> Any:
        return scratch


class NamesBoth(Scaled):
    def scratch_view(self, scratch: Any) -> Any:
        return scratch.depends_on("strength", "shift")


class ForgetsStrength(Scaled):
    """Says that what it keeps depends on one setting, and it depends on two."""

    def scratch_view(self, scratch: Any) -> Any:
        return scratch.depends_on("shift")


class LooksWithoutKeeping(Scaled):
    """Takes what any strength has left, and keeps a part of its own only at the default strength."""

    def scratch_view(self, scratch: Any) -> Any:
        return scratch.depends_on("shift") if self.strength == 0.1 else Lookup(scratch.depends_on("shift"))


class Lookup:
    """What a store holds, or the array computed anew, which is not kept."""

    def __init__(self, scratch: Any) -> None:
        self.scratch = scratch

    def array(self, key: Any, compute: Any) -> Any:
        found = self.scratch.get(key)
        return compute() if found is None else found


class NamesUnknown(Scaled):
    def scratch_view(self, scratch: Any) -> Any:
        return scratch.depends_on("strenght")


@pytest.mark.parametrize("method", [Scaled, NamesBoth])
def test_keys_that_hold_every_setting_they_depend_on_pass(method, bundle):
    line = run_checks(method(), bundle, seconds=1e9)[CHECK]
    assert (line.status, line.note) == ("pass", "2 settings in every key")


@pytest.mark.parametrize("method", [ForgetsStrength, LooksWithoutKeeping])
def test_a_key_that_forgets_a_setting_is_caught_by_the_settings_name(method, bundle):
    check, note = only_failure(method(), bundle, seconds=1e9)
    assert check == CHECK
    assert note.startswith("strength=0.15")
    assert "makes another 'scaled' under the same key: name strength in its depends_on" in note
    assert "shift" not in note


class KeepsByPrecision(Scaled):
    """Keeps a part that no setting changes, in the number format that is asked for."""

    def edit(self, bundle: Any, requests: Sequence[EditRequest], *, context: Any) -> Edit:
        share = 1.0 if context.execution.precision == "float32" else 0.5
        context.scratch.depends_on().array({"what": "share"}, lambda: np.array([share], np.float32))
        return super().edit(bundle, requests, context=context)


def test_varied_settings_run_with_the_execution_of_the_check(bundle):
    """They ran in float32 whatever was asked, and what was kept in another format counted as stale."""
    lines = run_checks(KeepsByPrecision(), bundle, seconds=1e9, execution=Execution(precision="bfloat16"))
    assert (lines[CHECK].status, lines[CHECK].note) == ("pass", "2 varied")


def test_an_unknown_setting_in_depends_on_is_refused(bundle):
    note = failures(run_checks(NamesUnknown(), bundle))["edit fits model and card"]
    assert "depends_on('strenght'): no such setting; the method has strength, shift" in note


@dataclass(frozen=True)
class Undecidable(Sound):
    """Settings of which no other value is known, or none is accepted."""

    words: str = "a cat"
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.share != 1.0:
            raise MethodError("share must be 1")

    def make_edit(self, bundle: Any, requests: Sequence[EditRequest], scratch: Any) -> Edit:
        return super().make_edit(bundle, requests, scratch.depends_on())


def test_settings_that_cannot_be_varied_are_named_with_the_reason(bundle):
    note = run_checks(Undecidable(), bundle, seconds=1e9)[CHECK].note
    assert note == "not words: no other value known; not share: other values are refused"


def test_settings_for_which_no_time_is_left_are_named(bundle):
    lines = run_checks(Undecidable(), bundle, seconds=1e-9)
    line = lines[f"{CHECK}: the rest"]
    assert (line.status, line.note) == ("skipped", "no time for words, share: `full` takes it")
    assert (lines[CHECK].status, lines[CHECK].note) == ("skipped", "no time for any")


@dataclass(frozen=True)
class Settings:
    flag: bool = True
    count: int = 3
    rate: float = 2.0
    zero: float = 0.0
    word: Literal["own", "a", "b"] = "own"
    many: tuple[int, ...] = (1, 2)
    single: tuple[int, ...] = (1, 2)
    absent: int | None = None
    text: str | None = None


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("flag", [False]),
        ("count", [4, 2]),
        ("rate", [3.0, 2.0 / 1.5]),
        ("zero", [0.5, 1.0]),
        ("word", ["b", "own"]),  # the default last
        ("many", [(1,)]),
        ("single", [(0,), (2,), (1, 2)]),  # neighbours are quicker than a long default
        ("absent", [1]),
        ("text", []),
    ],
)
def test_other_values_follow_a_settings_kind(name, values):
    assert list(other_values(Settings(word="a", single=(1,)), name)) == values
