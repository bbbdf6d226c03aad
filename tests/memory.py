"""A scratch in memory, for tests of methods."""

from collections.abc import Callable, Mapping
from typing import Any

from iceb.base.digest import digest


class Memory:
    """Keeps what it is given as long as the test lives, and can break off like a killed run.

    Attributes:
        kept: what is kept, by the digest of its key.
        made: what each thing that was put is, by its key's own word.
        room: so many things are kept; one more is a KeyboardInterrupt.
        texts: no states of texts are kept.
    """

    texts = None

    def __init__(self, room: int = 10**9) -> None:
        self.kept: dict[str, Any] = {}
        self.made: list[str] = []
        self.room = room

    def get(self, key: Mapping[str, Any]) -> Any:
        """What is kept under a key, or None."""
        return self.kept.get(digest(key))

    def put(self, key: Mapping[str, Any], array: Any) -> None:
        """Keep a copy; what is there already stays."""
        if len(self.kept) >= self.room:
            raise KeyboardInterrupt
        self.made.append(str(key.get("what", "")))
        self.kept.setdefault(digest(key), array.copy())

    def array(self, key: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
        """What is kept under a key, computed if there is nothing."""
        if self.get(key) is None:
            self.put(key, compute())
        return self.get(key)
