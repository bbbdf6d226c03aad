"""Packages that misbehave when they are imported, installed beside ours: the commands work, and name them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from iceb.base.errors import SpecError
from iceb.running import rescore

PLUGINS = {  # name of the method → code of its module
    "quits": "raise SystemExit(7)\n",
    "chats": "import os\nprint('chatter')\nos.write(1, b'chatter')\nfrom iceb.methods.uce import UCE as Thing\n",
    "hangs": "import time\nwhile True: time.sleep(0.01)\n",
    "uce": "from iceb.methods.time import TIME as Thing\n",
    "twin": "from iceb.methods.uce import UCE as Thing\n",
}
DATASETS = {"aaa_broken": "raise KeyError('dataset')\n"}
MEASURES = {"aaa_measure": "1 / 0\n"}
GROUPS = {"methods": PLUGINS, "datasets": DATASETS, "measures": MEASURES}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two installed packages, and a third whose metadata cannot be read."""
    folder = tmp_path_factory.mktemp("site")
    entries = ""
    for group, plugins in GROUPS.items():
        entries += f"[iceb.{group}]\n"
        for name, code in plugins.items():
            (folder / f"bad_{name}.py").write_text(code)
            entries += f"{name} = bad_{name}:Thing\n"
    install(folder, "bad", entries)
    install(folder, "again", "[iceb.methods]\ntwin = bad_twin:Thing\n")
    install(folder, "garbled", "[iceb.methods]\nno value\n")
    return folder


def install(site: Path, name: str, entries: str) -> None:
    """A package's metadata, as an installer leaves it."""
    record = site / f"{name}-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text(entries)


Iceb: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def iceb(warm_python: Path) -> Iceb:
    """Run a command in a process that finds these packages."""

    def run(
        site: Path, *arguments: str, code: int = 0, python: str | Path = warm_python
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(site), "ICEB_PLUGIN_SECONDS": "2", "OMP_NUM_THREADS": "1"}
        command = [python, "-m", "iceb", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done

    return run


def test_listing_names_everything_and_keeps_the_plain_names_of_ours(iceb, site):
    done = iceb(site, "list", "methods", "--json")
    rows = {row["name"]: row["from"] for row in json.loads(done.stdout)}
    assert rows["uce"].startswith("iceb ")
    assert rows["bad/uce"] == "bad 1.0; uce alone is iceb's own"
    assert rows["bad/twin"] == "bad 1.0; twin alone is registered by several packages"
    assert {"quits", "chats", "hangs", "again/twin"} <= set(rows)
    assert "garbled-1.0.dist-info" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_name_of_ours_is_ours(iceb, site):
    assert iceb(site, "show", "method", "uce").stdout.startswith("iceb/uce ")
    assert iceb(site, "show", "method", "bad/uce").stdout.startswith("bad/uce 1.0 ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("quits", "method quits of bad 1.0 cannot be imported from bad_quits:Thing: SystemExit: 7 (bad_quits.py:1, in"),
        ("hangs", "method hangs of bad 1.0 cannot be imported from bad_hangs:Thing within 2 s"),
        ("twin", "method 'twin' is registered by 2 packages: ask for again/twin or bad/twin"),
    ],
)
def test_a_method_that_cannot_be_loaded_is_one_line(iceb, site, name, words):
    done = iceb(site, "show", "method", name, code=2)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_one_that_prints_spoils_no_output(iceb, site):
    done = iceb(site, "show", "method", "chats")
    assert "chatter" not in done.stdout + done.stderr
    assert done.stdout.startswith("bad/chats 1.0 ")


def test_showing_a_method_says_that_its_card_has_another_name(iceb, site):
    shown = " ".join(iceb(site, "show", "method", "chats").stdout.split())
    assert "cannot be used: its card's name is 'uce' and its entry point's 'chats': give both one name" in shown
    assert "cannot be used" not in iceb(site, "show", "method", "uce").stdout


def test_an_unloadable_dataset_is_listed_with_its_error(iceb, site):
    rows = {row["name"]: row["from"] for row in json.loads(iceb(site, "list", "datasets", "--json").stdout)}
    assert "KeyError: 'dataset' (bad_aaa_broken.py:1, in <module>)" in rows["aaa_broken"]
    assert "aice" in rows
    lines = iceb(site, "data", "verify").stdout.splitlines()
    assert any(line.startswith("aaa_broken: dataset aaa_broken of bad 1.0 cannot be imported") for line in lines)
    assert any(line.startswith("aice: ") for line in lines)


def test_a_measure_that_cannot_be_loaded_stands_in_no_other_ones_way(site, monkeypatch):
    monkeypatch.syspath_prepend(str(site))
    assert rescore.named_measure("vit_mini@1", "cpu").id == "vit_mini@1"
    with pytest.raises(SpecError, match=r"nobodys@1 is not installed: .*measure aaa_measure of bad 1\.0 cannot"):
        rescore.named_measure("nobodys@1", "cpu")


def test_libraries_that_cannot_bear_the_garbled_package_are_explained_by_it(iceb, site, tmp_path):
    command = ("evaluate", "--method", "uce", "--task", "aice", "--num-edits", "1", "--limit", "1")
    where = ("--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out"))
    done = iceb(site, *command, *where, code=2, python=sys.executable)  # which has imported no library yet
    assert "garbled-1.0.dist-info" in done.stderr
    assert "mend or remove that package" in done.stderr
    assert "Traceback" not in done.stderr
