"""Downloads from a local server: whole, broken off and taken up again, refused, or of another file."""

import hashlib
import threading
from contextlib import contextmanager

import pytest

from iceb.base.download import download
from iceb.base.errors import DataError
from iceb.base.progress import watching
from iceb.datasets.locate import cache_folder, fetch, missing

WHOLE = bytes(range(256)) * 1000  # 256 kB
SHA256 = hashlib.sha256(WHOLE).hexdigest()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "rows.json"


@pytest.fixture
def part(target):
    return target.with_name("rows.json.part")


def get(upstream, target, sha256=SHA256):
    download(f"{upstream.url}/a/b/rows.json", target, sha256, "data card small", "mend the network")


def test_a_whole_file_is_asked_for_once(upstream, target, part):
    upstream.content["rows.json"] = WHOLE
    get(upstream, target)
    get(upstream, target)
    assert target.read_bytes() == WHOLE
    assert upstream.asked == [None]
    assert not part.exists()


def test_a_download_that_breaks_off_goes_on_from_there(upstream, target, part):
    upstream.content["rows.json"], upstream.breaks[:] = WHOLE, [102_400, 51_200]
    get(upstream, target)
    assert target.read_bytes() == WHOLE
    assert upstream.asked == [None, "bytes=102400-", "bytes=153600-"]
    assert not part.exists()


def test_a_server_that_brings_nothing_more_is_an_error_and_what_came_is_kept(upstream, target, part):
    upstream.content["rows.json"], upstream.breaks[:] = WHOLE, [102_400, 0]
    with pytest.raises(DataError, match=r"mend the network; 102\.4 kB of it are kept, and the same command goes on"):
        get(upstream, target)
    assert (part.read_bytes(), target.exists()) == (WHOLE[:102_400], False)
    get(upstream, target)
    assert target.read_bytes() == WHOLE
    assert upstream.asked == [None, "bytes=102400-", "bytes=102400-"]


def test_a_server_without_ranges_begins_again(upstream, target):
    upstream.content["rows.json"], upstream.breaks[:], upstream.ranges = WHOLE, [102_400], False
    get(upstream, target)
    assert target.read_bytes() == WHOLE
    assert upstream.asked == [None, "bytes=102400-"]


def test_a_part_that_is_whole_already_only_gets_its_name(upstream, target, part):
    upstream.content["rows.json"] = WHOLE
    part.parent.mkdir()
    part.write_bytes(WHOLE)
    get(upstream, target)
    assert target.read_bytes() == WHOLE
    assert upstream.asked == [f"bytes={len(WHOLE)}-"]


def test_a_part_with_wrong_bytes_is_fetched_anew(upstream, target, part):
    upstream.content["rows.json"] = WHOLE
    part.parent.mkdir()
    part.write_bytes(b"x" * 1000)
    get(upstream, target)
    assert target.read_bytes() == WHOLE
    assert upstream.asked == ["bytes=1000-", None]


def test_another_file_than_declared_is_refused_and_not_kept(upstream, target, part):
    upstream.content["rows.json"] = b"other"
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(DataError, match=f"is not the file that data card small declares: sha256 {found}, expected"):
        get(upstream, target)
    assert not part.exists()
    assert not target.exists()


def test_a_file_that_the_server_does_not_have_is_named_with_its_answer(upstream, target):
    with pytest.raises(DataError, match=r"rows\.json \(the server answers 404 Not Found\): mend the network"):
        get(upstream, target)


def test_without_a_server_the_message_is_one_line(target):
    with pytest.raises(DataError, match=r"cannot fetch http://127\.0\.0\.1:9/x \(ConnectionError\): mend") as caught:
        download("http://127.0.0.1:9/x", target, SHA256, "data card small", "mend the network")
    assert "\n" not in str(caught.value)


def test_progress_counts_kilobytes_to_the_end(upstream, target):
    stages = []

    class Watch:
        @contextmanager
        def stage(self, name, total):
            stages.append([name, total, 0])

            def advance(steps):
                stages[-1][2] += steps

            yield advance

    upstream.content["rows.json"], upstream.breaks[:] = WHOLE, [102_400]
    with watching(Watch()):
        get(upstream, target)
    assert [each[:2] for each in stages] == [["fetching rows.json, kB", 256]] * 2
    assert [each[2] for each in stages] == [102, 256]


def test_two_processes_fetch_one_file_once(upstream, target, part):
    upstream.content["rows.json"] = WHOLE
    threads = [threading.Thread(target=get, args=(upstream, target)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() == WHOLE
    assert upstream.asked == [None]
    assert not part.exists()


def test_a_card_is_fetched_through_a_server_that_breaks_off(upstream, small, tmp_path):
    card = small.card
    upstream.content.update({path.name: path.read_bytes() for path in small.paths.values()})
    upstream.breaks[:] = [1024]
    fetch(card, tmp_path / "cache")
    assert not missing(card, cache_folder(card, tmp_path / "cache"))
    assert upstream.asked == [None, "bytes=1024-", None, None]
