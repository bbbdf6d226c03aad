"""Files of weights: where they are looked for, that another file is refused, and that one fetch is enough."""

import functools
import http.server
import threading

import pytest

from iceb.base.digest import digest_bytes
from iceb.base.errors import ModelError
from iceb.base.hub import OFFLINE
from iceb.metrics.measures.weight_files import FOLDER, TORCH, WeightFile, check_digest, own_folder

CONTENT = b"weights"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No weights of this machine are found, and nothing is fetched."""
    for name in (FOLDER, *OFFLINE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(TORCH, str(tmp_path / "torch"))
    monkeypatch.setenv("ICEB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def server(tmp_path):
    """The address of a server of the folder `served`."""
    (tmp_path / "served").mkdir()
    handler = functools.partial(Quiet, directory=tmp_path / "served")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def weights(url="http://127.0.0.1:9/net.pth"):
    return WeightFile("net.pth", digest_bytes(CONTENT), url)


@pytest.mark.parametrize("place", ["named", "torch", "cache"])
def test_a_file_is_found_where_it_may_lie(place, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "named"))
    folder = {"named": tmp_path / "named", "torch": tmp_path / "torch/hub/checkpoints", "cache": own_folder()}[place]
    folder.mkdir(parents=True)
    assert not weights().is_here()
    (folder / "net.pth").write_bytes(CONTENT)
    assert weights().is_here()
    assert weights().path() == folder / "net.pth"


def test_another_file_of_that_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    (tmp_path / "net.pth").write_bytes(b"others")
    with pytest.raises(ModelError, match=rf"have sha256 .*, expected {digest_bytes(CONTENT)}: remove"):
        weights().path()


def test_a_folder_is_no_file_of_weights(tmp_path):
    with pytest.raises(ModelError, match="weights"):
        check_digest(tmp_path, "0" * 64)


def test_nothing_is_fetched_offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=r"nothing is fetched while HF_HUB_OFFLINE is set: .* ICEB_WEIGHTS"):
        weights().path()


def test_a_host_that_does_not_answer_is_explained():
    with pytest.raises(ModelError, match=r"net\.pth are not on this machine, and cannot fetch \S+ \(\w+\): connect"):
        weights().path()


def test_a_file_is_fetched_once(server, tmp_path):
    (tmp_path / "served" / "net.pth").write_bytes(CONTENT)
    wanted = weights(f"{server}/net.pth")
    assert wanted.path() == own_folder() / "net.pth"
    (tmp_path / "served" / "net.pth").unlink()
    assert wanted.path().read_bytes() == CONTENT


def test_a_fetched_file_with_another_digest_is_not_kept(server, tmp_path):
    (tmp_path / "served" / "net.pth").write_bytes(b"others")
    with pytest.raises(ModelError, match=r"is not the file that iceb declares: sha256"):
        weights(f"{server}/net.pth").path()
    assert not (own_folder() / "net.pth").exists()
