"""A method's settings in keys and results: plain values as they are, files and models by content."""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from iceb.base.digest import digest, digest_file
from iceb.base.errors import DataError, MethodError
from iceb.base.hub import PINNED, REPOSITORY, cached_commit
from iceb.base.readers import explain_reading
from iceb.models.sources import read_files
from iceb.specs.methods import MethodCard
from iceb.specs.runs import Scalar


def params_of(method: Any) -> dict[str, Scalar]:
    """Return every setting of a method by name, files and models by content.

    Raises:
        MethodError: a setting is neither a scalar nor a flat tuple, or the card names a setting that there is not.
        DataError: a file or a model cannot be read, or nothing pins a model.
    """
    card: MethodCard = method.card
    found = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}
    params = {name: _scalar(card.name, name, value) for name, value in found.items()}
    for what, names in (("files", card.files), ("models", card.models)):
        _refuse_unknown(card.name, what, names, params)
    contents = {name: _each(params[name], file_content, name) for name in card.files}
    models = {name: _each(params[name], model_content, name) for name in card.models}
    return {**params, **contents, **models}


def _refuse_unknown(method: str, what: str, names: Iterable[str], params: Iterable[str]) -> None:
    for name in names:
        if name not in params:
            raise MethodError(f"method {method}: its card's {what} name {name!r}, which is no setting of it")


def _scalar(method: str, name: str, value: Any) -> Scalar:
    plain = tuple(value) if isinstance(value, list | tuple) else value
    parts = plain if isinstance(plain, tuple) else (plain,)
    if not all(part is None or isinstance(part, bool | int | float | str) for part in parts):
        raise MethodError(f"method {method}: setting {name} is {value!r}: settings must be scalars or flat tuples")
    return plain


def _each(value: Scalar, content: Callable[[str, str], str], name: str) -> Scalar:
    """Replace the path or paths that a setting names by their content's digest; None stays."""
    if isinstance(value, tuple):
        return tuple(None if place is None else content(name, str(place)) for place in value)
    return None if value is None else content(name, str(value))


def file_content(name: str, path: str) -> str:
    """Return a file's digest, "sha256:<64 hex>".

    Raises:
        DataError: it cannot be read.
    """
    with explain_reading(f"{name}={path}", DataError, f"name a file with `{name}=FILE`"):
        return f"sha256:{digest_file(Path(path).expanduser())}"


def model_content(name: str, place: str) -> str:
    """Identify a model: digest of a folder's loaded files, or a repository's commit; "" stays.

    A repository without a commit goes by the one that the local cache of the hub holds, which is what would be loaded.

    Raises:
        DataError: a folder cannot be read, the place is neither folder nor repository, or no commit of it is known.
    """
    if not place or PINNED.fullmatch(place):
        return place
    folder = Path(place).expanduser()
    if folder.is_dir():
        parts = [(part.relative_to(folder).as_posix(), file_content(name, str(part))) for part in read_files(folder)]
        return f"sha256:{digest(parts)}"
    repository, _, revision = place.partition("@")
    if not REPOSITORY.fullmatch(repository):
        raise DataError(f"{name}={place}: neither a folder nor a repository of the hub: write OWNER/NAME@COMMIT")
    commit = cached_commit(repository, revision or "main")
    if commit is None:
        raise DataError(
            f"{name}={place}: no commit of it is known: pin it, `{name}={repository}@COMMIT` with the 40 digits "
            f"that https://huggingface.co/{repository}/commits/main shows, or name a folder"
        )
    return f"{repository}@{commit}"
