"""Data cards: the front matter of data_cards/<name>.md becomes a checked DataCard; the prose below it is for people."""

import difflib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml
from pydantic import ValidationError

from iceb.base.digest import digest_bytes
from iceb.base.errors import DataError, SpecError
from iceb.specs.datasets import DataCard
from iceb.specs.results import first_problem

FENCE = "---\n"


def _folder() -> Traversable:
    return files("iceb.data_cards")


def card_names() -> list[str]:
    """The datasets that have a card, sorted."""
    names = [entry.name.removesuffix(".md") for entry in _folder().iterdir() if entry.name.endswith(".md")]
    return sorted(name for name in names if name != "README")


def card_text(name: str) -> str:
    """The whole page of one card, front matter and prose.

    Raises:
        SpecError: there is no card of this name; the message names the nearest.
    """
    known = card_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(known)}"
        raise SpecError(f"unknown dataset {name!r}: {hint}")
    return _folder().joinpath(f"{name}.md").read_text(encoding="utf-8")


@cache
def load_card(name: str) -> DataCard:
    """The declaration of one dataset.

    Raises:
        SpecError: there is no card of this name.
        DataError: the card's front matter is missing, not YAML, or not what a card must hold.
    """
    card = parse_card(card_text(name), f"data_cards/{name}.md")
    if card.name != name:
        raise DataError(f"data_cards/{name}.md declares the name {card.name!r}: it must be the file's, {name!r}")
    return card


def parse_card(text: str, where: str) -> DataCard:
    """The front matter of a card's page.

    Args:
        where: the page's name, for messages.

    Raises:
        DataError: no front matter, not YAML, or a field that is missing, unknown or wrong.
    """
    if not text.startswith(FENCE) or FENCE not in text[len(FENCE) :]:
        raise DataError(f"{where}: must open with YAML front matter between two lines of '---'")
    try:
        fields = yaml.safe_load(text[len(FENCE) :].split(FENCE, 1)[0])
        return DataCard.model_validate(fields)
    except yaml.YAMLError as error:
        raise DataError(f"{where}: the front matter is not YAML ({' '.join(str(error).split())})") from error
    except ValidationError as error:
        raise DataError(f"{where}: {first_problem(error)}") from error


def card_sha256(name: str) -> str:
    """sha256 of the card's page: what a result records, so that a changed declaration is seen."""
    return digest_bytes(card_text(name).encode("utf-8"))
