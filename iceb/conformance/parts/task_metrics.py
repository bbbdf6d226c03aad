"""Check that a task's metrics find what they read in the prompts and references of its dataset."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from iceb.conformance.check_line import Info, Line, Outcome, error_text
from iceb.conformance.parts.made_up_rows import WIDTHS, MadeUpRows
from iceb.conformance.parts.metric_values import compute_values
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import counts_in_words, refuse, require
from iceb.running.prompt_selection import evenly
from iceb.specs.datasets import ConceptDataset
from iceb.specs.metrics import AFTER, BEFORE, REFERENCE, Metric, Need, reference_names
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import edit_batches, judged_batches
from iceb.specs.tasks import Task

ROLES = "prompts of its roles"
LAST_CLASS = 10_000  # higher labels are not tested here
MOST = 200  # prompts of a role that metrics are given made-up numbers of, evenly over concepts


class Parts(Protocol):
    """A task and the objects that it names; a check is skipped if one is missing."""

    def the_task(self) -> Task:
        """Return the task."""
        ...

    def the_metrics(self) -> Sequence[Metric]:
        """Return its metrics."""
        ...

    def the_dataset(self) -> ConceptDataset:
        """Return its dataset."""
        ...

    def the_numbers(self) -> Sequence[int]:
        """Return the task's numbers of edits that the dataset has, ascending."""
        ...


@dataclass
class TaskMetrics:
    """Checks of the prompts at a task's fewest and most edits against its metrics' needs."""

    parts: Parts
    prompts: Mapping[int, Sequence[Prompt]] | None = None  # by the number of edits

    def lines(self, watch: ProcessWatch) -> Iterator[Line]:
        """Run these checks, one line each."""
        yield watch.line(ROLES, self._roles)
        yield watch.line("every need finds prompts", self._needs)
        yield watch.line("metrics can read the prompts", self._values)
        yield watch.line("a headline that can rank", self._rank)

    def _roles(self) -> str:
        """Check that every declared role has prompts at the most edits."""
        task, dataset = self.parts.the_task(), self.parts.the_dataset()
        sizes = self.parts.the_numbers()
        found = {size: drawn_prompts(dataset, size) for size in (sizes[0], sizes[-1])}
        numbers = Counter(prompt.role for prompt in found[sizes[-1]])
        refuse([f"no prompt has the role {role}" for role in task.roles if not numbers[role]])
        self.prompts = found
        return counts_in_words(numbers)

    def _needs(self) -> Outcome:
        """Check that every need of every metric reads some image at the most edits; at the fewest only report."""
        prompts, metrics = require(self.prompts, ROLES), self.parts.the_metrics()
        declared = self._declared_missing(metrics)
        missing = {size: [*self._missing(metrics, found)] for size, found in prompts.items()}
        fewest, most = min(missing), max(missing)
        refuse([f"{words} at {most} edits" for name, words in missing[most] if name not in declared])
        if missing[fewest]:
            return Info("; ".join(f"{words} at {fewest} edits, and no value" for _, words in missing[fewest]))
        return ""

    def _declared_missing(self, metrics: Sequence[Metric]) -> frozenset[str]:
        """Return the metrics that read tags which the dataset's card declares its prompts lack."""
        lacking = set(self.parts.the_dataset().card.without_tags)
        return frozenset(metric.name for metric in metrics if any(lacking & set(need.tags) for need in metric.needs))

    def _missing(self, metrics: Sequence[Metric], prompts: Sequence[Prompt]) -> Iterator[tuple[str, str]]:
        """Yield the metrics whose needs find nothing, and what is missing."""
        offered = {each.name for each in getattr(self.parts.the_dataset(), "references", lambda: ())()}
        for metric in metrics:
            for need in metric.needs:
                if {BEFORE, AFTER} & set(need.sides) and not any(map(need.accepts, prompts)):
                    yield metric.name, f"metric {metric.name} finds no prompt of role {_need_in_words(need)}"
                for side in need.sides:
                    if side.startswith(REFERENCE) and side.removeprefix(REFERENCE) not in offered:
                        yield metric.name, f"metric {metric.name} finds no {side}, which the dataset does not supply"

    def _values(self) -> str:
        """Check that each metric has a value for synthetic rows of these prompts."""
        prompts = require(self.prompts, ROLES)[self.parts.the_numbers()[-1]]
        without = {name for name, _ in self._missing(self.parts.the_metrics(), prompts)}
        asked = [metric for metric in self.parts.the_metrics() if metric.name not in without]
        refused = {metric.name: words for metric in asked if (words := refusal(metric, prompts))}
        refuse([f"metric {name}: {words}" for name, words in refused.items()])
        return f"{len(asked)} metrics"

    def _rank(self) -> Outcome:
        """Report a headline that reads only images of which nothing is asked: no edit can be better than none."""
        task, dataset = self.parts.the_task(), self.parts.the_dataset()
        size = self.parts.the_numbers()[-1]
        by_name = {each.name: each for each in self.parts.the_metrics()}
        metric = by_name[task.headline.rpartition("/")[2]]
        refuse([*_unfit_to_keep(by_name[task.kept.rpartition("/")[2]])] if task.kept else [])
        requests = {request.id: request for b in edit_batches(dataset.schedule(size)) for request in b.requests}
        prompts = require(self.prompts, ROLES)[size]
        read = [prompt for prompt in prompts if any(need.accepts(prompt) for need in metric.needs)]
        if not read or reference_names(metric) or any(_asks_something(prompt, requests) for prompt in read):
            return task.headline
        return Info(
            f"headline {task.headline}: it reads images of which nothing is asked, so unedited is best by construction "
            "and no method can have a rank: join it with a gain, as edit_score does"
        )


def _unfit_to_keep(metric: Metric) -> Iterator[str]:
    """Say why a metric cannot tell what an edit lost of the unedited model's value."""
    lost = (
        ("after", "rise") if metric.higher_is_better else ("fall",)
    )  # changes whose sides before and after show a loss
    if wrong := sorted({part.change for part in metric.reduction.parts.values()} - set(lost)):
        better = "higher" if metric.higher_is_better else "lower"
        yield (
            f"kept {metric.name}: {better} is better and its value is the {wrong[0]} side or change, which cannot say "
            f"what was lost: must be {' or '.join(lost)}"
        )


def _asks_something(prompt: Prompt, requests: Mapping[str, EditRequest]) -> bool:
    """Whether a prompt has a target or answer, or shows its own request's source, as in erasing."""
    if prompt.target is not None or prompt.answer is not None:
        return True
    request = requests.get(prompt.request or "")
    if request is None:
        return False
    shows = prompt.label is not None and prompt.label == request.source_label
    return shows or any(name.lower() in prompt.text.lower() for name in (request.source, *request.aliases))


def drawn_prompts(dataset: ConceptDataset, size: int) -> Sequence[Prompt]:
    """Return every prompt that some checkpoint draws for a number of edits."""
    judged = judged_batches(dataset.schedule(size))
    batches = {batch.id: batch for batches in judged.values() for batch in batches}.values()
    return [*(prompt for batch in batches for prompt in dataset.prompts(batch)), *dataset.shared_prompts(size)]


def refusal(metric: Metric, prompts: Sequence[Prompt]) -> str:
    """Return why a metric has no value for synthetic rows of these prompts; "" if it has one."""
    read = tuple(_few([prompt for prompt in prompts if any(need.accepts(prompt) for need in metric.needs)]))
    first = ""
    for rows in _made_up_rows(metric, read):
        try:
            values = compute_values(metric, rows.sides())
            score = reduce_values(values, metric.reduction)
        except Exception as error:  # a third-party metric may raise anything
            first = first or error_text(error)
        else:
            return "" if score.value is not None else score.note
    return first


def _few(prompts: Sequence[Prompt]) -> Iterator[Prompt]:
    """Keep at most MOST prompts of each role, evenly over concepts."""
    for role in dict.fromkeys(prompt.role for prompt in prompts):
        mine = [prompt for prompt in prompts if prompt.role == role]
        yield from (mine[place] for place in evenly([prompt.cluster for prompt in mine], MOST))


def _made_up_rows(metric: Metric, prompts: tuple[Prompt, ...]) -> Iterator[MadeUpRows]:
    """Make rows of each width that the prompts imply, by their choices or their classes."""
    choices = {len(prompt.choices) for prompt in prompts if prompt.choices}
    if len(choices) > 1:
        yield MadeUpRows(metric.needs, prompts, max(choices), fits_choices=True)
    classes = [number for p in prompts for number in (p.label, p.target) if number is not None and number < LAST_CLASS]
    for width in (*choices, *([max(classes) + 1] if classes else []), *WIDTHS):
        yield MadeUpRows(metric.needs, prompts, width)


def _need_in_words(need: Need) -> str:
    return f"{need.role} with the tags {', '.join(need.tags)}" if need.tags else need.role
