"""Check the prompts of a dataset: those of each batch, and those that all batches share."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from iceb.conformance.check_line import Broken, Info, Line
from iceb.conformance.parts.dataset_schedules import DatasetSchedules
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import counts_in_words, refuse, require
from iceb.specs.datasets import ConceptDataset
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch

SOUND = "prompts can be drawn"
ALIKE = "choices_alike"  # count of a card: choices that are equal, a fault of published rows


@dataclass(frozen=True)
class DrawnPrompts:
    """The prompts of one number of edits."""

    size: int
    own: tuple[tuple[EditBatch, tuple[Prompt, ...]], ...]
    shared: tuple[Prompt, ...]

    @property
    def all(self) -> tuple[Prompt, ...]:
        """The prompts of all batches, then the shared ones."""
        return (*(prompt for _, prompts in self.own for prompt in prompts), *self.shared)


@dataclass
class DatasetPrompts:
    """The prompts of a loaded dataset."""

    schedules: DatasetSchedules
    asked: list[DrawnPrompts] | None = None

    def lines(self, watch: ProcessWatch) -> Iterator[Line]:
        """Run these checks, one line each."""
        yield watch.line(SOUND, self._sound)
        yield watch.line("requests that prompts name", self._names_requests)
        yield watch.line("every request is tested", self._tests_every_request)
        yield watch.line("choices", self._choices)
        yield watch.line("no image counts twice", self._once)
        yield watch.line("same prompts twice", self._same)
        yield watch.line("prompts of each role", self._roles)

    def ask(self, dataset: ConceptDataset, size: int) -> DrawnPrompts:
        """Get a dataset's prompts for a number of edits."""
        own = tuple((batch, tuple(dataset.prompts(batch))) for batch in self.schedules.batches(size))
        return DrawnPrompts(size, own, tuple(dataset.shared_prompts(size)))

    def require_prompts(self) -> list[DrawnPrompts]:
        """Return the prompts by number of edits, the largest last.

        Raises:
            Skipped: they cannot be drawn.
        """
        return require(self.asked, SOUND)

    def _sound(self) -> str:
        """Check that there are prompts, each with a text, a role and a non-negative seed."""
        self.schedules.largest()
        found = [self.ask(self.schedules.dataset, size) for size in self.schedules.sizes]
        for asked in found:
            if not asked.all:
                raise Broken(f"{asked.size} edits: no prompts at all, so that nothing is judged")
            for prompt in asked.all:
                if not isinstance(prompt, Prompt):
                    raise Broken(f"a prompt is a {type(prompt).__name__}: must be a Prompt")
                replace(prompt)  # a new instance is checked again
        self.asked = found
        return f"{len(found[-1].all)} at {found[-1].size} edits"

    def _names_requests(self) -> str:
        """Check that a batch's prompts name its own requests, and shared ones any request of the schedule."""
        for asked in self.require_prompts():
            every = {request.id for batch, _ in asked.own for request in batch.requests}
            for batch, prompts in asked.own:
                _refuse_unknown(prompts, {request.id for request in batch.requests}, f"batch {batch.id}")
            _refuse_unknown(asked.shared, every, f"the schedule of {asked.size} edits")
        return ""

    def _tests_every_request(self) -> str:
        """Check that if prompts of a batch name requests, every request is named."""
        for asked in self.require_prompts():
            for batch, prompts in asked.own:
                named = {prompt.request for prompt in prompts} - {None}
                forgotten = [request.id for request in batch.requests if request.id not in named]
                if named and forgotten:
                    raise Broken(f"no prompt names request {forgotten[0]} of batch {batch.id}, others are named")
        return ""

    def _choices(self) -> str:
        """Check that choices are equally many within a role, and differ in as many cases as the card declares."""
        widths: dict[str, int] = {}
        alike: dict[tuple[str, ...], Prompt] = {}
        for prompt in self.require_prompts()[-1].all:
            if len(set(prompt.choices)) < len(prompt.choices):
                alike.setdefault(prompt.choices, prompt)
            width = widths.setdefault(prompt.role, len(prompt.choices))
            if width != len(prompt.choices):
                raise Broken(f"prompts of role {prompt.role} offer {width} and {len(prompt.choices)} choices")
        declared = self.schedules.dataset.card.counts.get(ALIKE, 0)
        if len(alike) != declared:
            said = [f"prompt {prompt.text!r:.80} offers one choice twice" for prompt in [*alike.values()][:1]]
            raise Broken("; ".join([*said, f"{len(alike)} such choices, its card's count {ALIKE} says {declared}"]))
        return counts_in_words({role: width for role, width in widths.items() if width})

    def _once(self) -> str:
        """Check that no two prompts are equal, by seed or by noise; repetitions need a replicate number."""
        asked = self.require_prompts()[-1]
        by_noise = [replace(prompt, seed=0) for prompt in asked.all if prompt.noise is not None]
        by_seed = [replace(prompt, noise=None) for prompt in asked.all]
        for prompts, way in ((by_seed, "seed"), (by_noise, "noise")):
            prompt, count = Counter(prompts).most_common(1)[0] if prompts else (None, 0)
            if prompt is not None and count > 1:
                raise Broken(
                    f"prompt {prompt.text!r:.80}, role {prompt.role}, stands {count} times with one {way}: the same "
                    "image would count again; give repetitions another seed, or a replicate"
                )
        return ""

    def _same(self) -> str:
        """Check that a second call and a second load give the same prompts, shared ones included."""
        for dataset, how in ((self.schedules.dataset, "asked again"), (self.schedules.again(), "loaded again")):
            for known in self.require_prompts():
                found = self.ask(dataset, known.size)
                for what, one, other in (
                    ("prompts", known.own, found.own),
                    ("shared prompts", known.shared, found.shared),
                ):
                    if one != other:
                        raise Broken(f"{how} for {known.size} edits it gives other {what}: draw nothing at random")
        return ""

    def _roles(self) -> Info:
        """Report the number of prompts per role at the largest number of edits."""
        asked = self.require_prompts()[-1]
        return Info(f"at {asked.size} edits: {counts_in_words(Counter(prompt.role for prompt in asked.all))}")


def _refuse_unknown(prompts: Sequence[Prompt], known: set[str], where: str) -> None:
    unknown = [p for p in prompts if p.request is not None and p.request not in known]
    refuse([f"prompt {p.text!r:.80} names request {p.request}, which is not in {where}" for p in unknown[:1]])
