"""A method that returns what no method may return."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from iceb.specs.methods import Edit, MethodCard
from iceb.specs.requests import EditRequest


@dataclass(frozen=True)
class Faulty:
    """Returns the fault it is told to."""

    fault: str = "nan"

    card: ClassVar[MethodCard] = MethodCard(
        name="faulty", version=1, paper="", kinds=("replace",), touches=("text_encoder.*fc2.weight",)
    )

    def edit(self, bundle: Any, requests: Sequence[EditRequest], *, context: Any) -> Edit:
        name, weight = next(iter(bundle.parameters_named("text_encoder.*fc2.weight").items()))
        if self.fault == "crash":
            raise ZeroDivisionError("division by zero\nsecond line")
        weights = {
            "nan": {name: weight * float("nan")},
            "shape": {name: weight[1:]},
            "unknown": {"text_encoder.no.such.weight": weight},
            "undeclared": dict(list(bundle.parameters_named("text_encoder.*fc1.weight").items())[:1]),
        }
        return Edit(weights[self.fault])
