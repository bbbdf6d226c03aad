"""A scratch in memory, for tests of methods."""

import dataclasses
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from iceb.base.digest import digest


def settings_of(method: Any) -> dict[str, Any]:
    """A method's settings, as its scratch is given them."""
    return {each.name: getattr(method, each.name) for each in dataclasses.fields(method)}


class Memory:
    """Keeps what it is given as long as the test lives, and can break off like a killed run.

    Several methods may use one; `of` tells whose settings its parts depend on, and without it they depend on none.

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
        self._settings: Mapping[str, Any] | None = None
        self._named: Mapping[str, Any] = {}

    def of(self, method: Any) -> "Memory":
        """The same memory, as a method with its settings sees it."""
        seen = copy(self)
        seen._settings = seen._named = settings_of(method)
        return seen

    def depends_on(self, *settings: str) -> "Memory":
        """The same memory for parts that depend on these settings alone."""
        narrowed = copy(self)
        narrowed._named = {} if self._settings is None else {name: self._settings[name] for name in settings}
        return narrowed

    def get(self, key: Mapping[str, Any]) -> Any:
        """What is kept under a key, or None."""
        return self.kept.get(self._key(key))

    def put(self, key: Mapping[str, Any], array: Any) -> None:
        """Keep a copy; what is there already stays."""
        if len(self.kept) >= self.room:
            raise KeyboardInterrupt
        self.made.append(str(key.get("what", "")))
        self.kept.setdefault(self._key(key), array.copy())

    def array(self, key: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
        """What is kept under a key, computed if there is nothing."""
        if self.get(key) is None:
            self.put(key, compute())
        return self.get(key)

    def _key(self, key: Mapping[str, Any]) -> str:
        return digest({"settings": self._named, "key": key})
