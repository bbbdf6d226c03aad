"""Make the parts of edits that belong to single concepts before the edits themselves.

Such a method keeps what it makes of a concept in its scratch, in batches that are cut from the whole list of requests.
So an edit of one batch's requests, thrown away, leaves there what the whole edit will look for, with the same bits, and
several processes can share its batches. Edits that are made alone in the unedited model look for the same parts: their
concepts are trained in batches too, where each edit by itself would train one at a time. That moves last bits.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from iceb.base.progress import stage
from iceb.models.bundle import ModelBundle
from iceb.running.edit_maker import make_edit
from iceb.running.edit_turns import WAIT
from iceb.running.memory_fit import fit_execution
from iceb.running.method_runner import ChosenMethod
from iceb.running.planned import Plan
from iceb.running.run_parts import Parts
from iceb.running.sweeps.locks import cell_lock
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import batches_alone
from iceb.stores.scratch import ScratchStore

BY_CONCEPT = ("iceb/emcid", "iceb/emcid-ns")  # methods whose value vectors are of single concepts
CONCEPTS_AT_ONCE = 8  # concepts in a batch of theirs by default


@dataclass(frozen=True)
class EditParts:
    """Batches of what one edit, or edits that are made alone, need of single concepts.

    Each is made by one of the processes that share a cache.

    Attributes:
        first: where to begin, from 0 at the first batch to 1 behind the last; each process has a place of its own.
        alone: the requests of edits that are made alone and are not stored yet; None of one edit of all requests.
    """

    parts: Parts
    bundle: ModelBundle
    requests: Sequence[EditRequest]
    first: float = 0.0
    alone: frozenset[EditRequest] | None = None

    @property
    def batches(self) -> list[Sequence[EditRequest]]:
        """The requests of each batch; none where an edit makes its only batch itself."""
        size = self.parts.execution.concepts_at_once or CONCEPTS_AT_ONCE
        made_by_edit = size if self.alone is None else 1
        if not _is_by_concept(self.parts.method, self.requests) or len(self.requests) <= made_by_edit:
            return []
        return [self.requests[start : start + size] for start in range(0, len(self.requests), size)]

    def make(self, *, wait: bool = True) -> None:
        """Make every batch that no other process has made or is making, and wait for those.

        The batch of a process that was killed is made by another one.

        Args:
            wait: False: leave what others are making to them.

        Raises:
            MethodError: the method failed on a batch.
            StoreError: the cache cannot be written.
        """
        batches = self.missing
        begin = int(self.first * len(batches))
        left = [*range(begin, len(batches)), *range(begin)]
        if not batches:
            return
        with stage("parts of the edit" if self.alone is None else "parts of the edits", len(batches)) as advance:
            while left:
                done = 0
                for place in tuple(left):
                    if self._is_made(batches[place]):
                        left.remove(place)
                        advance(1)
                        done += 1
                if not wait:
                    return
                if not done:
                    time.sleep(WAIT)
                    advance(0)

    @property
    def missing(self) -> list[Sequence[EditRequest]]:
        """The batches that an edit needs which is not stored."""
        if self.alone is not None:
            return [batch for batch in self.batches if self.alone.intersection(batch)]
        key = self.parts.method.key(self.bundle, self.requests, self.parts.execution.precision)
        return [] if self.parts.edits.has(key) else self.batches

    def seconds_of(self, requests: Sequence[EditRequest]) -> float:
        """Seconds that went into what is ready for these requests; 0 without any.

        A batch's seconds are shared equally among its requests.
        """
        notes = [self.scratch.get(note_of((request,))) for request in requests] if self.batches else []
        return sum(float(note[0]) for note in notes if note is not None)

    @cached_property
    def scratch(self) -> ScratchStore:
        """The method's scratch; what is stored there, notes of batches too, is pruned together."""
        return self.parts.method.scratch(self.bundle, self.parts.cache, self.parts.execution.precision)

    def _is_made(self, batch: Sequence[EditRequest]) -> bool:
        """Make a batch unless it is made; False where another process is making it."""
        note = note_of(batch)
        with cell_lock(self.parts.cache, f"part/{self.scratch.path(note).stem}") as held:
            if held and self.scratch.get(note) is None:
                self._make(batch)
            return held

    def _make(self, batch: Sequence[EditRequest]) -> None:
        """Make the parts of these requests; note that they are made, and the seconds of each."""
        method, precision = self.parts.method, self.parts.execution.precision
        scratch = method.scratch(self.bundle, self.parts.cache, precision)
        context = method.context(
            self.bundle, scratch, fit_execution(self.parts.execution, method.method, self.bundle, batch)
        )
        made = make_edit(method.method, method.params, self.bundle, batch, context, scratch.withdraw)
        for request in batch:
            self.scratch.put(note_of((request,)), np.array([made.seconds / len(batch)]))
        self.scratch.put(note_of(batch), np.array([made.seconds]))


def parts_alone(plan: Plan) -> EditParts:
    """Return the parts of all edits of a plan that are made alone in the unedited model.

    Batches are cut from all requests, stored or not, so that a run that goes on makes the same ones. Repeated runs have
    none: their first edit tells what an edit costs that finds nothing.
    """
    parts, precision = plan.parts, plan.spec.precision
    alone = batches_alone(plan.schedule) if plan.spec.draws * plan.spec.replicates == 1 else []
    waiting = [each for each in alone if not parts.edits.has(parts.method.key(parts.bundle, each.requests, precision))]
    requests = dict.fromkeys(request for each in alone for request in each.requests)
    needed = frozenset(request for each in waiting for request in each.requests)
    return EditParts(parts, parts.bundle, tuple(requests), alone=needed)


def note_of(batch: Sequence[EditRequest]) -> Mapping[str, Any]:
    """The key of the note that a batch is made, in the method's scratch.

    Batches that were cut otherwise have other notes.
    """
    return {"what": "iceb: batch of an edit", "requests": list(batch)}


def _is_by_concept(method: ChosenMethod, requests: Sequence[EditRequest]) -> bool:
    """Whether batches of requests are batches of concepts.

    They are not where a request has several destinations, which are a concept each.
    """
    return method.entry.full_name in BY_CONCEPT and all(len(request.dests) < 2 for request in requests)
