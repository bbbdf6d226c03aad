"""Load files of the model hub: from the local cache first, then from the hub if it can be reached.

The hub's libraries retry every file with waits in between, so that a machine without a connection learns of it after
minutes. Here one request is made before anything is fetched.
"""

import http.client
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from iceb.base.messages import first_line

Loaded = TypeVar("Loaded")
ENDPOINT = "https://huggingface.co"
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")  # offline switches of the libraries
YES = ("1", "on", "yes", "true")
CONFIGURATIONS = ("config.json", "model_index.json")  # every loadable repository has one of these at its top
SECONDS = 5.0  # seconds for the hub to answer
REPOSITORY = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
PINNED = re.compile(rf"{REPOSITORY.pattern}@[0-9a-f]{{40}}")  # a repository with its commit


def local_first(place: str, load: Callable[..., Loaded]) -> Loaded:
    """Call `load` on local files alone and, where that fails and the hub can be reached, let it download.

    Args:
        place: a folder, or a repository of the hub as "owner/name" or "owner/name@revision".
        load: a library's `from_pretrained` or alike, which knows `local_files_only` and `revision`.

    Raises:
        ConnectionError: nothing in the local cache loads, and the hub does not answer or must not be asked.
        Exception: whatever `load` raises of a folder, or of what it fetches.
    """
    folder = Path(place).expanduser()
    if folder.is_dir():
        return load(str(folder))
    name, _, revision = place.partition("@")
    pinned: dict[str, Any] = {"revision": revision} if revision else {}
    try:
        return load(name, **pinned, local_files_only=True)
    except Exception as absent:  # the libraries raise many kinds
        if not REPOSITORY.fullmatch(name):
            raise
        if silence := unreachable_reason():
            raise ConnectionError(
                f"{silence}, and the local cache has nothing that loads ({_first_line(absent)})"
            ) from absent
    return load(name, **pinned)


def cached_commit(repository: str, revision: str = "main") -> str | None:
    """The cached commit of a branch, tag or shortened commit of a repository; None if there is none."""
    from huggingface_hub import try_to_load_from_cache

    for file in CONFIGURATIONS:
        found = try_to_load_from_cache(repository, file, revision=revision)
        if isinstance(found, str):
            return Path(found).parent.name
    return None


def _first_line(error: Exception) -> str:
    """An error's kind and first line, which tells a damaged file from an absent one."""
    return f"{type(error).__name__}: {first_line(error)}"


def unreachable_reason() -> str:
    """Why the hub is unreachable, or "" if it responds at all; HTTP errors are left to the download."""
    if named := [name for name in OFFLINE if os.environ.get(name, "").lower() in YES]:
        return f"{named[0]} is set"
    endpoint = os.environ.get("HF_ENDPOINT") or ENDPOINT
    try:
        urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=SECONDS).close()
    except (urllib.error.HTTPError, http.client.HTTPException):
        return ""
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        if not any(isinstance(each, ssl.SSLError) for each in (error, reason)):  # the libraries trust other authorities
            return f"{endpoint} cannot be reached ({reason})"
    return ""
