"""Read data cards: the YAML front matter of a registered dataset's card, as a validated DataCard."""

import importlib.util
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ValidationError

from iceb import registry
from iceb.base.digest import digest_bytes
from iceb.base.errors import DataError, SpecError
from iceb.base.front_matter import split_page
from iceb.base.readers import read_text
from iceb.base.suggestions import unknown
from iceb.specs.datasets import DataCard, DataFile, DatasetDeclaration, DataSource
from iceb.specs.results import first_problem


def card_names() -> list[str]:
    """The registered datasets, sorted."""
    return sorted(map(registry.shortest_name, registry.entries_of("datasets")))


def declaration(name: str) -> DatasetDeclaration:
    """The declaration that a package registers under a dataset's name.

    Raises:
        SpecError: there is no dataset of this name; the message names the nearest.
    """
    found = registry.load("datasets", name)
    if not isinstance(found, DatasetDeclaration):
        raise SpecError(f"dataset {name} is registered as a {type(found).__name__}: it must be a DatasetDeclaration")
    return found


def package_folder(package: str) -> Path:
    """The folder of an importable package or module; nothing of it is run.

    Raises:
        DataError: it cannot be found on disk.
    """
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError, AttributeError):  # its parent cannot be imported, or it is no name of a module
        spec = None
    if spec is None or not spec.origin:
        raise DataError(f"package {package} has no folder: reinstall the package that registers the dataset")
    return Path(spec.origin).parent


def card_text(name: str) -> str:
    """The whole page of one card, front matter and prose.

    Raises:
        SpecError: there is no dataset of this name; the message names the nearest.
        DataError: its card is missing or is not UTF-8.
    """
    found = declaration(name)
    path = package_folder(found.package) / found.card
    remedy = "reinstall the package that registers the dataset; if it is yours, name the card in its package-data"
    return read_text(path, DataError, remedy, f"data card {path} of dataset {name}")


@cache
def load_card(name: str) -> DataCard:
    """The declaration of one dataset.

    Raises:
        SpecError: there is no dataset of this name.
        DataError: the card's front matter is missing, not YAML, or not what a card must hold.
    """
    card = parse_card(card_text(name), f"data card of {name}")
    registered_name = name.rpartition("/")[2]
    if card.name != registered_name:
        raise DataError(f"data card of {name} declares the name {card.name!r}: it must be {registered_name!r}")
    return card


def parse_card(text: str, where: str) -> DataCard:
    """The front matter of a card's page.

    Args:
        where: the page's name, for messages.

    Raises:
        DataError: no front matter, not YAML, or a field that is missing, unknown or wrong.
    """
    fields, _ = split_page(text, where, DataError)
    try:
        return DataCard.model_validate(fields)
    except ValidationError as error:
        raise DataError(f"{where}: {_unknown_key(error) or first_problem(error)}") from error


def _unknown_key(error: ValidationError) -> str:
    """The message for a card's first unknown key, with the nearest known one; "" where all are known."""
    places = [each["loc"] for each in error.errors(include_url=False) if each["type"] == "extra_forbidden"]
    if not places:
        return ""
    *above, key = map(str, places[0])
    parts: dict[str, type[BaseModel]] = {"source": DataSource, "files": DataFile}
    kind = parts[above[0]] if above else DataCard
    return unknown(f"key of {'.'.join(above)}" if above else "key", key, kind.model_fields)


def card_sha256(name: str) -> str:
    """sha256 of the card's page: what a result records, so that a changed declaration is seen."""
    return digest_bytes(card_text(name).encode("utf-8"))
