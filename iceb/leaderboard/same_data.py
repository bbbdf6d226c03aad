"""Check that rows of one number of edits come from the same requests, prompts and dataset."""

from collections.abc import Iterator, Sequence
from functools import cache

from iceb.base.digest import canonical
from iceb.base.errors import DataError, IcebError, ResultError
from iceb.base.frames import attribute_errors
from iceb.base.wording import count_text
from iceb.datasets import load_card, open_dataset
from iceb.datasets.repeated import digests_of
from iceb.leaderboard.cells import setting
from iceb.leaderboard.filed_result import FiledResult
from iceb.leaderboard.identity import Identity
from iceb.specs.data_digests import DataDigests
from iceb.specs.repeats import Repeats
from iceb.specs.results import Result

DATA = {"requests_sha256": "requests", "prompts_sha256": "prompts"}  # fields of a result's task


def check_same_data(found: Sequence[FiledResult]) -> None:
    """Refuse results at one number of edits that edited other requests or drew other prompts.

    Args:
        found: those that stand on the leaderboard first, new ones after them.

    Raises:
        ResultError: two such files, or one that does not agree with the installed dataset; the message says what to do.
    """
    tables: dict[str, FiledResult] = {}
    cells: dict[str, FiledResult] = {}
    first: dict[str, FiledResult] = {}
    for filed in found:
        task = filed.result.task
        result = filed.result
        data = [task.name, task.version, task.dataset, task.dataset_version, task.data_sha256, result.num_edits]
        table = [Identity.of(result), result.num_edits]
        _check_same_draws(filed, tables.setdefault(canonical(table), filed))
        _check_same_seeds(filed, cells.setdefault(canonical([*table, setting(result)]), filed))
        known = first.setdefault(canonical([*data, result.draws]), filed)
        if problem := _difference(filed.result, known.result):
            raise ResultError(
                f"{filed.path} and {known.path} have different {problem} of version {task.dataset_version} of dataset "
                f"{task.dataset}: raise its version and run again what is to be compared, or leave one of the two out"
            )
    for filed in found:
        for problem in _unlike_dataset(filed.result):
            raise ResultError(f"{filed.path}: {problem}")


def _check_same_draws(filed: FiledResult, known: FiledResult) -> None:
    if filed.result.draws != known.result.draws:
        raise ResultError(
            f"{filed.path} edits {count_text(filed.result.draws, 'draw')} of {filed.result.num_edits} concepts, "
            f"{known.path} {known.result.draws}: rows of one number of edits share their concepts; run one again with "
            "the `draws` of the other"
        )


def _check_same_seeds(filed: FiledResult, known: FiledResult) -> None:
    if filed.result.replicates != known.result.replicates:
        raise ResultError(
            f"{filed.path} edits with {count_text(filed.result.replicates, 'seed')}, {known.path}, of the same row and "
            f"number of edits, with {known.result.replicates}: run it with the `replicates` of the other"
        )


def _difference(result: Result, known: Result) -> str | None:
    for field, what in DATA.items():
        said, other = getattr(result.task, field), getattr(known.task, field)
        if said != other:
            return f"{what} ({field} {said[:12]}… and {other[:12]}…)"
    return None


def _unlike_dataset(result: Result) -> Iterator[str]:
    """Compare a result's data with the dataset of that version, where it is installed with the same files."""
    task = result.task
    made = _installed_digests(
        task.dataset, task.dataset_version, canonical(task.data_sha256), result.num_edits, result.repeats
    )
    if made is None:
        return
    for field, what in DATA.items():
        said, found = getattr(task, field), getattr(made, what)
        if said != found:
            yield (
                f"{field} is {said[:12]}…, version {task.dataset_version} of dataset {task.dataset} as installed makes "
                f"{found[:12]}…: the {what} were changed under one version: raise it, and run again"
            )


@cache
def _installed_digests(
    name: str, version: int, data_sha256: str, num_edits: int, repeats: Repeats
) -> DataDigests | None:
    """Digest the installed dataset of this version and these files; None if it is not installed."""
    try:
        card = load_card(name)
        if (card.version, canonical({key: file.sha256 for key, file in card.files.items()})) != (version, data_sha256):
            return None
        dataset = open_dataset(name, may_fetch=False)
        with attribute_errors(DataError, f"dataset {name}"):
            return digests_of(dataset, repeats, num_edits)
    except IcebError:
        return None
