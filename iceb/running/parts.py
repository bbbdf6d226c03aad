"""What a run works with, resolved from names to objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iceb.models.bundle import ModelBundle
from iceb.models.generator import Generator
from iceb.running.methods import ChosenMethod
from iceb.running.scoring import Scorer
from iceb.specs.datasets import ConceptDataset
from iceb.specs.tasks import Task
from iceb.stores.edits import EditStore


@dataclass
class Parts:
    """The objects of one run; `plan` makes them, `evaluate` uses them."""

    task: Task
    dataset: ConceptDataset
    method: ChosenMethod
    bundle: ModelBundle
    generator: Generator
    scorer: Scorer
    edits: EditStore
    cache: Path
    command: tuple[str, ...] | None = None
    execution: Mapping[str, Any] = field(default_factory=dict)  # as a result records it
