"""Open datasets: `open_dataset` for runs, `load` for their rows alone; both check the files."""

from pathlib import Path

from iceb import registry
from iceb.base.digest import digest_file
from iceb.base.errors import DataError, SpecError
from iceb.base.frames import attribute_errors
from iceb.datasets.cards import declaration, load_card
from iceb.datasets.locate import EMBEDDED, UPSTREAM, locate_files
from iceb.datasets.plain_rows import PlainDataset, plain_dataset
from iceb.specs.datasets import ConceptDataset

__all__ = ["EMBEDDED", "UPSTREAM", "PlainDataset", "dataset_card_name", "load", "load_card", "open_dataset"]


def dataset_card_name(name: str, data: str | None) -> str:
    """The dataset that `data` selects: the embedded twin if there is one, or the dataset itself.

    >>> dataset_card_name("aice", "embedded")
    'aice_embedded'
    """
    twin = f"{name}_embedded"
    known = data == EMBEDDED and any(twin in (entry.name, entry.full_name) for entry in registry.entries_of("datasets"))
    return twin if known else name


def open_dataset(
    name: str, data: str | None = None, cache: Path | None = None, may_fetch: bool = True
) -> ConceptDataset:
    """The requests and prompts of a dataset, every file checked against its card.

    Args:
        name: a registered dataset, for example "aice".
        data: "embedded", "upstream", or a folder that holds the upstream files; None is "upstream".
        cache: the cache's root, where fetched files are kept; None for the default.
        may_fetch: whether missing files are downloaded.

    Raises:
        SpecError: there is no such dataset, or it holds nothing to edit.
        DataError: its files are missing, are others than declared, or are malformed.
    """
    chosen = dataset_card_name(name, data)
    card, declared = load_card(chosen), declaration(chosen)
    if declared.load is None:
        raise SpecError(f"dataset {card.name} holds no edit requests: a task needs one that does (iceb list datasets)")
    paths = locate_files(card, data, cache, declared.package, may_fetch)
    if card.undeclared_files:
        card = card.with_digests({key: digest_file(path) for key, path in paths.items()})
    with attribute_errors(DataError, f"dataset {chosen}"):
        return declared.load(card, paths)


def load(name: str, data: str | None = None, num_edits: int | None = None, cache: Path | None = None) -> PlainDataset:
    """The requests and prompts of a dataset as plain rows, of which `.to_hf()` makes a `DatasetDict`.

    Args:
        name, data, cache: as of `open_dataset`.
        num_edits: how many requests are edited at a time; None for all that the card counts.

    Raises:
        SpecError: there is no such dataset, it holds nothing to edit, or its card counts no requests.
        DataError: it has not so many requests, or its files are missing, others than declared, or malformed.

    >>> found = load("aice", data="embedded", num_edits=10)
    >>> len(found.requests), found.requests[0].source, found.prompts[0].role
    (10, 'dhole', 'train')
    """
    return plain_dataset(open_dataset(name, data, cache), num_edits)
