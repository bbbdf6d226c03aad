"""Refuse calls of methods and datasets that leave the model, its bundle or the process changed.

A changed model would be drawn under the digest of the unchanged one, and every later run on the same cache would take
those images for its own.
"""

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from iceb.base.errors import IcebError, MethodError, StoreError
from iceb.base.frames import describe
from iceb.models.bundle import ModelBundle
from iceb.models.process import Process
from iceb.models.state import PLAIN, Same, State, difference
from iceb.specs.families import Family
from iceb.specs.runs import ModelRef

LOG = logging.getLogger("iceb")
REMEDY = (
    "it must leave the model and the process as they were: copy before you change (copy.deepcopy), "
    "return what changes in the Edit, and draw random numbers from a torch.Generator"
)


class Watch:
    """A snapshot of the model and the process, to compare with their later state.

    Raises:
        ModelError: the model is not what its digest names even now.
    """

    def __init__(self, bundle: ModelBundle) -> None:
        bundle.verify()
        self.bundle = bundle
        self.process = Process(bundle.pipeline, bundle.device)
        self.model = bundle.expected_state()
        self.facts = _facts(bundle)

    def changes(self) -> str:
        """The first few things that differ, in words; "" where nothing does."""
        return _join(self.model_changes(), self.process.changes())

    def model_changes(self) -> str:
        """The first few things that differ of the model, and of what its bundle says of it."""
        return _join(self.bundle.changes(self.model), difference(self.facts, _facts(self.bundle)))


@contextmanager
def watch_model(
    bundle: ModelBundle,
    who: str,
    withdraw: Callable[[], None] = lambda: None,
    kind: type[IcebError] = MethodError,
) -> Iterator[None]:
    """Refuse a call inside the block that leaves the model or the process changed.

    The process's settings are put back. A model that was changed is marked, and nothing is drawn from it any more.

    Args:
        who: whose call, for messages: "method emcid".
        withdraw: takes back what the call has kept; called before anything is refused.
        kind: of the error.

    Raises:
        MethodError, or `kind`: something was left changed.
        ModelError: the model was not what its digest names before the call.
    """
    watch = Watch(bundle)
    try:
        yield
    except BaseException as error:
        watch.process.restore()  # settings that a failed call leaves behind follow from the failure, which is reported
        if changes := _remaining_changes(error, watch):
            bundle.invalidate(f"{who} changed {changes}")
            kept = _take_back(withdraw)
            if isinstance(error, Exception):
                said = f"{who} raised {describe(error)} and left changed {changes}"
                raise kind(f"{said}: {REMEDY}{kept}") from error
            if kept:
                LOG.warning("%s changed %s%s", who, changes, kept)
        raise
    settings = watch.process.changes()
    left = watch.process.restore() if settings else ""
    model = watch.model_changes()
    if model or left:
        bundle.invalidate(f"{who} changed {model or left}")
    if changes := _join(model, settings):
        raise kind(f"{who} changed {changes}: {REMEDY}{_take_back(withdraw)}")


def _take_back(withdraw: Callable[[], None]) -> str:
    """Take back what a refused call has kept; where that fails, return so in words, to be said as well."""
    try:
        withdraw()
    except StoreError as error:
        return f"; remove what it has kept, too: {error}"
    return ""


def _remaining_changes(error: BaseException, watch: Watch) -> str:
    """Changes that a failed call left in the model, after the frames that its error holds are cleared.

    A generator that still waits in such a frame puts back what it changed, a hook for example, only when it is closed.
    """
    if not watch.model_changes():
        return ""
    traceback.clear_frames(error.__traceback__)
    return watch.model_changes()


def _facts(bundle: ModelBundle) -> State:
    """A bundle's attributes, by which images are drawn and named, as comparable values."""
    found = {**vars(bundle), "base_digest": bundle.base_digest}
    return {(name, "the bundle"): _fact(value) for name, value in found.items()}


def _fact(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return value if isinstance(value, (*PLAIN, ModelRef, Family)) else Same(value)


def _join(*changes: str) -> str:
    return ", ".join(filter(None, changes))
