"""Wait for what a command is uploading to the URL of its cache, however the command ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from iceb.base.errors import IcebError

REMOTE = "iceb.stores.remote"


@contextmanager
def wait_for_uploads() -> Iterator[None]:
    """Wait at the end of the block, only a short while after a stop.

    An upload that fails does not hide why the block was left.

    Raises:
        StoreError: something could not be uploaded; it stays in the cache's local layer.
    """
    try:
        yield
    except Exception:
        with suppress(IcebError):
            _finish()
        raise
    except BaseException:
        _leave()
        raise
    _finish()


def _finish() -> None:
    """Wait, unless no store was used; stores are not imported for it."""
    if REMOTE in sys.modules:
        from iceb.stores.remote import finish_uploads

        finish_uploads()


def _leave() -> None:
    """Wait a short while, and leave the rest to the next command."""
    if REMOTE in sys.modules:
        from iceb.stores.remote import leave_uploads

        leave_uploads()
