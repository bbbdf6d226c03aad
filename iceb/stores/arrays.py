"""One numpy array in one file, whole or absent."""

import io
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from iceb.base.errors import StoreError
from iceb.base.files import explained, publish

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


def read_array(path: Path) -> Array | None:
    """The array in a file; None if there is no file, or if it is damaged (it is then removed, to be made again)."""
    try:
        found: Array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (ValueError, EOFError):
        with explained(path):
            path.unlink(missing_ok=True)
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path} ({error.strerror or error})") from error
    return found


def publish_array(path: Path, array: Array, *, durable: bool = True) -> Array:
    """Write an array unless one stands there; returns the one that stands, so that all processes go on with one.

    Args:
        durable: flush it to the disk before going on.

    Raises:
        StoreError: the cache cannot be written.
    """
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    if publish(path, stream.getvalue(), durable=durable):
        return array
    standing = read_array(path)
    return array if standing is None else standing
