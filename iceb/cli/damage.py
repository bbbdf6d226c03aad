"""Report stored files that a command found damaged, one line each on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

STORES = "iceb.stores.damage"
MOST = 10  # lines


@contextmanager
def report_damage() -> Iterator[None]:
    """Print the files found damaged inside the block, however it ends; stores are not imported for it."""
    try:
        yield
    finally:
        if STORES in sys.modules:
            from iceb.stores.damage import take_damage

            lines = [damage.line() for damage in take_damage()]
            more = [f"and {len(lines) - MOST} more damaged files"] if len(lines) > MOST else []
            for line in [*lines[:MOST], *more]:
                print(line, file=sys.stderr)
