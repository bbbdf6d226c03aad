"""Check the schedules of a dataset: its numbers of edits, batches and requests."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from iceb.base.errors import IcebError
from iceb.conformance.check_line import Broken, Line, Skipped, error_text
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import refuse, refuse_difference, require
from iceb.specs.datasets import ConceptDataset
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Add, Checkpoint, Remove, Schedule, edit_batches, judged_batches

NUMBERS, SOUND, REQUESTS = "numbers of edits", "schedules can be run", "requests can be told apart"
MOST = 4096  # largest number of edits that is tried


@dataclass
class DatasetSchedules:
    """The schedules of a loaded dataset; `again` loads it anew."""

    dataset: ConceptDataset
    again: Callable[[], ConceptDataset]
    most: int | None = None
    sound: dict[int, Schedule] | None = None
    sizes: list[int] = field(default_factory=list)

    def lines(self, watch: ProcessWatch) -> Iterator[Line]:
        """Run these checks, one line each."""
        yield watch.line(NUMBERS, self._numbers)
        yield watch.line(SOUND, self._sound)
        yield watch.line("as many requests as edits", self._as_many)
        yield watch.line(REQUESTS, self._requests)
        yield watch.line("nested as the card says", self._nesting)
        yield watch.line("same schedules twice", self._same)

    def largest(self) -> Schedule:
        """Return the schedule with the most edits.

        Raises:
            Skipped: there is none that can be run.
        """
        return require(self.sound, SOUND)[self.sizes[-1]]

    def batches(self, size: int) -> Sequence[EditBatch]:
        """Return the batches of a schedule, each once."""
        return tuple({batch.id: batch for batch in edit_batches(require(self.sound, SOUND)[size])}.values())

    def _numbers(self) -> str:
        """Find the largest number of edits; one edit must work, and too many must be refused with an error."""
        self.dataset.schedule(1)
        below, above = 1, 2
        while above <= MOST and self._has(above):
            below, above = above, 2 * above
        while above - below > 1 and above <= MOST:
            middle = (below + above) // 2
            below, above = (middle, above) if self._has(middle) else (below, middle)
        declared = self.dataset.card.counts.get("requests", below)
        if declared != below:
            raise Broken(f"the card counts {declared} requests, and at most {below} edits can be asked for")
        self.most, self.sizes = below, sorted({1, (1 + below) // 2, below})
        return f"1 to {below}" if below < MOST else f"1 to {MOST} and more"

    def _has(self, number: int) -> bool:
        try:
            self.dataset.schedule(number)
        except IcebError:
            return False
        except Exception as error:
            raise Broken(
                f"for {number} edits it {error_text(error)}: refuse a number that there is not by a DataError"
            ) from error
        return True

    def _sound(self) -> str:
        """Check that steps, ids and removals are consistent, and that every batch holds requests."""
        require(self.most, NUMBERS)
        schedules = {size: self.dataset.schedule(size) for size in self.sizes}
        for size, schedule in schedules.items():
            if odd := [step for step in schedule if not isinstance(step, Add | Remove | Checkpoint)]:
                raise Broken(f"{size} edits: a step is a {type(odd[0]).__name__}: must be Add, Remove or Checkpoint")
            judged_batches(schedule)
            if empty := [batch.id for batch in edit_batches(schedule) if not batch.requests]:
                raise Broken(f"{size} edits: batch {empty[0]} holds no requests")
        self.sound = schedules
        return "tried: " + ", ".join(map(str, self.sizes))

    def _as_many(self) -> str:
        """Check that the number of edits is that of requests active together, or of all in a replicate."""
        for size, schedule in require(self.sound, SOUND).items():
            together, whole = most_together(schedule), most_of_a_replicate(schedule)
            if size not in (together, whole):
                raise Broken(f"{size} edits: {together} requests are in the model together, {whole} in all")
        return ""

    def _requests(self) -> str:
        """Check that ids are unique, no batch repeats a request, and none maps a concept to itself."""
        known: dict[str, EditRequest] = {}
        for batch in edit_batches(self.largest()):
            asked: set[tuple[str, tuple[str, ...]]] = set()
            for request in batch.requests:
                refuse(request_problems(request, known, asked))
                known[request.id] = request
                asked.add((request.source, request.dests))
        return f"{len(known)} requests"

    def _nesting(self) -> str:
        """Check that the requests of fewer edits are the first of more."""
        if not self.dataset.card.nested:
            raise Skipped("nested: false")
        orders = [[request for batch in self.batches(size) for request in batch.requests] for size in self.sizes]
        for fewer, more, size in zip(orders, orders[1:], self.sizes, strict=False):
            if more[: len(fewer)] != fewer:
                raise Broken(f"the requests of {size} edits are not the first of more: say nested: false in the card")
        return ""

    def _same(self) -> str:
        """Check that a second call and a second load give the same schedule."""
        size, known = self.sizes[-1] if self.sizes else 0, self.largest()
        refuse_difference(known, self.dataset.schedule(size), "another call gives another schedule")
        refuse_difference(known, self.again().schedule(size), "loaded again it gives another schedule")
        return ""


def request_problems(
    request: object, known: dict[str, EditRequest], asked: set[tuple[str, tuple[str, ...]]]
) -> list[str]:
    """List what is wrong with a request, given those before it."""
    if not isinstance(request, EditRequest):
        return [f"a request is a {type(request).__name__}: must be an EditRequest"]
    if known.get(request.id, request) != request:
        return [f"two requests have the id {request.id}"]
    if (request.source, request.dests) in asked:
        return [
            f"request {request.id} asks for {request.source!r:.80} → {', '.join(request.dests)!r:.80} a second time"
        ]
    if request.dests == (request.source,):
        return [f"request {request.id} asks for {request.source!r:.80} to become what it is"]
    return []


def most_together(schedule: Schedule) -> int:
    """Count the most requests that are active at once."""
    active: dict[str, int] = {}
    most = 0
    for step in schedule:
        if isinstance(step, Add):
            active[step.batch.id] = len(step.batch.requests)
        elif isinstance(step, Remove):
            active.pop(step.batch, None)
        most = max(most, sum(active.values()))
    return most


def most_of_a_replicate(schedule: Schedule) -> int:
    """Count the most requests in one replicate."""
    found: dict[int, int] = {}
    for batch in edit_batches(schedule):
        found[batch.replicate] = found.get(batch.replicate, 0) + len(batch.requests)
    return max(found.values(), default=0)
