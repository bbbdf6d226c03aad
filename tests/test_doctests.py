"""Examples in docstrings are run; the packages are walked by their import names."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules() -> list[str]:
    """Every module that holds an example, by import name."""
    found = []
    for top in ("iceb", "methods", "metrics", "baselines"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if path.stem != "__main__" and ">>> " in path.read_text(encoding="utf-8"):
                place = path.relative_to(ROOT).with_suffix("").parts
                place = place if top == "iceb" else ("iceb", *place)
                found.append(".".join(place).removesuffix(".__init__"))
    return found


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_hold(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0
