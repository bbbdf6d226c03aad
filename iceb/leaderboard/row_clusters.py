"""Find which concepts of a task share a destination or the like, for tests between results."""

from collections.abc import Mapping
from functools import cache

from iceb import registry
from iceb.base.digest import canonical
from iceb.base.errors import IcebError
from iceb.datasets import load_card, open_dataset
from iceb.datasets.repeated import with_repeats
from iceb.specs.repeats import Repeats
from iceb.specs.requests import EditRequest, shared_clusters
from iceb.specs.results import Result
from iceb.specs.schedules import edit_batches
from iceb.specs.tasks import Task


def cluster_names(result: Result, task: Task | None = None) -> Mapping[str, str]:
    """The cluster of each concept that shares one; none where the task's clusters are requests."""
    try:
        declared = task or registry.load("tasks", result.task.name)
    except IcebError:
        return {}
    return {} if declared.cluster == "request" else shared_clusters(declared.cluster, requests_of(result).values())


def known_clusters(result: Result) -> Mapping[str, str] | None:
    """The clusters that concepts share; None where the task declares some and its data are not at hand."""
    found = cluster_names(result)
    try:
        declared = registry.load("tasks", result.task.name).cluster
    except IcebError:
        return found
    return found if found or declared == "request" else None


def requests_of(result: Result) -> Mapping[str, EditRequest]:
    """A result's requests by id; none where its dataset is not at hand in this version."""
    task = result.task
    repeats = Repeats(result.draws)
    return _requests(task.dataset, task.dataset_version, canonical(task.data_sha256), result.num_edits, repeats)


@cache
def _requests(name: str, version: int, data_sha256: str, num_edits: int, repeats: Repeats) -> Mapping[str, EditRequest]:
    try:
        card = load_card(name)
        if (card.version, canonical({key: file.sha256 for key, file in card.files.items()})) != (version, data_sha256):
            return {}
        dataset = with_repeats(open_dataset(name, may_fetch=False), repeats, num_edits)
        batches = edit_batches(dataset.schedule(num_edits))
    except IcebError:
        return {}
    return {request.id: request for batch in batches for request in batch.requests}
