"""Check the optional parts of a dataset: reference images, scored names, and prepared prompts."""

import inspect
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from iceb.conformance.check_line import Broken, Info, Line, Outcome, Skipped
from iceb.conformance.parts.dataset_schedules import DatasetSchedules
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import refuse
from iceb.running.measuring import read_image
from iceb.runs.retained import names_in_words
from iceb.specs.checks import check_name
from iceb.specs.datasets import ReferenceImages
from iceb.specs.schedules import edit_batches

MOST_OPENED = 200  # reference images of one name, evenly spaced
PREPARE = ("edited", "checkpoint", "prompts", "scratch")


@dataclass
class OptionalParts:
    """The optional parts of a loaded dataset."""

    schedules: DatasetSchedules

    def lines(self, watch: ProcessWatch) -> Iterator[Line]:
        """Run these checks, one line each."""
        yield watch.line("reference images", self._references)
        yield watch.line("names that are scored", self._scored_names)
        yield watch.line("prompts that are prepared", self._prepare)

    def _require_part(self, name: str) -> None:
        if not hasattr(self.schedules.dataset, name):
            raise Skipped(f"it has no {name}")

    def _references(self) -> str:
        """Check that each reference side has its own name and readable images."""
        self._require_part("references")
        found = tuple(self.schedules.dataset.references())  # type: ignore[attr-defined]
        names = [_check_reference(each) for each in found]
        refuse([f"two sides are called {name}" for name in names if names.count(name) > 1][:1])
        return ", ".join(f"{each.name}: {len(each.paths)}" for each in found)

    def _scored_names(self) -> Outcome:
        """Check that scored names include every source, destination and alias."""
        if not hasattr(self.schedules.dataset, "scored_names"):
            return Info("it has no scored_names: names that only its shared prompts test could be retained unnoticed")
        names = self.schedules.dataset.scored_names()
        if isinstance(names, str) or not isinstance(names, Collection) or not all(isinstance(n, str) for n in names):
            raise Broken(f"scored_names() gives {names!r:.80}: must be a set of texts")
        requests = [request for batch in edit_batches(self.schedules.largest()) for request in batch.requests]
        asked = {name for each in requests for name in each.names}
        if left := sorted(asked - set(names)):
            raise Broken(f"scored_names() leaves out {names_in_words(left)} that its own requests name")
        return str(len(names))

    def _prepare(self) -> str:
        """Check that `prepare` accepts the edited model, the checkpoint, its prompts and a scratch store."""
        self._require_part("prepare")
        try:
            inspect.signature(self.schedules.dataset.prepare).bind(*PREPARE)  # type: ignore[attr-defined]
        except TypeError as error:
            raise Broken(f"prepare cannot be called as prepare({', '.join(PREPARE)}): {error}") from error
        return "that it takes what it gets; no model is edited here"


def _check_reference(side: object) -> str:
    """Return the name of a reference side after checking that its files are images.

    Raises:
        Broken, IcebError: it is no side, or a file is not.
    """
    if not isinstance(side, ReferenceImages):
        raise Broken(f"references() gives a {type(side).__name__}: must be ReferenceImages")
    check_name(side.name, "the name of a reference")
    if not side.paths:
        raise Broken(f"reference {side.name} holds no images")
    for path in side.paths[:: max(1, len(side.paths) // MOST_OPENED)]:
        read_image(path)
    return side.name
