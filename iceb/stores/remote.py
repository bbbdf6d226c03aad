"""The remote side of a cache that is named by a URL: look for a file there, fetch it, hand it over.

A local layer holds what was made or fetched. Files are named by content and the first writer wins, so nothing is
locked. Only what stands in SHARED leaves the machine; texts' states are made again faster than they are fetched, and
notes, locks and paces are of one machine.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from iceb.base.cache_url import layers
from iceb.base.errors import IcebError, StoreError, UnreachableError
from iceb.base.files import explain_errors
from iceb.base.object_store import FETCHED
from iceb.base.progress import Silent, watching
from iceb.stores.remote_files import Remote

SHARED = ("edits", "images", "measured", "scratch")  # the stores that the URL holds
FIRST_COUNTS = ("edits", "scratch")  # of which all machines go on with what was stored first
AFTER_A_STOP = 20.0  # seconds in which uploads under way may end

_opened: dict[Path, Remote] = {}


def _open(root: Path, url: str) -> Remote:
    return _opened.get(root) or _opened.setdefault(root, Remote(root, url))


def _place(path: Path) -> tuple[Remote, str] | None:
    """The remote side of a stored file and its name there; None for a file that stays on this machine."""
    for root, url in tuple(layers().items()):
        if path.is_relative_to(root):
            name = path.relative_to(root).as_posix()
            return (_open(root, url), name) if name.partition("/")[0] in SHARED else None
    return None


def stored_remotely(paths: Iterable[Path]) -> set[Path]:
    """Those of these paths, of one store, whose files the cache's URL holds; none for an ordinary cache.

    Raises:
        StoreError: the URL cannot be listed.
    """
    wanted = list(paths)
    if not wanted or (place := _place(wanted[0])) is None:
        return set()
    names = {path.relative_to(place[0].root).as_posix(): path for path in wanted}
    return {names[name] for name in place[0].having(names)}


def fetch(path: Path) -> bool:
    """Fetch the file of a path from the cache's URL; False where there is none.

    Raises:
        StoreError: it cannot be read, or the local layer not be written.
    """
    place = _place(path)
    return place is not None and place[0].fetch(place[1])


def fetch_below(folder: Path) -> None:
    """Fetch the files below a folder that the cache's URL holds and the local layer lacks.

    Raises:
        StoreError: as `fetch`.
    """
    if (place := _place(folder)) is not None:
        place[0].fetch_below(place[1])


def refuse(path: Path) -> None:
    """Count what the cache's URL holds under a path as damaged, until it is replaced."""
    if (place := _place(path)) is not None:
        place[0].refuse(place[1])


def remove_stored(paths: Collection[Path]) -> None:
    """Remove stored files, first all of them here, then at the cache's URL; no stop ends that half-way.

    Raises:
        StoreError: some cannot be removed; all others are.
    """
    with watching(Silent()):
        failed = {path: error for path in paths if (error := _failure(_remove_here, path)) is not None}
        outage = None
        for path in paths:
            if (error := outage or _failure(_remove_there, path)) is not None:
                failed[path] = error
                outage = error if isinstance(error, UnreachableError) else None
    if failed:
        path, error = next(iter(failed.items()))
        raise StoreError(f"{len(failed)} of {len(paths)} stored files could not be removed ({path}): {error}")


def _failure(remove: Callable[[Path], None], path: Path) -> StoreError | None:
    try:
        remove(path)
    except StoreError as error:
        return error
    return None


def _remove_here(path: Path) -> None:
    with explain_errors(path):
        path.unlink(missing_ok=True)


def _remove_there(path: Path) -> None:
    if (place := _place(path)) is not None:
        place[0].withdraw(place[1])


class Handing:
    """The way of one file to the cache's URL: noted, stored here, handed over."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._data, self._place = data, _place(path)
        if self._place is not None:
            remote, name = self._place
            if name.partition("/")[0] in FIRST_COUNTS and not path.exists():
                with watching(Silent()), suppress(StoreError):  # what was made is kept in any case, a stop or not
                    remote.fetch(name, FETCHED)
            remote.uploads.note(name, data)

    def finish(self) -> None:
        """Hand the file over, now that it is stored here."""
        if self._place is not None:
            self._place[0].hand_over(self._place[1], self._data)

    def leave(self) -> None:
        """Hand nothing over, for another file of this name stands here."""
        if self._place is not None:
            self._place[0].uploads.take_back(self._place[1], self._data)


def wait_for_uploads(root: Path) -> None:
    """Wait until all that was stored in a cache is at its URL; what earlier processes have left, too.

    Raises:
        StoreError: something could not be uploaded; it stays in the local layer.
    """
    if (url := layers().get(root)) is not None:
        _open(root, url).uploads.wait()


def finish_uploads() -> None:
    """Wait for whatever this process has on its way.

    Raises:
        StoreError: as `wait_for_uploads`.
    """
    for remote in tuple(_opened.values()):
        if remote.uploads.begun:
            remote.uploads.wait()


def leave_uploads() -> None:
    """Wait a short while for what this process has on its way; the rest stays noted for the next one."""
    for remote in tuple(_opened.values()):
        if remote.uploads.begun:
            remote.uploads.leave(AFTER_A_STOP)


@contextmanager
def uploads_finished(root: Path) -> Iterator[None]:
    """Wait for a cache's uploads at the end of the block; only a short while after a stop.

    One that fails does not hide why the block was left.

    Raises:
        StoreError: as `wait_for_uploads`.
    """
    try:
        yield
    except Exception:
        with suppress(IcebError):
            wait_for_uploads(root)
        raise
    except BaseException:
        leave_uploads()
        raise
    wait_for_uploads(root)
