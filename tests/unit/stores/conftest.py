"""Machines with a cache at a URL of their own."""

from uuid import uuid4

import fsspec
import pytest

from iceb.base.cache import cache_root
from iceb.stores.damage import take_damage
from iceb.stores.remote import leave_uploads
from tests.unit.stores.watched import Watched


@pytest.fixture
def url(monkeypatch):
    """A URL where nothing is stored, of a store in good order."""
    fsspec.register_implementation("watched", Watched, clobber=True)
    for name, value in (("broken", False), ("failing", 0), ("stalled", 0.0), ("guarded", "")):
        monkeypatch.setattr(Watched, name, value)
    Watched.asked.clear()
    take_damage()
    yield f"watched://{uuid4().hex}/iceb"
    leave_uploads()  # which would ask on in the next test


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that gives a machine's local layer of a URL."""

    def layer(name, url):
        monkeypatch.setenv("ICEB_CACHE", str(tmp_path / name))
        return cache_root(url)

    return layer
