"""The objects that a run uses, resolved from names."""

from dataclasses import dataclass
from pathlib import Path

from iceb.models.bundle import ModelBundle
from iceb.models.generator import Generator
from iceb.registry import Registered
from iceb.running.method_runner import ChosenMethod
from iceb.running.scoring import Scorer
from iceb.specs.datasets import ConceptDataset
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.outside import OutsideRecord
from iceb.specs.tasks import Task
from iceb.stores.edits import EditStore


@dataclass
class Parts:
    """The objects of one run, made by `plan` and used by `evaluate`."""

    task: Task
    dataset: ConceptDataset
    method: ChosenMethod
    bundle: ModelBundle
    generator: Generator
    scorer: Scorer
    edits: EditStore
    cache: Path
    command: tuple[str, ...] | None = None
    execution: Execution = DEFAULT
    plugins: tuple[Registered, ...] = ()  # what other packages register of all this
    outside: OutsideRecord | None = None  # the mark of own requests, or of a model from elsewhere
