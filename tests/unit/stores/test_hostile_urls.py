"""A URL that others write to: names that lead out of the cache, or are none of ICEB's."""

from pathlib import Path

import numpy as np
import pytest

from iceb.base.digest import digest
from iceb.stores import remote
from iceb.stores.measured import MeasuredStore
from tests.unit.stores.watched import put_there, there

KEYS = [digest("a row")]
ROWS = np.ones((1, 2), np.float32)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["../../../../escaped", "../../../escaped.pack", "ab/more/escaped", "ab/notes.txt"])
def test_only_names_that_iceb_writes_are_fetched(machine, url, tmp_path, name):
    MeasuredStore(machine("a", url)).publish("m@1", "r", KEYS, ROWS)
    remote.finish_uploads()
    (own,) = there(url)
    put_there(url, f"{own.rsplit('/', 2)[0]}/{name}", b"of somebody else")
    second = machine("b", url)
    before = files(tmp_path)
    assert MeasuredStore(second).read("m@1", "r", KEYS).keys() == set(KEYS)
    assert files(tmp_path) - before == {(second / own).relative_to(tmp_path).as_posix()}
