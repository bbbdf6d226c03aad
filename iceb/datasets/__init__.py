"""Open datasets: `open_dataset("aice", data)` checks the files and offers requests and prompts."""

from pathlib import Path

from iceb import registry
from iceb.base.digest import digest_file
from iceb.base.errors import DataError, SpecError
from iceb.base.frames import attribute_errors
from iceb.datasets.cards import declaration, load_card
from iceb.datasets.locate import EMBEDDED, UPSTREAM, locate_files
from iceb.specs.datasets import ConceptDataset

__all__ = ["EMBEDDED", "UPSTREAM", "dataset_card_name", "load_card", "open_dataset"]


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
