"""Files of the model hub: from the local cache first, and from the hub only where it answers.

The hub's libraries ask several times for every file and wait in between, so that a machine without a connection is told
so after minutes. Here it is asked once, before anything is fetched.
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

Loaded = TypeVar("Loaded")
ENDPOINT = "https://huggingface.co"
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")  # the libraries' own switches
YES = ("1", "on", "yes", "true")
SECONDS = 5.0  # that the hub is given to answer
REPOSITORY = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


def local_first(place: str, load: Callable[..., Loaded]) -> Loaded:
    """What `load(name, **options)` makes of local files alone, else of what it fetches.

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
        if silence := silent():
            raise ConnectionError(
                f"{silence}, and the local cache has nothing that loads ({_said(absent)})"
            ) from absent
    return load(name, **pinned)


def _said(error: Exception) -> str:
    """An error's kind and first line, which tells a damaged file from an absent one."""
    return ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])


def silent() -> str:
    """Why the hub cannot be asked; "" where it answers, in whatever way: what is wrong with that the download says."""
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
