"""MACE's files, which lie beside EMCID's; they are never part of the project."""

from pathlib import Path

import pytest

from tests.outside import DATA, upstream_data

LAST = "art_100_concepts.csv"


def mace_folder() -> Path:
    """The folder of MACE's prompts; the test is skipped where it is not."""
    named = upstream_data()
    places = [folder for each in (named, *list(named.parents)[:3]) for folder in (each, each / "mace")]
    for folder in places:
        if (folder / LAST).is_file():
            return folder
    pytest.skip(f"MACE's files are not beside {named}: name the folder that holds emcid and mace with {DATA}")
