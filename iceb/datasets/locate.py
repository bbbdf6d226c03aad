"""Locate a dataset's files and check that they are those its card declares.

Upstream files are never part of the project. They are looked for in the folder the user names (`data`), then in
ICEB_DATA, then in the cache, and are fetched from the card's pinned commit when none of these has them. ICEB_DATA may
hold the files of some datasets and none of another's. Every file is checked against the card's sha256 before a row of
it is read.
"""

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from iceb.base.cache import cache_root
from iceb.base.digest import digest_file
from iceb.base.download import download
from iceb.base.errors import DataError, NotInDataError
from iceb.base.messages import shorten
from iceb.base.readers import explain_reading, is_file, is_folder, read_json, user_path
from iceb.datasets.cards import package_folder
from iceb.specs.datasets import DataCard, DataFile

OWN = "iceb.data_cards"  # where the cards of our own datasets lie
PACKAGED = ("iceb", "package")  # card.source.repository of files that need no download
EMBEDDED = "embedded"  # `data`: the files that ship with the package
UPSTREAM = "upstream"  # `data`: ICEB_DATA, the cache, or a download
ENVIRONMENT = "ICEB_DATA"
PACKAGE, CACHE = "package", "cache"  # origins of a folder, beside `data` and ICEB_DATA
RAW = "https://raw.githubusercontent.com/{repository}/{commit}/{path}"
NON_COMMERCIAL = re.compile(r"\bNC\b|non-?\s?commercial", re.IGNORECASE)
log = logging.getLogger("iceb")


@dataclass(frozen=True)
class Place:
    """A folder in which the files of a card are looked for, and who named it."""

    folder: Path
    origin: str  # PACKAGE, CACHE, "`data`" or ENVIRONMENT


def cache_folder(card: DataCard, cache: Path | None = None) -> Path:
    """The folder of fetched files of `card`, named by commit, so that a new pin never meets old files."""
    return cache_root(cache) / "data" / card.name / card.source.commit[:12]


def locate_files(
    card: DataCard,
    data: str | None = None,
    cache: Path | None = None,
    package: str = OWN,
    may_fetch: bool = True,
) -> dict[str, Path]:
    """Find and check each file of `card`; the paths by the card's keys.

    Args:
        card: the declaration.
        data: a folder; None for the package's own files where they ship with one, else as "upstream": for ICEB_DATA,
            then the cache, then a download; "embedded" for those of a package.
        cache: the cache's root; None for the default one.
        package: the importable package beside whose file the card lies.
        may_fetch: whether missing files are downloaded.

    Raises:
        DataError: the folder lacks a file, a file is not the declared one, nothing could be fetched, or the dataset has
            no upstream, or no embedded, files.
    """
    place = place_of(card, data, cache, package)
    if place.origin == CACHE and may_fetch and missing(card, place.folder):
        fetch(card, cache)
    return checked_paths(card, place.folder)


def place_of(card: DataCard, data: str | None = None, cache: Path | None = None, package: str = OWN) -> Place:
    """Choose the folder in which the files of `card` are looked for; nothing is fetched or checked.

    Args:
        card, data, cache, package: as of `locate_files`.

    Raises:
        DataError: a named folder is none or lacks a file, or the dataset has no upstream, or no embedded, files.
    """
    _refuse_absent_kind(card, data)
    if card.source.repository in PACKAGED and data in (None, EMBEDDED):
        return Place(packaged_folder(card, package), PACKAGE)
    if data not in (None, UPSTREAM):
        return Place(_folder_with_files(card, user_path(data), "`data`"), "`data`")
    if (named := os.environ.get(ENVIRONMENT)) and _holds_any(card, user_path(named)):
        return Place(_folder_with_files(card, user_path(named), ENVIRONMENT), ENVIRONMENT)
    return Place(cache_folder(card, cache), CACHE)


def _holds_any(card: DataCard, folder: Path) -> bool:
    """Whether a folder holds files of the card; True of what is no folder, which is refused later."""
    if not is_folder(folder):
        return True
    return any(len(missing(card, place)) < len(card.files) for place in _places(card, folder))


def _refuse_absent_kind(card: DataCard, data: str | None) -> None:
    """Refuse "upstream" of files that ship with a package, and "embedded" of files that do not."""
    packaged = card.source.repository in PACKAGED
    if packaged and data == UPSTREAM:
        allowed = "name embedded, or a folder that holds its files, or leave `data` out"
        raise NotInDataError(f"`data` {UPSTREAM}: the files of dataset {card.name} ship with its package: {allowed}")
    if not packaged and data == EMBEDDED:
        allowed = f"name {UPSTREAM}, or a folder that holds its files, or leave `data` out"
        raise NotInDataError(f"`data` {EMBEDDED}: no package ships the files of dataset {card.name}: {allowed}")


def missing(card: DataCard, folder: Path) -> list[str]:
    """The card's files that `folder` does not hold."""
    return [file.path for file in card.files.values() if not is_file(folder / file.path)]


def checked_paths(card: DataCard, folder: Path) -> dict[str, Path]:
    """The paths of the card's files in `folder`, each with the declared sha256.

    Raises:
        DataError: a file is missing, unreadable or another one than declared.
    """
    absent = missing(card, folder)
    if absent:
        raise DataError(f"{folder} lacks {', '.join(absent)} of dataset {card.name}: {remedy_of_missing(card)}")
    return {key: _check_file(card, folder / file.path, file) for key, file in card.files.items()}


def _check_file(card: DataCard, path: Path, file: DataFile) -> Path:
    with explain_reading(str(path), DataError, remedy_of_missing(card)):
        found = digest_file(path)
    if file.sha256 is not None and found != file.sha256:
        raise DataError(
            f"{path} is not the file that data card {card.name} declares{_diagnosis(path)}: "
            f"sha256 {found}, expected {file.sha256[:12]}…; {remedy_of_changed(card)}"
        )
    return path


def _diagnosis(path: Path) -> str:
    """Explain why a file may differ, if that is easy to see."""
    try:
        read_json(path, DataError, "")
    except DataError:
        return " (it is not even whole JSON: damaged or cut short)"
    return ""


def remedy_of_missing(card: DataCard) -> str:
    """The remedy for a missing file of a card."""
    if card.source.repository in PACKAGED:
        return "reinstall the package that registers the dataset; if it is yours, name the file in its package-data"
    if card.undeclared_files:
        return f"{_remedy_of_undeclared(card)}, and name its folder with `data` or {ENVIRONMENT}"
    return f"run `iceb data fetch {card.name}`, or name a folder that holds the files with `data` or {ENVIRONMENT}"


def _remedy_of_undeclared(card: DataCard) -> str:
    """The remedy for files that are not fetched, because nobody has stated what they must be."""
    urls = " and ".join(_url(card, path) for path in card.undeclared_files)
    return f"its sha256 is not stated, so it is not fetched: download {urls} yourself"


def _remedy_of_naming(card: DataCard) -> str:
    """The remedy for a named folder that does not hold the files."""
    if card.source.repository in PACKAGED:
        return "name a folder that holds its files, or leave `data` out for those of its package"
    return remedy_of_missing(card)


def remedy_of_changed(card: DataCard) -> str:
    """The remedy for a file other than its card declares, for the card's author and for its user."""
    author = "if you changed its rows, put this digest into the card and raise its version"
    if card.source.repository in PACKAGED:
        return f"{author}, else reinstall the package that registers it"
    return f"{remedy_of_missing(card)}; {author}"


def packaged_folder(card: DataCard, package: str = OWN) -> Path:
    """The folder of packaged files: `source.folder` below iceb, or below the registering package."""
    return package_folder("iceb" if card.source.repository == "iceb" else package) / card.source.folder


def _folder_with_files(card: DataCard, folder: Path, origin: str) -> Path:
    """The folder that holds the files: the user's folder, or the upstream repository's path in it."""
    if not is_folder(folder):
        raise DataError(f"{origin} {shorten(str(folder))} is not a folder: {_remedy_of_naming(card)}")
    places = _places(card, folder)
    best = min(places, key=lambda place: len(missing(card, place)))
    absent = missing(card, best)
    if absent:
        tried = ", ".join(str(place) for place in places)
        raise DataError(f"{origin} {folder} lacks {', '.join(absent)} (looked in {tried}): {_remedy_of_naming(card)}")
    return best


def _places(card: DataCard, folder: Path) -> Sequence[Path]:
    """`folder`, and below it each tail of the upstream folder: data/iceb_data, iceb_data."""
    parts = PurePosixPath(card.source.folder).parts
    return [folder, *(folder.joinpath(*parts[start:]) for start in range(len(parts)))]


def fetch(card: DataCard, cache: Path | None = None, package: str = OWN) -> Path:
    """Download missing files of `card` from its pinned commit; keep only those with the right sha256.

    Raises:
        DataError: no connection, no such file upstream, another file than declared, or one whose sha256 is not stated.
        StoreError: the cache cannot be written.
    """
    folder = cache_folder(card, cache)
    if card.source.repository in PACKAGED:
        return packaged_folder(card, package)
    if absent := [path for path in card.undeclared_files if not is_file(folder / path)]:
        raise DataError(f"{', '.join(absent)} of dataset {card.name} is not here: {remedy_of_missing(card)}")
    if (notice := licence_notice(card)) and missing(card, folder):
        log.warning(notice)
    for file in card.files.values():
        if not is_file(folder / file.path):
            _retrieve(card, file, folder)
    return folder


def _url(card: DataCard, path: str) -> str:
    """The address of one file of a card, at the pinned commit."""
    below = str(PurePosixPath(card.source.folder) / path)
    return RAW.format(repository=card.source.repository, commit=card.source.commit, path=below)


def licence_notice(card: DataCard) -> str:
    """The line that is shown before restricted data are downloaded; "" where the licence allows any use."""
    if not (card.terms or NON_COMMERCIAL.search(card.licence)):
        return ""
    return f"dataset {card.name}, licence {card.licence}: {card.terms or 'not for commercial use'}"


def _retrieve(card: DataCard, file: DataFile, folder: Path) -> None:
    if file.sha256 is None:
        raise DataError(f"{file.path} of dataset {card.name} is not fetched: {remedy_of_missing(card)}")
    remedy = (
        f"connect to the internet and run `iceb data fetch {card.name}`, or name a folder that holds {file.path} with "
        f"`data` or {ENVIRONMENT}"
    )
    download(_url(card, file.path), folder / file.path, file.sha256, f"data card {card.name}", remedy)
