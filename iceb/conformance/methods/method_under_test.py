"""The method under test: make an edit, digest it, compare two edits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Self, TypeVar, get_args

import torch

from iceb.base.digest import digest, digest_tensor
from iceb.conformance.check_line import Broken
from iceb.models.bundle import ModelBundle
from iceb.models.checking import check_edit
from iceb.running.method_runner import ChosenMethod
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.methods import Edit, MethodCard
from iceb.specs.requests import EditRequest
from iceb.specs.runs import Scalar
from iceb.specs.tasks import Kind
from iceb.stores.scratch import ScratchStore

KINDS: tuple[Kind, ...] = get_args(Kind)
MISFIT = "that does not fit"  # in the messages of `check_edit`, which are no refusals
Store = TypeVar("Store", bound=ScratchStore)


@dataclass
class MethodUnderTest:
    """A method with its settings, a loaded model, and a temporary folder."""

    chosen: ChosenMethod
    bundle: ModelBundle
    folder: Path
    execution: Execution = DEFAULT

    def __post_init__(self) -> None:
        self._numbers = count()

    @property
    def card(self) -> MethodCard:
        """The method's card."""
        return self.chosen.card

    @property
    def kind(self) -> Kind:
        """The first kind of edit that the card names; most checks request it.

        Raises:
            Broken: it names none that exists.
        """
        unknown = [kind for kind in self.card.kinds if kind not in KINDS]
        if unknown or not self.card.kinds:
            got = ", ".join(map(repr, unknown)) or "none"
            raise Broken(f"the card's kinds: got {got}, allowed are {', '.join(KINDS)}")
        return self.card.kinds[0]

    def with_setting(self, name: str, value: Scalar, folder: str) -> Self:
        """Return the method with another value of one setting, in a folder of its own below this one's.

        The method's exceptions pass through: it may refuse the value.
        """
        method = replace(self.chosen.method, **{name: value})
        return replace(self, chosen=replace(self.chosen, method=method), folder=self.folder / folder)

    def scratch(self) -> ScratchStore:
        """Open a new empty scratch store for the method and its settings."""
        return self.scratch_of(ScratchStore)

    def scratch_of(self, kind: type[Store]) -> Store:
        """Open a new empty scratch store of a given class."""
        return kind(self.folder / f"{next(self._numbers):03d}", {"check": self.card.name}, self.chosen.params)

    def edit(self, requests: Sequence[EditRequest], scratch: ScratchStore | None = None) -> Edit:
        """Make the method's edit and check it against model and card; the method's exceptions pass through."""
        made = self.chosen.method.edit(
            self.bundle,
            tuple(requests),
            context=self.chosen.context(self.bundle, scratch or self.scratch(), self.execution),
        )
        return check_edit(made, self.bundle, self.card)

    def relative_difference(self, first: Edit, second: Edit) -> float:
        """‖a − b‖ / max(‖a − w‖, ‖b − w‖) over changed weights w, in float64; inf if their names differ."""
        if set(first.weights) != set(second.weights) or _words(first) != _words(second):
            return float("inf")
        between = changes = 0.0
        for name, before in self._before(first).items():
            a, b, w = first.weights[name].double(), second.weights[name].double(), before.double()
            between += float((a - b).square().sum())
            changes += float(torch.maximum((a - w).square().sum(), (b - w).square().sum()))
        return (between / changes) ** 0.5 if changes else float(between > 0)

    def change(self, edit: Edit) -> float:
        """‖a − w‖ / ‖w‖ over all changed weights, in float64."""
        before = self._before(edit)
        moved = sum(float((edit.weights[name].double() - w.double()).square().sum()) for name, w in before.items())
        stood = sum(float(w.double().square().sum()) for w in before.values())
        return (moved / stood) ** 0.5 if stood else 0.0

    def _before(self, edit: Edit) -> Mapping[str, torch.Tensor]:
        return {name: self.bundle.parameter(name).to(value.device) for name, value in edit.weights.items()}


def digest_of(edit: Edit) -> str:
    """Digest an edit's weights, matrices, rewrites and negative prompt; its log holds times."""
    weights, right = (
        {name: digest_tensor(value) for name, value in each.items()} for each in (edit.weights, edit.right)
    )
    return digest({"weights": weights, "right": right, "words": _words(edit)})


def _words(edit: Edit) -> list[object]:
    return [dict(edit.rewrites), edit.negative_prompt]
