"""Make an `Ask` from what a user names: a task, or a file of own requests."""

from pathlib import Path
from typing import Any

from iceb.base.errors import SpecError
from iceb.datasets.own_requests import OwnRequests
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
