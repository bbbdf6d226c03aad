"""Let one process make an edit while others that share its cache wait for it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from iceb.base.progress import stage
from iceb.running.sweeps.locks import cell_lock
from iceb.stores.edits import EditKey, EditStore

WAIT = 0.5  # seconds between two looks
WAITING = "waiting for the edit, which another process makes"


@contextmanager
def edit_turn(cache: Path, key: EditKey, edits: EditStore) -> Iterator[None]:
    """Enter the block alone among the processes that want this edit, or once it is in the store.

    The system gives the lock back when its process ends, however it ends, and the next one makes the edit.

    Raises:
        StoreError: the cache cannot be written.
    """
    with ExitStack() as waiting:
        advance = None
        while not edits.has(key):
            with cell_lock(cache, f"edit/{key}") as held:
                if held:
                    waiting.close()
                    yield
                    return
            advance = advance or waiting.enter_context(stage(WAITING))
            time.sleep(WAIT)
            advance(0)
    yield
