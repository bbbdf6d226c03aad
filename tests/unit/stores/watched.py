"""A store in memory behind a URL that counts what it is asked for, and breaks, stalls or heals when it is told to."""

import time
from typing import ClassVar

from fsspec.implementations.memory import MemoryFileSystem


class Watched(MemoryFileSystem):
    """Memory that counts what it is asked for.

    Attributes:
        broken: every request fails.
        failing: so many of the next requests fail.
        stalled: seconds before a request is answered.
        guarded: what is asked for with this word is forbidden.
    """

    protocol = "watched"
    store: ClassVar = {}
    pseudo_dirs: ClassVar = [""]
    asked: ClassVar = []
    broken = False
    failing = 0
    stalled = 0.0
    guarded = ""

    def _ask(self, what):
        self.asked.append(what)
        if what == self.guarded:
            raise PermissionError("not yours")
        if self.broken or self.failing:
            type(self).failing = max(self.failing - 1, 0)
            raise ConnectionError("no route to the store")
        time.sleep(self.stalled)

    def find(self, path, **options):
        self._ask("find")
        return super().find(path, **options)

    def cat_file(self, path, **options):
        self._ask("cat")
        return super().cat_file(path, **options)

    def pipe_file(self, path, value, **options):
        self._ask("pipe")
        return super().pipe_file(path, value, **options)

    def rm_file(self, path):
        self._ask("rm")
        return super().rm_file(path)


def there(url):
    """The names of the files at a URL, with their bytes."""
    base = f"{Watched._strip_protocol(url)}/"
    return {path.removeprefix(base): file.getvalue() for path, file in Watched.store.items() if path.startswith(base)}


def put_there(url, name, data):
    """Write a file at a URL, past what counts and breaks."""
    MemoryFileSystem.pipe_file(Watched(), f"{url}/{name}", data)
