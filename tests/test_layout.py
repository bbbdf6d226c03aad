"""The packaging table of pyproject.toml and the folders on disk say the same."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TABLE = PROJECT["tool"]["setuptools"]
MAPPED = {name: folder for name, folder in TABLE["package-dir"].items() if name != "iceb"}


IMPORT_NAMES = {
    "pillow": "PIL",
    "pyyaml": "yaml",
    "open_clip_torch": "open_clip",
    "clean-fid": "cleanfid",
}  # where the distribution is called otherwise


def packages_on_disk() -> set[str]:
    """Every folder with an __init__.py, by its import name."""
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "iceb").rglob("__init__.py")}
    for name, folder in MAPPED.items():
        for path in (ROOT / folder).rglob("__init__.py"):
            found.add(".".join((name, *path.parent.relative_to(ROOT / folder).parts)))
    return found


def test_no_package_is_forgotten_in_the_list():
    assert set(TABLE["packages"]) == packages_on_disk()


def test_every_folder_with_modules_is_a_package():
    folders = {path.parent for top in ("iceb", *MAPPED.values()) for path in (ROOT / top).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_card_is_in_the_package_data():
    shipped = {
        path
        for package, patterns in TABLE["package-data"].items()
        for pattern in patterns
        for path in (ROOT / MAPPED.get(package, package.replace(".", "/"))).glob(pattern)
    }
    cards = {*ROOT.glob("methods/*/card*.md"), *ROOT.glob("baselines/cards/*.md"), *ROOT.glob("data_cards/*.md")}
    assert len(cards) >= 20
    assert cards <= shipped


@pytest.mark.parametrize("name", sorted(MAPPED))
def test_a_mapped_folder_refuses_its_bare_name(name):
    folder = MAPPED[name]
    done = subprocess.run(
        [sys.executable, "-c", f"import {folder}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"import {name}, not {folder}" in done.stderr


ENTRIES = [
    (group, name, place) for group, table in PROJECT["project"]["entry-points"].items() for name, place in table.items()
]


@pytest.mark.parametrize(("group", "name", "place"), ENTRIES, ids=[f"{g}:{n}" for g, n, _ in ENTRIES])
def test_every_entry_point_leads_to_an_object_of_that_name(group, name, place):
    module, attribute = place.split(":")
    found = getattr(importlib.import_module(module), attribute)
    if group == "iceb.methods":
        assert found.card.name == name
    elif group == "iceb.measures":
        assert isinstance(found, type)
    elif group == "iceb.datasets":
        assert found.card == f"{name}.md"
    else:
        assert found.name == name


def test_the_version_stands_in_one_place_only():
    import iceb

    assert iceb.__version__ == PROJECT["project"]["version"]


def distributions(requirements: list[str]) -> set[str]:
    """The names in a list of requirements."""
    return {re.split(r"[^A-Za-z0-9_.-]", requirement)[0] for requirement in requirements}


@cache
def imported_names() -> set[str]:
    """The top-level names that the package's modules import, also inside functions."""
    names: set[str] = set()
    for top in ("iceb", *MAPPED.values()):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    names.add((node.module or "").split(".")[0])
    return names - {"iceb", ""}


DEPENDENCIES = distributions(PROJECT["project"]["dependencies"])
EXTRAS = PROJECT["project"]["optional-dependencies"]


def test_every_dependency_is_imported():
    assert {IMPORT_NAMES.get(name, name) for name in DEPENDENCIES} - imported_names() == set()


def test_every_library_the_package_imports_is_a_dependency():
    offered = {name for extra, lines in EXTRAS.items() if extra not in ("all", "dev") for name in distributions(lines)}
    named = {IMPORT_NAMES.get(name, name) for name in DEPENDENCIES | offered}
    assert imported_names() - set(sys.stdlib_module_names) - named == set()


def test_the_extra_all_holds_every_extra():
    (line,) = EXTRAS["all"]
    assert set(line.removeprefix("iceb[").removesuffix("]").split(",")) == set(EXTRAS) - {"all"}


def test_nudenet_is_in_no_extra_but_nudity():
    """Its wheel's licence files are the AGPL-3.0: whoever installs it asks for it."""
    assert "nudenet" not in DEPENDENCIES
    assert [name for name, lines in EXTRAS.items() if "nudenet" in distributions(lines)] == ["nudity"]
