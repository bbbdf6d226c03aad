"""What a run works with, resolved from names to objects."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iceb.models.bundle import ModelBundle
from iceb.models.generator import Generator
from iceb.running.ledger import Ledger
from iceb.running.measuring import Measuring
from iceb.running.methods import ChosenMethod
from iceb.specs.datasets import ConceptDataset
from iceb.specs.metrics import Measure, Measured, Metric, Score
from iceb.specs.prompts import Prompt, Role
from iceb.specs.records import ScoreRecord
from iceb.specs.requests import EditRequest
from iceb.specs.tasks import Task
from iceb.stores.edits import EditKey, EditStore, MadeEdit

ERASES = Score(None, None, n=0, concepts=0, note="erases; does not aim at a destination")


@dataclass
class Parts:
    """The objects of one run; `plan` makes them, `evaluate` uses them."""

    task: Task
    dataset: ConceptDataset
    method: ChosenMethod
    bundle: ModelBundle
    generator: Generator
    metrics: Sequence[Metric]
    measures: dict[str, Measure]  # by the kind that metrics name
    measuring: Measuring
    edits: EditStore
    cache: Path
    limit: int | None = None  # prompts per role
    command: tuple[str, ...] | None = None
    _made: dict[EditKey, MadeEdit] = field(default_factory=dict)

    @property
    def roles(self) -> frozenset[Role]:
        """The prompts that some metric reads; others are not drawn."""
        return frozenset().union(*(metric.roles for metric in self.metrics))

    def batches(self, num_edits: int) -> list[tuple[EditRequest, ...]]:
        """The requests edited together."""
        return self.dataset.batches(num_edits)

    def wanted(self, requests: Sequence[EditRequest]) -> list[Prompt]:
        """The prompts of `requests` that are drawn: of the roles the metrics read, the first `limit` of each."""
        counts: dict[Role, int] = {}
        chosen: list[Prompt] = []
        for prompt in self.dataset.prompts(requests):
            counts[prompt.role] = counts.get(prompt.role, 0) + 1
            if prompt.role in self.roles and (self.limit is None or counts[prompt.role] <= self.limit):
                chosen.append(prompt)
        return chosen

    def edit_is_cached(self, requests: Sequence[EditRequest]) -> bool:
        """Whether the edit of `requests` is made already."""
        key = self.method.key(self.bundle, requests)
        return key in self._made or self.edits.has(key)

    def made(self, requests: Sequence[EditRequest]) -> MadeEdit:
        """The edit of `requests`: from the store, or made now."""
        key = self.method.key(self.bundle, requests)
        if key not in self._made:
            self._made[key] = self.method.made(self.bundle, requests, self.edits, self.cache)
        return self._made[key]

    def scores(self, before: Ledger, after: Ledger) -> tuple[ScoreRecord, ...]:
        """Every metric's outcome."""
        aims = self.method.card.reaches_dest
        return tuple(scored(self.metrics, self.measures, self.measuring, before, after, reaches_dest=aims))


def scored(
    metrics: Sequence[Metric],
    measures: dict[str, Measure],
    measuring: Measuring,
    before: Ledger,
    after: Ledger,
    *,
    reaches_dest: bool = True,
) -> list[ScoreRecord]:
    """Every metric's outcome; each kind of measure looks once at the pictures that its metrics read.

    Args:
        reaches_dest: what the method's card says; an eraser has no value where a metric asks for the destination.
    """
    sides: dict[str, tuple[Measured, Measured]] = {}
    for kind, measure in measures.items():
        roles = frozenset[Role]().union(*(metric.roles for metric in metrics if metric.measure == kind))
        sides[kind] = measuring.both(measure, before.of(roles), after.of(roles))
    return [
        ScoreRecord.of(m, measures[m.measure].id, m(*sides[m.measure]) if reaches_dest or not _asks_dest(m) else ERASES)
        for m in metrics
    ]


def _asks_dest(metric: Metric) -> bool:
    return bool(getattr(metric, "asks_dest", False))  # a metric of others need not say
