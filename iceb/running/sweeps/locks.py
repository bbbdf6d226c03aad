"""Locks of cells: several sweeps may share folders, and each cell is made by one of them.

The library `filelock`, which huggingface_hub brings, takes the same system call and gives the same: an exclusive lock
that ends with its process, however that ends. It would add a dependency, and it waits by polling, where the call below
sleeps until it is woken. Downloads (`iceb.base.download`) lock the file that they append to; it would need another file
beside that. Where a folder has no locks it falls back on a file that a killed process leaves behind, unless told not
to. Neither locks between machines where a network's folder does not pass locks on.
"""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iceb.base.files import explain_errors

LOCKS = "locks"  # the folder beside the runs
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what file systems without locks say


@contextmanager
def cell_lock(out: Path, run: str, *, wait: bool = False) -> Iterator[bool]:
    """Hold the lock of a run; yields whether it is held, False where another process has it.

    The system gives it back when the process ends, however it ends. Windows and some file systems of clusters have no
    such locks: there it is always held.

    Args:
        out: the folder that holds the runs.
        wait: until the other process is done.

    Raises:
        StoreError: the folder cannot be written.
    """
    path = out / LOCKS / run.replace("/", "_")
    with explain_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("ab")
    with stream:
        if sys.platform == "win32":
            yield True
            return
        import fcntl

        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        yield True
