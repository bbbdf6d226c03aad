"""Files of the model hub: from the local cache first, and from the hub only where it answers.

The hub's libraries ask several times for every file and wait in between, so that a machine without a connection is told
so after minutes. Here it is asked once, before anything is fetched.
"""

import os
import re
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
        ConnectionError: nothing fits in the local cache, and the hub does not answer or must not be asked.
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
            what = f"not in the local cache ({type(absent).__name__})"
            raise ConnectionError(f"{what}, and {silence}") from absent
    return load(name, **pinned)


def silent() -> str:
    """Why the hub cannot be asked; "" where it answers."""
    if named := [name for name in OFFLINE if os.environ.get(name, "").lower() in YES]:
        return f"{named[0]} is set"
    endpoint = os.environ.get("HF_ENDPOINT") or ENDPOINT
    try:
        urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=SECONDS).close()
    except urllib.error.HTTPError:
        return ""  # it answers, if only to say no
    except (OSError, ValueError) as error:
        return f"{endpoint} cannot be reached ({getattr(error, 'reason', error)})"
    return ""
