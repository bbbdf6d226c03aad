"""Parts that several runs of one process share: the loaded model, and measures with networks."""

from dataclasses import dataclass, field

from iceb.models.bundle import ModelBundle
from iceb.models.opening import open_model
from iceb.models.sources import Source, find
from iceb.specs.execution import Execution
from iceb.specs.metrics import Measure
from iceb.specs.runs import Dtype


@dataclass
class SharedParts:
    """The model and the measures of several runs; each run leaves the model as it found it, bit for bit.

    Attributes:
        measures: by full name, as runs need them.
    """

    source: Source
    bundle: ModelBundle
    execution: Execution
    measures: dict[str, Measure] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Source, execution: Execution) -> "SharedParts":
        """Parts of which nothing is loaded yet."""
        return cls(source, open_model(source, execution.device, execution.images_per_pass), execution)

    @classmethod
    def of_model(cls, model: str, dtype: Dtype, execution: Execution) -> "SharedParts":
        """Parts of a model by its family's name or folder.

        Raises:
            ModelError: there is no such model.
        """
        return cls.of(find(model, dtype), execution)

    def renew(self) -> None:
        """Take a model and measures that no earlier run has touched, loaded when they are needed."""
        self.bundle = open_model(self.source, self.execution.device, self.execution.images_per_pass)
        self.measures.clear()
