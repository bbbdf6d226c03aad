"""Files of the hub: local ones first, and a hub that does not answer is an error at once, not after minutes."""

import http.server
import ssl
import threading
import urllib.request
from http.client import BadStatusLine, InvalidURL
from urllib.error import URLError

import pytest

from iceb.base.hub import OFFLINE, local_first, unreachable_reason

NOBODY = "http://127.0.0.1:9"  # the port on which nothing answers


class Library:
    """A `from_pretrained` that has or lacks local files and writes down how it was asked."""

    def __init__(self, cached: bool) -> None:
        self.cached, self.asked = cached, []

    def __call__(self, name, **options):
        self.asked.append((name, options))
        if options.get("local_files_only") and not self.cached:
            raise OSError("no such file in the cache")
        return "model"


class Refusing(http.server.BaseHTTPRequestHandler):
    """A hub that answers every question with no."""

    def do_HEAD(self):
        self.send_error(403)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    """The address of a hub that answers."""
    for name in OFFLINE:
        monkeypatch.delenv(name, raising=False)
    server = http.server.HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def nobody(monkeypatch):
    """No hub answers."""
    for name in OFFLINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)


def test_cached_files_are_loaded_without_asking_the_hub(nobody):
    library = Library(cached=True)
    assert local_first("owner/name@1234", library) == "model"
    assert library.asked == [("owner/name", {"revision": "1234", "local_files_only": True})]


def test_uncached_files_are_fetched_where_the_hub_answers(hub):
    library = Library(cached=False)
    assert local_first("owner/name", library) == "model"
    assert library.asked[1:] == [("owner/name", {})]


def test_an_unreachable_hub_is_reported_at_once_and_not_fetched_from(nobody):
    library = Library(cached=False)
    with pytest.raises(ConnectionError, match=rf"{NOBODY} cannot be reached .*\(OSError: no such file in the cache\)"):
        local_first("owner/name", library)
    assert len(library.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        URLError(ssl.SSLCertVerificationError("self-signed certificate")),
        ssl.SSLError("wrong version number"),
        BadStatusLine("SSH-2.0"),
        InvalidURL("nonnumeric port"),
    ],
)
def test_a_hub_that_urllib_does_not_understand_answers(nobody, monkeypatch, answer):
    """The libraries may trust other certificates, and they say best what is wrong."""

    def fail(*_, **__):
        raise answer

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    assert unreachable_reason() == ""


def test_a_damaged_file_is_not_called_absent(nobody):
    def load(name, **options):
        raise ValueError("model.safetensors: header too large\nfor this reader")

    with pytest.raises(
        ConnectionError, match=r"nothing that loads \(ValueError: model.safetensors: header too large\)"
    ):
        local_first("owner/name", load)


@pytest.mark.parametrize("switch", OFFLINE)
def test_the_libraries_own_switch_is_respected(hub, monkeypatch, switch):
    assert unreachable_reason() == ""
    monkeypatch.setenv(switch, "1")
    library = Library(cached=False)
    with pytest.raises(ConnectionError, match=f"{switch} is set"):
        local_first("owner/name", library)
    assert len(library.asked) == 1


def test_a_folder_is_loaded_without_the_hub(tmp_path, nobody):
    library = Library(cached=False)
    (folder := tmp_path / "a@b").mkdir()
    assert local_first(str(folder), library) == "model"
    assert library.asked == [(str(folder), {})]
    with pytest.raises(OSError, match="no such file in the cache"):
        local_first(str(tmp_path / "absent"), library)
