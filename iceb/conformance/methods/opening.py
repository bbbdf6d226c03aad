"""Open the method and the model of a check from names and settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from iceb.conformance.check_line import Line
from iceb.conformance.methods import SECONDS, check_method, quick_method
from iceb.models.opening import open_model
from iceb.models.sources import find
from iceb.running.method_runner import ChosenMethod
from iceb.specs.execution import Execution
from iceb.specs.runs import Dtype, Scalar


@dataclass(frozen=True)
class MethodToCheck:
    """A method and the model on which it is checked, as a user names them.

    Attributes:
        settings: of the method, over its quick ones.
        full: use the method's own defaults and every size, however long it takes.
    """

    name: str
    settings: Mapping[str, Scalar]
    full: bool
    model: str
    dtype: Dtype

    @cached_property
    def method(self) -> ChosenMethod:
        """The method with its settings.

        Raises:
            SpecError, MethodError: as `quick_method`.
        """
        return quick_method(self.name, self.settings, self.full)

    def lines(self, sizes: Sequence[int], execution: Execution) -> Iterator[Line]:
        """Open the model; every check then runs as its line is asked for.

        Args:
            sizes: numbers of requests whose time and memory are measured.

        Raises:
            IcebError: the method or the model cannot be opened.
        """
        bundle = open_model(find(self.model, self.dtype), execution.device, execution.images_per_pass)
        seconds = float("inf") if self.full else SECONDS
        return check_method(self.method, bundle, sizes, seconds, execution=execution)
