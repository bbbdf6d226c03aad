"""Data files become requests and prompts: `open_dataset("aice", data)` is the door."""

from pathlib import Path

from iceb.base.errors import SpecError
from iceb.catalogue.cards import card_names, load_card
from iceb.catalogue.files import EMBEDDED, UPSTREAM, located
from iceb.catalogue.imagenet import AICE
from iceb.specs.datasets import ConceptDataset

__all__ = ["EMBEDDED", "UPSTREAM", "card_names", "dataset_card_name", "load_card", "open_dataset"]

EDITABLE = {"aice": AICE, "aice_embedded": AICE}  # cards that hold edit requests, and what reads them


def dataset_card_name(name: str, data: str | None) -> str:
    """The card that `--data` selects for a task's dataset: its embedded twin, or the dataset itself.

    >>> dataset_card_name("aice", "embedded")
    'aice_embedded'
    """
    return f"{name}_embedded" if data == EMBEDDED and not name.endswith("_embedded") else name


def open_dataset(name: str, data: str | None = None, cache: Path | None = None) -> ConceptDataset:
    """The requests and prompts of a dataset, every file checked against its card.

    Args:
        name: the dataset's card, for example "aice".
        data: "embedded", "upstream", or a folder that holds the upstream files; None is "upstream".
        cache: the cache's root, where fetched files are kept; None for ICEB_CACHE or ~/.cache/iceb.

    Raises:
        SpecError: there is no such dataset, or it holds nothing to edit.
        DataError: its files are missing, are others than declared, or are malformed.
    """
    card = load_card(dataset_card_name(name, data))
    if card.name not in EDITABLE:
        raise SpecError(f"dataset {card.name} holds no edit requests: choose one of {', '.join(sorted(EDITABLE))}")
    return EDITABLE[card.name](card, located(card, data, cache))
