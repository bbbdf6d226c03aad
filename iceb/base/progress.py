"""Progress reporting: code announces stages of work, and the current watcher shows them.

The watcher is ambient (a context variable), so neither a method nor a store has to pass a progress bar through its
signatures: `with stage("drawing", total=64) as advance: advance(16)`. Nobody watches unless `watching` says so.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeAlias

Advance: TypeAlias = Callable[[int], None]  # called with the number of steps just done


class Watch(Protocol):
    """A display of progress, for example on a terminal."""

    def stage(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Open a stage of `total` steps; None where the number is not known."""
        ...


class Silent:
    """A watch that shows nothing."""

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        """A stage that is not shown."""
        yield _ignore


def _ignore(steps: int) -> None:
    """Ignore progress."""


_watch: ContextVar[Watch] = ContextVar("iceb_watch", default=Silent())  # noqa: B039 — Silent holds nothing


def stage(name: str, total: int | None = None) -> AbstractContextManager[Advance]:
    """Announce a stage of work to the current watcher.

    >>> with stage("drawing", total=2) as advance:
    ...     advance(2)
    """
    return _watch.get().stage(name, total)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Show the stages of everything done inside to `watch`."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)
