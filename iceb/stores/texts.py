"""What an unedited model reads of a text, by content: every method that leaves the text encoders alone needs the same.

The files are derived and quickly made again, so, like pictures, they are not flushed to the disk one by one.
"""

from pathlib import Path

from iceb.base.files import content_path
from iceb.stores.arrays import Array, publish_array, read_array


class TextStore:
    """The folder `texts` of a cache."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "texts"

    def path(self, key: str) -> Path:
        """Where the states of this key lie, or would."""
        return content_path(self.folder, key, ".npy")

    def read(self, key: str) -> Array | None:
        """The states of this key, (tokens, width); None if they are not there."""
        return read_array(self.path(key))

    def publish(self, key: str, states: Array) -> None:
        """Keep the states of this key; any already there stay."""
        publish_array(self.path(key), states, durable=False)
