"""Refuse to compare two results that are not of the same task, data, prompts, model and sampling."""

from dataclasses import fields

from iceb.base.errors import ResultError
from iceb.base.messages import quote
from iceb.leaderboard.filed_result import FiledResult
from iceb.leaderboard.identity import Identity
from iceb.leaderboard.same_data import DATA

WORDS = {
    "task": "tasks",
    "task_version": "versions of the task",
    "dataset": "datasets",
    "dataset_version": "versions of the dataset",
    "data": "data files",
    "family": "kinds of model",
    "repo": "models",
    "revision": "revisions of the model",
    "dtype": "number formats",
    "sampling": "ways of drawing",
    "noise_from": "devices that drew the noise",
}
COUNTS = {
    "num_edits": "numbers of edits",
    "draws": "draws of concepts",
    "limit": "limits",
    "share": "parts of the prompts",
}


def refuse_unlike(first: FiledResult, second: FiledResult) -> None:
    """Refuse two results whose concepts cannot be paired.

    Raises:
        ResultError: as it says, with what differs.
    """
    for filed in (first, second):
        if filed.result.status == "failed":
            raise ResultError(f"{filed.path}: the run failed ({quote(filed.result.error or '')}): run it again")
    for words, one, other in _differences(first, second):
        raise ResultError(
            f"{first.path} and {second.path} do not compare: they have different {words} ({one} and {other}); run one "
            "of them again as the other"
        )


def _differences(first: FiledResult, second: FiledResult) -> list[tuple[str, str, str]]:
    """The fields that differ, in words, with both values."""
    one, other = Identity.of(first.result), Identity.of(second.result)
    pairs = [(WORDS[each.name], getattr(one, each.name), getattr(other, each.name)) for each in fields(Identity)]
    pairs += [(words, getattr(first.result, name), getattr(second.result, name)) for name, words in COUNTS.items()]
    tasks = first.result.task, second.result.task
    pairs += [(words, *(getattr(task, name)[:12] for task in tasks)) for name, words in DATA.items()]
    return [(words, quote(mine, 120), quote(theirs, 120)) for words, mine, theirs in pairs if mine != theirs]
