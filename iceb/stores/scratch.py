"""Scratch store of a method: arrays by key, bound to settings, code and model."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from iceb.base.digest import digest
from iceb.base.errors import MethodError
from iceb.specs.runs import Scalar
from iceb.stores.arrays import array_path, publish_array, read_array
from iceb.stores.packs import Array
from iceb.stores.remote import remove_stored
from iceb.stores.text_states import TextStateStore


class ScratchStore:
    """The folder `scratch` of a cache, as one method on one model sees it.

    Args:
        root: the cache.
        owner: what every key belongs to: the method, its code, the model.
        settings: the method's, by name; all of them are part of every key unless `depends_on` names fewer.

    Attributes:
        texts: what unedited models read of texts, the same for all methods.
    """

    def __init__(self, root: Path, owner: Mapping[str, Any], settings: Mapping[str, Scalar]) -> None:
        self.folder = root / "scratch"
        self.owner = digest(owner)
        self.settings = settings
        self._named = settings
        self.texts = TextStateStore(root)
        self._written: list[Path] = []  # by this object

    def depends_on(self, *settings: str) -> "ScratchStore":
        """A view of this store for parts that depend on these settings alone; without names, on none.

        Raises:
            MethodError: the method has no setting of such a name.
        """
        if unknown := [name for name in settings if name not in self.settings]:
            allowed = ", ".join(self.settings) or "none"
            raise MethodError(f"scratch.depends_on({unknown[0]!r}): no such setting; the method has {allowed}")
        narrowed = copy.copy(self)
        narrowed._named = {name: self.settings[name] for name in settings}
        return narrowed

    def _key(self, key: Mapping[str, Any]) -> str:
        return digest({"owner": self.owner, "settings": self._named, "key": key})

    def path(self, key: Mapping[str, Any]) -> Path:
        """The path of the array of this key, there or not."""
        return array_path(self.folder, self._key(key))

    def get(self, key: Mapping[str, Any]) -> Array | None:
        """The array of this key; None if there is none."""
        return read_array(self.folder, self._key(key))

    def put(self, key: Mapping[str, Any], array: Array) -> None:
        """Keep an array; one already there stays."""
        self._publish(key, array)

    def array(self, key: Mapping[str, Any], compute: Callable[[], Array]) -> Array:
        """The array of a key, computed if there is none; all processes get the one stored first."""
        found = self.get(key)
        return self._publish(key, compute()) if found is None else found

    def withdraw(self) -> None:
        """Take back what this object has kept, of texts too, and nothing that others have.

        Raises:
            StoreError: some of it cannot be removed.
        """
        try:
            self.texts.withdraw()
        finally:
            remove_stored(self._written)

    def _publish(self, key: Mapping[str, Any], array: Array) -> Array:
        kept = publish_array(self.folder, self._key(key), array)
        if kept is array:  # and not what another process had stored
            self._written.append(self.path(key))
        return kept
