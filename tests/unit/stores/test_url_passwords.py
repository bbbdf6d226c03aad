"""Passwords in the URL of a cache."""

from pathlib import Path

import pytest

from iceb.base.cache_url import cache_url
from iceb.base.errors import SpecError


@pytest.mark.parametrize(
    "named",
    [
        "sftp://user:secret@host/iceb",
        "sftp://user:sec/ret@host/iceb",
        "sftp://:secret@host/iceb",
        Path("sftp://user:secret@host/iceb"),
        "simplecache::sftp://user:secret@host/iceb",
        "a::sftp://user:secret@host/iceb",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_printed(named):
    with pytest.raises(SpecError, match=r"`cache` .*password.*fsspec's own settings") as refused:
        cache_url(named)
    assert "sec" not in str(refused.value)


@pytest.mark.parametrize("named", ["sftp://user@host:22/a@b", "s3://bucket/a:b@c", "sftp://host:22/a@b"])
def test_a_name_without_a_password_is_no_secret(named):
    assert cache_url(named) == named
