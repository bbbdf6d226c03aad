"""Conformance checks of a task: dataset, roles, metrics and numbers of edits; nothing is drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from iceb import registry
from iceb.base.cache import cache_root
from iceb.base.errors import IcebError
from iceb.conformance.check_line import Broken, Line, Skipped, error_text
from iceb.conformance.parts.datasets import open_here
from iceb.conformance.parts.metrics import NAMED, measure_of
from iceb.conformance.parts.task_metrics import TaskMetrics
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import IMPORTED, import_object, name_problems, paper_problems, refuse, require
from iceb.datasets import EMBEDDED, dataset_card_name, load_card
from iceb.registry import Registered
from iceb.running.measure_choice import measure_for
from iceb.running.request_kinds import kinds_of
from iceb.running.scoring import registered_metric
from iceb.specs.datasets import ConceptDataset, DataCard
from iceb.specs.metrics import Metric
from iceb.specs.schedules import edit_batches
from iceb.specs.tasks import Task

FIELDS, METRICS, DATASET, COUNTS = "fields", "its metrics", "its dataset", "numbers of edits"
PROCESS = "process untouched by all of this"
MODEL = "mini"


def check_task(name: str, data: str | None = None, cache: Path | None = None) -> Iterator[Line]:
    """Run every check of a task; each line is yielded as soon as its check has run.

    Args:
        name: a registered task.
        data: as for a run; None takes the files that are here, else the embedded ones.
        cache: the cache's root; None for the default one.

    Raises:
        SpecError: there is no such task.
    """
    declared = RegisteredTask(registry.find("tasks", name), data, cache)
    watch = ProcessWatch(cache_root(cache))
    yield watch.line(IMPORTED, declared.import_object)
    yield watch.line(FIELDS, declared.fields)
    yield watch.line(METRICS, declared.its_metrics)
    yield watch.line("roles that metrics read", declared.roles)
    yield watch.line(f"measures of {MODEL}", declared.measures)
    yield watch.line(DATASET, declared.its_dataset)
    yield watch.line(COUNTS, declared.counts)
    yield watch.line("requests of its kind", declared.kinds)
    yield from TaskMetrics(declared).lines(watch)
    yield watch.line(PROCESS, watch.process_as_before)


@dataclass
class RegisteredTask:
    """A registered task, the objects that it names, and the checks of them."""

    entry: Registered
    data: str | None = None
    cache: Path | None = None
    task: Task | None = None
    metrics: Sequence[Metric] | None = None
    dataset: ConceptDataset | None = None
    numbers: tuple[int, ...] | None = None  # those of edits that the dataset has

    def import_object(self) -> str:
        """Check that the entry point leads to a task; a task validates its own fields."""
        self.task = import_object(self.entry, Task)
        return ""

    def the_task(self) -> Task:
        """Return the task.

        Raises:
            Skipped: it cannot be imported.
        """
        return require(self.task, IMPORTED)

    def the_metrics(self) -> Sequence[Metric]:
        """Return its metrics.

        Raises:
            Skipped: some are not there.
        """
        return require(self.metrics, METRICS)

    def the_dataset(self) -> ConceptDataset:
        """Return its dataset, with enough edits for the task.

        Raises:
            Skipped: it is not here, or has too few.
        """
        found = require(self.dataset, DATASET)
        self.the_numbers()
        return found

    def the_numbers(self) -> tuple[int, ...]:
        """Return the task's numbers of edits that this dataset has.

        Raises:
            Skipped: they are not known, or not right.
        """
        return require(self.numbers, COUNTS)

    def fields(self) -> str:
        """Check name, title and paper, and that no role or metric is repeated."""
        task = self.the_task()
        problems = [*name_problems(task.name, self.entry, "the name"), *paper_problems(task.paper)]
        if not task.title.strip():
            problems.append("the title is empty: say in a few words what is edited")
        for what, names in (("role", task.roles), ("metric", (*task.metrics, *task.optional_metrics))):
            problems += [f"{what} {name} stands twice" for name in dict.fromkeys(names) if names.count(name) > 1]
        refuse(problems)
        return f"version {task.version}, ranked by {task.headline}"

    def its_metrics(self) -> str:
        """Check that each metric, optional ones included, is registered and can be imported."""
        task = self.the_task()
        found, problems = [], []
        for name in (*task.metrics, *task.optional_metrics):
            try:
                found.append(registered_metric(name).metric)
            except IcebError as error:
                problems.append(error_text(error))
        refuse(problems)
        self.metrics = found
        return f"{len(task.metrics)}, and {len(task.optional_metrics)} optional"

    def roles(self) -> str:
        """Check that needs read declared roles only, and that every declared role is read."""
        task, metrics = self.the_task(), self.the_metrics()
        needs = {need.role: metric.name for metric in metrics for need in metric.needs if has_drawn_side(need.sides)}
        problems = [f"metric {name} reads role {role}, which is not declared" for role, name in needs.items()]
        problems = [words for words, role in zip(problems, needs, strict=True) if role not in task.roles]
        problems += [f"no metric reads role {role}" for role in task.roles if role not in needs]
        refuse(problems)
        return ", ".join(task.roles)

    def measures(self) -> str:
        """Check that there is a measure for every kind that its metrics read, if possible mini's own."""
        kinds = dict.fromkeys(need.measure for metric in self.the_metrics() for need in metric.needs)
        known = {kind: measure_of(kind) for kind in kinds}
        try:
            found = {kind: measure_for(kind, NAMED[MODEL]).public_name for kind in known}
        except IcebError as error:
            raise Skipped(str(error)) from error
        return ", ".join(f"{kind}: {name}" for kind, name in found.items())

    def its_dataset(self) -> str:
        """Check that the dataset is registered and loads from its own files or the embedded ones."""
        name = self.the_task().dataset
        chosen = dataset_card_name(name, self.data)
        twin = dataset_card_name(name, EMBEDDED)
        try:
            self.dataset = open_here(chosen, self.data, self.cache)
        except Skipped:
            if self.data is not None or twin == chosen:
                raise
            self.dataset = open_here(twin)
        return self.dataset.card.name

    def counts(self) -> str:
        """Check that the dataset, or its other source alone, has requests for every number of edits."""
        task, dataset = self.the_task(), require(self.dataset, DATASET)
        here, problems, elsewhere = [], [], []
        for number in task.edit_counts:
            try:
                dataset.schedule(number)
            except Exception as error:
                if other := _larger_source(task.dataset, dataset.card, number):
                    elsewhere.append(f"{number} of {other} alone")
                else:
                    problems.append(f"{number} edits: {error_text(error)}")
            else:
                here.append(number)
        if not here:
            problems += [f"none of {', '.join(elsewhere)} is of dataset {dataset.card.name}"] if elsewhere else []
        refuse(problems)
        self.numbers = tuple(here)
        return ", ".join([*map(str, here), *elsewhere])

    def kinds(self) -> str:
        """Check that requests have the number of destinations of the task's kind."""
        task, dataset = self.the_task(), self.the_dataset()
        batches = edit_batches(dataset.schedule(self.the_numbers()[0]))
        for request in (request for batch in batches for request in batch.requests):
            if task.kind not in kinds_of(request):
                raise Broken(
                    f"request {request.id} has {len(request.dests)} destinations, the task asks to {task.kind}"
                )
        return task.kind


def _larger_source(name: str, card: DataCard, number: int) -> str | None:
    """The other source of a dataset, where by their cards it alone has so many requests."""
    for other in {name, dataset_card_name(name, EMBEDDED)} - {card.name}:
        if card.counts.get("requests", number) < number <= load_card(other).counts.get("requests", 0):
            return other
    return None


def has_drawn_side(sides: Sequence[str]) -> bool:
    """Whether some side holds images drawn by a model."""
    return bool({"before", "after"} & set(sides))
