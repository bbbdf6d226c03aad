"""Report what is likely a mistake in a dataset's prompts, and may be meant: these lines cannot fail."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from iceb.base.messages import quote
from iceb.base.wording import count_text
from iceb.conformance.check_line import Info, Line, Outcome, Skipped
from iceb.conformance.parts.dataset_prompts import DatasetPrompts, DrawnPrompts
from iceb.conformance.process_watch import ProcessWatch
from iceb.mini.world import NUM_CLASSES, class_names
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest

SHOWN = 3  # names that are listed with their class


@dataclass
class DatasetRemarks:
    """Remarks on the prompts of a dataset's largest number of edits."""

    prompts: DatasetPrompts

    def lines(self, watch: ProcessWatch) -> Iterator[Line]:
        """Run these checks, one line each."""
        yield watch.line("what no request asks for", self._find_edited)
        yield watch.line("images of one concept each", self._find_shared)
        yield watch.line("names of labels", self._names)
        yield watch.line("source prompts name their source", self._sources)

    def _most_prompts(self) -> DrawnPrompts:
        return self.prompts.require_prompts()[-1]

    def _find_edited(self) -> Outcome:
        """Find prompts of which nothing is asked that show what another request of their batch edits."""
        drawn = self._most_prompts()
        every = tuple(request for batch, _ in drawn.own for request in batch.requests)
        groups = [*((batch.requests, prompts) for batch, prompts in drawn.own), (every, drawn.shared)]
        found = [pair for requests, prompts in groups for pair in _edited_prompts(requests, prompts)]
        if not found:
            return ""
        prompt, request = found[0]
        same = prompt.label is not None and prompt.label == request.source_label
        shows = f"shows class {prompt.label}" if same else f"names {quote(request.source, 40)}"
        return Info(
            f"{count_text(len(found), 'prompt')} of nothing asked for: {prompt.role} {quote(prompt.text, 80)} {shows}, "
            f"which request {request.id} edits at {drawn.size} edits: an edit as asked may count as damage there"
        )

    def _find_shared(self) -> Outcome:
        """Find images that stand in several concepts, which errors take as independent."""
        drawn = self._most_prompts()
        concepts: dict[object, set[str]] = {}
        for batch, prompt in _with_batches(drawn):
            cluster = batch.concept if batch and batch.concept and prompt.concept is None else prompt.cluster
            concepts.setdefault((prompt.text, prompt.seed, prompt.noise, prompt.role), set()).add(cluster)
        several = sum(len(found) > 1 for found in concepts.values())
        if not several:
            return ""
        stand = f"{count_text(several, 'image')} stand{'s' if several == 1 else ''} in more than one concept"
        return Info(f"{stand}: errors take concepts as independent")

    def _names(self) -> Outcome:
        """List some sources with their label and ImageNet's name of it."""
        labelled = {(r.source, r.source_label) for r in _requests(self._most_prompts()) if r.source_label is not None}
        known = sorted((name, label) for name, label in labelled if label is not None and label < NUM_CLASSES)
        if not known or len(known) < len(labelled):
            raise Skipped("labels are no ImageNet-1k numbers" if labelled else "requests have no labels")
        names = class_names()
        other = [(name, label) for name, label in known if name.lower() != names[label].lower()]
        if not other:
            return f"{count_text(len(known), 'source')} named as ImageNet-1k names their label"
        shown = ", ".join(f"{quote(name, 40)} {label} ({names[label]})" for name, label in other[:SHOWN])
        of = f"{len(other)} of {count_text(len(known), 'source')} named otherwise than their label"
        return Info(f"{of}; source, label (ImageNet-1k's name of it): {shown}")

    def _sources(self) -> Outcome:
        """Find prompts of role source that do not contain their request's source."""
        drawn = self._most_prompts()
        sources = {request.id: request.source for request in _requests(drawn)}
        mine = [p for p in drawn.all if p.role == "source" and p.request in sources]
        lacking = [prompt for prompt in mine if sources[str(prompt.request)].lower() not in prompt.text.lower()]
        if not lacking:
            return ""
        first = f"{quote(lacking[0].text, 80)} of request {lacking[0].request}"
        return Info(f"{len(lacking)} of {count_text(len(mine), 'source prompt')} do not contain their source: {first}")


def _requests(drawn: DrawnPrompts) -> Iterator[EditRequest]:
    return (request for batch, _ in drawn.own for request in batch.requests)


def _with_batches(drawn: DrawnPrompts) -> Iterator[tuple[EditBatch | None, Prompt]]:
    yield from ((batch, prompt) for batch, prompts in drawn.own for prompt in prompts)
    yield from ((None, prompt) for prompt in drawn.shared)


def _edited_prompts(requests: Sequence[EditRequest], prompts: Sequence[Prompt]) -> Iterator[tuple[Prompt, EditRequest]]:
    """Yield prompts without target or answer that show the source of a request other than their own."""
    labels: dict[int | None, EditRequest] = {
        request.source_label: request for request in requests if request.source_label is not None
    }
    texts = {request.source.lower(): request for request in requests}
    longest = sorted(map(re.escape, texts), key=len, reverse=True)
    sources = re.compile(rf"(?<![\w-])(?:{'|'.join(longest)})(?![\w-])")
    for prompt in prompts:
        if prompt.target is not None or prompt.answer is not None:
            continue
        named = sources.search(prompt.text.lower())
        request = labels.get(prompt.label) or (texts[named[0]] if named else None)
        if request is not None and request.id != prompt.request:
            yield prompt, request
