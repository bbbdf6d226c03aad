"""Turn what somebody names (task or own requests, method or checkpoint) into an `Ask`."""

from pathlib import Path
from typing import Any

from iceb.base.errors import SpecError
from iceb.datasets.own_requests import OwnRequests
from iceb.running.given_method import GivenMethod
from iceb.running.plan import Ask
from iceb.specs.outside import OWN


def ask_of(
    task: str | None,
    num_edits: int | None,
    requests: Path | None,
    model: str,
    data: str | None,
    metrics: tuple[str, ...],
    **more: Any,
) -> Ask:
    """Make what is asked of a task, or of a user's own requests.

    Args:
        more: further fields of `Ask`.

    Raises:
        SpecError: neither was named, or both.
    """
    if requests is not None and task not in (None, OWN):
        raise SpecError(f"`task` {task} and `requests` both say what is edited: choose one of them")
    own = None if requests is None else OwnRequests.read(requests)
    if own is None and task == OWN:
        raise SpecError(f"task {OWN} is of requests of your own: name their file with `requests`")
    if own is None and (task is None or num_edits is None):
        raise SpecError("nothing to edit: give `task` and `num_edits`, or `requests` with a file of your own")
    count = num_edits if num_edits is not None else len(own.concepts) if own is not None else 0
    named = {"method": "prompts", **more}
    return Ask(task=task or OWN, num_edits=count, own=own, model=model, data=data, metrics=metrics, **named)


def editing_method(method: GivenMethod | None, checkpoint: str | Path | None, name: str | None) -> GivenMethod:
    """The method that edits, or the name of the model from elsewhere.

    Raises:
        SpecError: none was named, or two were.
    """
    if (method is None) == (checkpoint is None):
        raise SpecError("nothing, or two things, to edit with: give either `method` or `checkpoint`")
    if method is not None and name is not None:
        raise SpecError(f"`name` {name}: is for `checkpoint`; a method has its own name")
    return method if method is not None else name or "checkpoint"
