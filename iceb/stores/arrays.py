"""Store one array in one file under one key: a pack of a single row."""

from pathlib import Path

from iceb.base.files import content_path
from iceb.stores.damage import publish_checked, read_checked
from iceb.stores.packs import Array, pack_bytes, read_rows

__all__ = ["Array", "array_path", "publish_array", "read_array"]

SUFFIX = ".array"


def array_path(folder: Path, key: str) -> Path:
    """The path of the array of this key, there or not.

    Raises:
        StoreError: the key is not 64 hexadecimal digits.
    """
    return content_path(folder, key, SUFFIX)


def read_array(folder: Path, key: str) -> Array | None:
    """The array of this key; None if there is none or its file is damaged, which is removed and noted.

    Raises:
        StoreError: the file cannot be read.
    """
    return read_checked(array_path(folder, key), lambda path: read_rows(path, [key])[key])


def publish_array(folder: Path, key: str, array: Array) -> Array:
    """Write an array unless a sound one is there; return the stored one, the same for all processes.

    Raises:
        StoreError: the cache cannot be written.
        ValueError: raw bytes do not hold arrays of this dtype.
    """
    data = pack_bytes({key: array})
    standing = publish_checked(array_path(folder, key), data, lambda: read_array(folder, key))
    return array if standing is None else standing
