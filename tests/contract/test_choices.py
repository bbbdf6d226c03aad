"""Every word of a choice and both values of a switch are carried out, or refused in words."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch

from iceb.base.errors import MethodError
from iceb.base.hub import unreachable_reason
from iceb.conformance.methods.choice_checks import CHECK, choices
from iceb.specs.methods import Edit, MethodCard
from iceb.specs.requests import EditRequest
from tests.contract.test_broken_methods import CARD, Sound, failures, only_failure, run_checks


@dataclass(frozen=True)
class Summing(Sound):
    """Combines noise in two ways, with or without a sign; keeps nothing."""

    combine: Literal["sum", "sequence"] = "sum"
    signed: bool = True

    def noise(self, weight: Any, request: EditRequest, scratch: Any) -> Any:
        seed = int.from_bytes("|".join([request.source, *request.dests]).encode(), "big") % 2**31
        drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
        return drawn if self.signed else drawn.abs()


class CrashesOnSequence(Summing):
    def make_edit(self, bundle: Any, requests: Sequence[EditRequest], scratch: Any) -> Edit:
        {"sum": 1}[self.combine]
        return super().make_edit(bundle, requests, scratch)


class InfiniteUnsigned(Summing):
    def make_edit(self, bundle: Any, requests: Sequence[EditRequest], scratch: Any) -> Edit:
        edit = super().make_edit(bundle, requests, scratch)
        return edit if self.signed else Edit({name: weight / 0 for name, weight in edit.weights.items()})


@dataclass(frozen=True)
class RefusesSequence(Summing):
    def __post_init__(self) -> None:
        if self.combine == "sequence":
            raise MethodError("sequence needs signed=False")


@dataclass(frozen=True)
class Downloads(Sound):
    model: Literal["none", "large"] = "none"

    def make_edit(self, bundle: Any, requests: Sequence[EditRequest], scratch: Any) -> Edit:
        if self.model == "large":
            raise MethodError(f"no model: {unreachable_reason()}")
        return super().make_edit(bundle, requests, scratch)


def test_every_choice_of_a_sound_method_is_carried_out_though_it_keeps_nothing(bundle):
    lines = run_checks(Summing(), bundle, seconds=1e9)
    assert failures(lines) == {}
    assert (lines[CHECK].status, lines[CHECK].note) == ("pass", "combine=sequence, signed=False")
    settings = lines["every setting, warm against cold"]
    assert (settings.status, settings.note) == ("skipped", "the method keeps nothing in scratch")


def test_a_word_that_crashes_is_caught_by_setting_and_value(bundle):
    check, note = only_failure(CrashesOnSequence(), bundle, seconds=1e9)
    assert check == CHECK
    assert note.startswith("combine=sequence raised KeyError: 'sequence' (")


def test_a_switch_whose_edit_does_not_fit_is_caught(bundle):
    check, note = only_failure(InfiniteUnsigned(), bundle, seconds=1e9)
    assert check == CHECK
    assert note.startswith("signed=False ")
    assert "NaN or infinite" in note


def test_a_refused_word_is_reported_as_such_and_is_no_failure(bundle):
    line = run_checks(RefusesSequence(), bundle, seconds=1e9)[CHECK]
    assert line.status == "pass"
    assert line.note == "signed=False; refused: combine=sequence (sequence needs signed=False)"


def test_choices_for_which_no_time_is_left_are_named(bundle):
    lines = run_checks(Summing(), bundle, seconds=1e-9)
    assert (lines[CHECK].status, lines[CHECK].note) == ("skipped", "no time for any")
    assert lines[f"{CHECK}: the rest"].note == "no time for combine=sequence, signed=False: `full` takes it"


def test_a_choice_downloads_nothing_and_the_environment_is_as_it_was(bundle, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "0")
    note = run_checks(Downloads(), bundle, seconds=1e9)[CHECK].note
    assert note == "refused: model=large (no model: HF_HUB_OFFLINE is set)"
    assert "HF_HUB_OFFLINE" not in os.environ
    assert os.environ["TRANSFORMERS_OFFLINE"] == "0"


@dataclass(frozen=True)
class Settings:
    card: ClassVar[MethodCard] = CARD
    word: Literal["a", "b", "c"] = "b"
    number: Literal[1, 2] = 1
    flag: bool = True
    maybe: bool | None = None
    perhaps: Literal["x"] | None = None
    count: int = 3
    text: str | None = None


def test_choices_are_the_other_values_of_words_and_switches():
    assert choices(Settings()) == [
        ("word", "a"),
        ("word", "c"),
        ("number", 2),
        ("flag", False),
        ("maybe", False),
        ("maybe", True),
        ("perhaps", "x"),
    ]
    assert choices(Settings(maybe=True))[4:6] == [("maybe", False), ("maybe", None)]
