"""Check one edit: its content, an unchanged model, and bit-equal repetition."""

import fnmatch
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import torch

from iceb.base.wording import size_text
from iceb.conformance.check_line import Broken, Skipped
from iceb.conformance.methods.method_under_test import MethodUnderTest, digest_of
from iceb.conformance.methods.sample_requests import FEW, sample
from iceb.delivery.delta import by_matrix
from iceb.models.model_watch import Watch
from iceb.specs.methods import Edit
from iceb.specs.requests import EditRequest
from iceb.stores.edits import EditStore, MadeEdit
from iceb.stores.scratch import ScratchStore

UNTOUCHED, TAKEN_BACK = "model untouched before applied", "model bit-equal after applied"
REMEDY = "copy before you change, put back what you change, and draw from a torch.Generator"


@dataclass
class PlainEdit:
    """One edit of plain requests and the checks of it; each returns a note or raises the line's outcome."""

    under_test: MethodUnderTest
    edit: Edit | None = None  # the plain edit, once it was made
    watch: Watch | None = None  # snapshot from before the first call
    seconds: float = 0.0  # seconds of the last edit of the plain requests with empty scratch
    broken: str = ""  # what a call of the method changed of the model; nothing after that can be trusted
    broken_at: str = ""  # the check that reported it

    @cached_property
    def requests(self) -> tuple[EditRequest, ...]:
        """The plain requests."""
        return sample(FEW, self.under_test.kind)

    @cached_property
    def scratch(self) -> ScratchStore:
        """The scratch store that the plain edit filled."""
        return self.under_test.scratch()

    def require_edit(self) -> Edit:
        """Return the plain edit.

        Raises:
            Skipped: there is none, or the model is not what it was.
        """
        self.skip_if_broken()
        if self.edit is None:
            raise Skipped("there is no edit to look at")
        return self.edit

    def skip_if_broken(self) -> None:
        """Skip this check if an earlier one found the model changed.

        Raises:
            Skipped: the model is not what it was.
        """
        if self.broken:
            raise Skipped(f"see {self.broken_at!r}")

    def restore(self) -> None:
        """Restore the process settings that a call changed."""
        if self.watch is not None:
            self.watch.process.restore()

    def changes(self) -> str:
        """Describe how the model and process differ from their state before the first call."""
        self.watch = self.watch or Watch(self.under_test.bundle)
        return self.watch.changes()

    def no_requests(self) -> str:
        """Check that no requests give an empty edit."""
        self.watch = Watch(self.under_test.bundle)
        edit = self.under_test.edit(())
        for what in ("weights", "rewrites", "negative_prompt"):
            if getattr(edit, what):
                raise Broken(f"no requests gave an edit with {what}: return Edit() for them")
        return ""

    def fits(self) -> str:
        """Check that an edit changes declared parameters only, keeps shape and dtype, is finite, not empty."""
        self.watch = self.watch or Watch(self.under_test.bundle)
        edit = self._time_edit(self.scratch)
        self._look(UNTOUCHED)
        if not self.under_test.card.touches:
            self.edit = edit
            return "changes no weight, as declared"
        change = self.under_test.change(edit)
        if not change and not self.broken:
            raise Broken(f"the card declares touches={', '.join(self.under_test.card.touches)}, and no weight changed")
        self.edit = edit
        moved = sum(value.numel() * value.element_size() for value in edit.weights.values())
        return f"{len(edit.weights)} weights, {size_text(moved)}, relative change {change:.2g}"

    def model_before_applied(self) -> str:
        """Check that `edit` left weights, buffers, modes, hooks, processors and random states unchanged."""
        if not self.broken:
            self._look(UNTOUCHED)
        if self.broken:
            raise Broken(f"edit() changed {self.broken}: {REMEDY}")
        return ""

    def model_after_applied(self) -> str:
        """Check that the model holds the edit while it is applied, and is restored bit for bit."""
        edit, bundle = self.require_edit(), self.under_test.bundle
        with bundle.applied(edit):
            for name, value in edit.weights.items():
                if not torch.equal(bundle.parameter(name), value.to(bundle.device)):
                    raise Broken(f"{name} does not hold the edit while it is applied")
        self._look(TAKEN_BACK)
        if self.broken:
            raise Broken(f"after the edit was taken back there changed {self.broken}")
        return ""

    def same_bytes_twice(self) -> str:
        """Check that two calls with empty scratch give the same bytes."""
        return self._again(self.under_test.scratch(), self._time_edit)

    def same_bytes_from_warm_scratch(self) -> str:
        """Check that a call with filled scratch gives the same bytes."""
        return self._again(self.scratch, partial(self.under_test.edit, self.requests))

    def _look(self, check: str) -> None:
        self.broken, self.broken_at = self.changes(), check

    def _time_edit(self, scratch: ScratchStore) -> Edit:
        began = time.perf_counter()
        edit = self.under_test.edit(self.requests, scratch)
        self.seconds = time.perf_counter() - began
        return edit

    def _again(self, scratch: ScratchStore, make: Callable[[ScratchStore], Edit]) -> str:
        edit = self.require_edit()
        if not self.under_test.card.deterministic:
            raise Skipped("the card says deterministic=False")
        again = make(scratch)
        if digest_of(edit) != digest_of(again):
            far = self.under_test.relative_difference(edit, again)
            raise Broken(f"the same requests gave other bytes, relative difference {far:.2g}: seed every draw")
        return ""

    def save_and_load(self) -> str:
        """Check that an edit survives being saved to the edit store and loaded."""
        edit, store = self.require_edit(), EditStore(self.under_test.folder)
        store.publish("0" * 64, MadeEdit(edit, 0.0))
        read = store.read("0" * 64)
        if read is None:
            raise Broken("the saved edit cannot be read again")
        if digest_of(read.edit) != digest_of(edit):
            raise Broken("the saved edit came back with other weights or words")
        if dict(read.edit.log) != dict(edit.log):
            raise Broken(f"the log came back as {dict(read.edit.log)}, it was {dict(edit.log)}")
        self._compact(edit)
        return size_text(store.path("0" * 64).stat().st_size)

    def _compact(self, edit: Edit) -> None:
        """Check that each weight named in `Edit.right` equals W M bit for bit."""
        made = by_matrix(edit, self.under_test.bundle.parameter)
        named = {name for name in edit.weights if any(fnmatch.fnmatchcase(name, pattern) for pattern in edit.right)}
        for name in sorted(named - set(made)):
            raise Broken(f"right says that a matrix makes {name}, and (W.double() @ M).to(W.dtype) has other bytes")

    def model_after_all(self) -> str:
        """Check that the model is unchanged after all calls, refused requests included."""
        self.skip_if_broken()
        if changed := self.changes():
            raise Broken(f"some call changed {changed}: put it back also when a request is refused")
        return ""
