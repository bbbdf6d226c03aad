"""Records of third-party code: what of a package a run used, its digest, and the commit of its files."""

import subprocess
import sys

import pytest

from iceb.base import code
from iceb.registry import Registered
from iceb.running.plugin_records import join_records, plugin_records
from iceb.runs.provenance import checkout_of
from iceb.specs.run_records import PluginRecord


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An imported package of another distribution, committed in a checkout of its own."""
    folder = tmp_path / "iceb_far_away"
    folder.mkdir()
    (folder / "__init__.py").write_text("SEEDS = (0, 1)\n")
    (folder / "rows.json").write_text("[]")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    __import__("iceb_far_away")
    yield folder
    del sys.modules["iceb_far_away"]


def entry(group, name, package="iceb-far-away"):
    return Registered(group, name, package, "0.1.0", "iceb_far_away:THING")


def record():
    (found,) = plugin_records([entry("datasets", "far"), entry("tasks", "far"), entry("methods", "uce", "iceb")])
    return found


def test_the_code_of_each_package_but_iceb_is_recorded_with_its_commit(package):
    found = record()
    assert (found.package, found.version, found.names) == ("iceb-far-away", "0.1.0", ("dataset far", "task far"))
    assert (len(found.code), len(found.commit), found.dirty) == (64, 40, False)
    assert plugin_records([entry("methods", "uce", "iceb")]) == ()


@pytest.mark.parametrize("file", ["__init__.py", "rows.json", "new.py"])
def test_uncommitted_seeds_rows_and_modules_are_dirty_and_another_digest(package, file):
    """A loader with other seeds, uncommitted, used to be recorded as dirty: false."""
    before = record()
    (package / file).write_text("SEEDS = (7, 8)")
    code._read.cache_clear()  # files are read once a process
    after = record()
    assert (before.dirty, after.dirty, after.commit) == (False, True, before.commit)
    assert after.code != before.code


def test_what_python_leaves_beside_code_makes_nothing_dirty(package):
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "rows.cpython-311.pyc").write_bytes(b"")
    assert checkout_of([package])[1] is False


def test_a_package_that_was_never_committed_is_dirty(package):
    other = package.with_name("iceb_new")
    other.mkdir()
    (other / "__init__.py").write_text("")
    assert checkout_of([other])[1] is True
    assert checkout_of([package, other])[1] is True


def test_installed_and_ignored_packages_and_those_of_no_checkout_have_no_commit(package, tmp_path_factory):
    installed = package.with_name("site-packages") / "iceb_new"
    ignored = package.with_name("build") / "iceb_new"
    outside = tmp_path_factory.mktemp("outside") / "iceb_new"
    (package.parent / ".gitignore").write_text("build\n")
    for folder in (installed, ignored, outside):
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        assert checkout_of([folder]) == (None, None), folder


def test_records_of_a_metric_added_later_join_those_of_the_run_and_stay_dirty():
    facts = {"version": "1", "code": "c" * 64, "commit": "d" * 40}
    run = PluginRecord(package="far", names=("task far",), dirty=True, **facts)
    later = PluginRecord(package="far", names=("metric far",), dirty=False, **facts)
    other = PluginRecord(package="away", names=("metric away",), dirty=None, **facts)
    away, far = join_records([run], [later, other])
    assert away == other
    assert (far.names, far.dirty) == (("metric far", "task far"), True)
