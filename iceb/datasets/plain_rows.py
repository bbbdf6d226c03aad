"""Requests and prompts of a dataset as plain rows, and as a Dataset of Hugging Face's library."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from iceb.base.errors import SpecError
from iceb.specs.datasets import ConceptDataset, DataCard
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import edit_batches

if TYPE_CHECKING:
    from datasets import DatasetDict, Features

REQUESTS, PROMPTS = "requests", "prompts"  # the splits
Row = Mapping[str, Any]


@dataclass(frozen=True)
class PlainDataset:
    """A dataset's requests and prompts at one number of edits.

    Attributes:
        card: the declaration of its files.
        num_edits: how many requests are edited at a time.
        batches: the id of the edit that a request belongs to, by the request's id.
        requests: each once, in the order in which they are edited.
        prompts: everything that may be drawn to judge the edits, each once.
    """

    card: DataCard
    num_edits: int
    batches: Mapping[str, str]
    requests: tuple[EditRequest, ...]
    prompts: tuple[Prompt, ...]

    def rows(self) -> dict[str, list[Row]]:
        """Return both as lists of rows of plain values, by split."""
        requests: list[Row] = [{"batch": self.batches[request.id], **_plain(request)} for request in self.requests]
        return {REQUESTS: requests, PROMPTS: [_plain(prompt) for prompt in self.prompts]}

    def to_hf(self) -> "DatasetDict":
        """Make a `datasets.DatasetDict` with the splits requests and prompts, whose info is the card's.

        Raises:
            SpecError: the package is not installed.
        """
        try:
            from datasets import Dataset, DatasetDict, DatasetInfo
        except ImportError as error:
            raise SpecError(
                f"Hugging Face's package datasets, from 4.0 on, cannot be imported ({error}): pip install 'iceb[hf]'"
            ) from error
        said = {"description": self.card.title, "citation": self.card.paper, "license": self.card.licence}
        columns = _columns()
        return DatasetDict(
            {
                name: Dataset.from_list([dict(row) for row in rows], info=DatasetInfo(features=columns[name], **said))
                for name, rows in self.rows().items()
            }
        )


def _columns() -> dict[str, "Features"]:
    """Declare the columns of each split, which are the same for every dataset, whatever is empty in it."""
    from datasets import Features, List, Value

    text, number = Value("string"), Value("int64")
    texts = List(text)
    requests = {
        **dict.fromkeys(("batch", "id", "source"), text),
        **dict.fromkeys(("dests", "templates"), texts),
        **dict.fromkeys(("seed", "source_label", "dest_label"), number),
        "aliases": texts,
    }
    prompts = {
        "text": text,
        "seed": number,
        "role": text,
        "request": text,
        "label": number,
        "target": number,
        "concept": text,
        "choices": texts,
        "answer": number,
        "replicate": number,
        "tags": texts,
        "noise": {"seed": number, "calls": List(number), "slot": number},
    }
    return {REQUESTS: Features(requests), PROMPTS: Features(prompts)}


def _plain(value: EditRequest | Prompt) -> Row:
    """Return a request's or prompt's fields, with lists for tuples."""
    return {name: _lists(found) for name, found in asdict(value).items()}


def _lists(value: Any) -> Any:
    """Return a value with lists in the place of its tuples."""
    if isinstance(value, dict):
        return {name: _lists(found) for name, found in value.items()}
    return [_lists(each) for each in value] if isinstance(value, tuple) else value


def plain_dataset(dataset: ConceptDataset, num_edits: int | None = None) -> PlainDataset:
    """Gather the requests and prompts of a dataset.

    Args:
        dataset: as of `open_dataset`.
        num_edits: how many requests are edited at a time; None for as many as the card counts.

    Raises:
        SpecError: no number is named, and the card counts no requests.
        DataError: it has not so many.
    """
    count = num_edits if num_edits is not None else dataset.card.counts.get(REQUESTS)
    if count is None:
        raise SpecError(f"dataset {dataset.card.name} counts no requests: name `num_edits`")
    batches: dict[str, str] = {}
    requests: list[EditRequest] = []
    prompts: dict[Prompt, None] = {}
    for batch in edit_batches(dataset.schedule(count)):
        for request in batch.requests:
            if batches.setdefault(request.id, batch.id) == batch.id:
                requests.append(request)
        prompts |= dict.fromkeys(dataset.prompts(batch))
    prompts |= dict.fromkeys(dataset.shared_prompts(count))
    return PlainDataset(dataset.card, count, batches, tuple(requests), tuple(prompts))
