"""What a method wants to keep between runs: arrays by a key that says everything that changes their numbers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from iceb.base.digest import digest
from iceb.base.files import content_path
from iceb.stores.arrays import Array, publish_array, read_array
from iceb.stores.texts import TextStore


class ScratchStore:
    """The folder `scratch` of a cache, as one method on one model sees it.

    Args:
        root: the cache.
        owner: what every key belongs to: the method, its code, the model.

    Attributes:
        texts: what unedited models read of texts, the same for all methods and for drawing.
    """

    def __init__(self, root: Path, owner: Mapping[str, Any]) -> None:
        self.folder = root / "scratch"
        self.owner = digest(owner)
        self.texts = TextStore(root)

    def path(self, key: Mapping[str, Any]) -> Path:
        """Where the array of this key lies, or would."""
        return content_path(self.folder, digest({"owner": self.owner, "key": key}), ".npy")

    def get(self, key: Mapping[str, Any]) -> Array | None:
        """The array of this key; None if there is none."""
        return read_array(self.path(key))

    def put(self, key: Mapping[str, Any], array: Array) -> None:
        """Keep an array; one already there stays."""
        publish_array(self.path(key), array)

    def array(self, key: Mapping[str, Any], compute: Callable[[], Array]) -> Array:
        """The array of this key, computed if there is none; if another process is first meanwhile, the one it kept."""
        found = self.get(key)
        return publish_array(self.path(key), compute()) if found is None else found
