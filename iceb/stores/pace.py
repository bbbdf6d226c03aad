"""Notes of how long an image took last, for the time estimate of a plan."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from iceb.base.digest import digest
from iceb.base.errors import StoreError
from iceb.base.files import content_path, write_atomic

LONGEST = 1e6  # seconds of one image; a note beyond that is damaged


class Pace:
    """The folder `pace` of a cache."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "pace"

    def path(self, what: Mapping[str, Any]) -> Path:
        """The path of the note on this work."""
        return content_path(self.folder, digest(what), ".json")

    def note(self, what: Mapping[str, Any], seconds: float) -> None:
        """Note the seconds that one piece of this work took, where the cache can be written."""
        with suppress(StoreError):
            write_atomic(self.path(what), json.dumps({"seconds": seconds, **what}).encode(), durable=False)

    def seconds(self, what: Mapping[str, Any]) -> float | None:
        """Seconds for one piece of this work, as last noted; None if it never was, or if the note is damaged."""
        try:
            seconds = float(json.loads(self.path(what).read_text(encoding="utf-8"))["seconds"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None  # only a plan's estimate depends on it
        return seconds if 0 <= seconds < LONGEST else None
