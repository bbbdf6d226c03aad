"""Tiny AICE files in the upstream format, written by the tests themselves, and the real ones where they are at hand."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from iceb.base.digest import digest_file
from iceb.specs.datasets import DataCard, DataFile, DataSource
from tests.outside import DATA, upstream_data


def edit_row(name: str, place: int, label: int, dest: str, dest_label: int, seed: object) -> dict[str, Any]:
    text = "Cooked Hen" if (name, place) == ("hen", 4) else f"View {place} of a {{}}"
    facts = {"class name": name, "text prompt": text, "random seed": seed, "idx": place, "class id": label}
    return {**facts, "checked": True, "dest": dest, "dest id": dest_label}


def holdout_row(name: str, place: int, label: int, seed: object) -> dict[str, Any]:
    text = f"A {name} in place {place}"
    return {
        "class name": name,
        "text prompt": text,
        "random seed": seed,
        "idx": place,
        "class id": label,
        "checked": True,
    }


def edit_rows() -> list[dict[str, Any]]:
    """Two classes of five rows; seeds mixed as upstream mixes them; one prompt without braces."""
    hen = [edit_row("hen", place, 8, "wok", 909, str(80 + place) if place % 2 else 80 + place) for place in range(5)]
    return hen + [edit_row("jay", place, 17, "yurt", 915, 90 + place) for place in range(5)]


def holdout_rows() -> list[dict[str, Any]]:
    """Three classes of five rows, two of them destinations."""
    classes = [("wok", 909, 10), ("yurt", 915, 20), ("daisy", 985, 30)]
    return [holdout_row(name, place, label, start + place) for name, label, start in classes for place in range(5)]


ALIASES = {"8": [" biddy", " brood hen"]}


class Small:
    """A folder of tiny files and the card that declares them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts = {"requests": 2, "prompts_per_request": 5, "aliases": 2, "holdout_classes": 3}
        self.write("edits.json", edit_rows())
        self.write("holdout.json", holdout_rows())
        self.write("aliases.json", ALIASES)

    def write(self, name: str, content: object) -> Path:
        return self.write_text(name, json.dumps(content))

    def write_text(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def paths(self) -> dict[str, Path]:
        return {key: self.folder / f"{key}.json" for key in ("edits", "holdout", "aliases")}

    @property
    def card(self) -> DataCard:
        """Declares the files as they are now."""
        return DataCard(
            name="small",
            version=1,
            paper="",
            licence="MIT",
            source=DataSource(repository="nobody/nothing", commit="c" * 40, folder="data/rows"),
            files={key: DataFile(path=path.name, sha256=digest_file(path)) for key, path in self.paths.items()},
            counts=self.counts,
        )


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The upstream files, where they lie outside the checkout."""
    folder = upstream_data()
    if not folder.is_dir():
        pytest.skip(f"upstream data files are not at {folder}: name their folder with {DATA}")
    return folder


class Upstream(http.server.BaseHTTPRequestHandler):
    """A server of files that can break off, and can ignore that only the rest is asked for."""

    content: ClassVar[dict[str, bytes]] = {}  # by the last part of the path
    breaks: ClassVar[list[int]] = []  # bytes after which the next answers break off
    ranges: ClassVar[bool] = True
    asked: ClassVar[list[str | None]] = []  # the ranges asked for

    def do_GET(self) -> None:
        name, asked = self.path.rpartition("/")[2], self.headers.get("Range")
        self.asked.append(asked)
        if name not in self.content:
            self.send_error(404)
            return
        whole = self.content[name]
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        if asked and self.ranges and start >= len(whole):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(whole) - start))
        self.end_headers()
        rest = whole[start:]
        self.wfile.write(rest[: self.breaks.pop(0)] if self.breaks else rest)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Upstream]]:
    """A local server in the place of the upstream one; it knows `url`."""
    handler = type("Handler", (Upstream,), {"content": {}, "breaks": [], "ranges": True, "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    handler.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("iceb.datasets.locate.RAW", f"{handler.url}/{{repository}}/{{commit}}/{{path}}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield handler
    server.shutdown()
    server.server_close()
