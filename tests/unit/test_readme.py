"""The README's example is a short method, and its first table is narrow."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from iceb.leaderboard.render import NO_RESULTS
from iceb.models.bundle import ModelBundle
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest

README = Path(__file__).parents[2] / "README.md"
MOST_LINES = 60
MOST_COLUMNS = 8


def example() -> str:
    """The first Python block."""
    found = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "the README has no Python example"
    return found.group(1)


def test_the_example_method_is_short_and_edits_what_it_declares(tiny_sd: ModelBundle) -> None:
    code = example()
    assert len(code.splitlines()) <= MOST_LINES
    module = ModuleType("my_method")
    exec(compile(code, "README.md", "exec"), module.__dict__)
    method: Any = module.__dict__["EmbeddingSwap"]()
    request = EditRequest("readme/0000", "lemon", ("teapot",), ("a photo of {}",), 1)
    assert not method.edit(tiny_sd, (), context=MethodContext(None)).weights
    ((name, table),) = method.edit(tiny_sd, (request,), context=MethodContext(None)).weights.items()
    tokens = tiny_sd.pipeline.tokenizer
    lemon, teapot = (tokens(word).input_ids[1:-1] for word in ("lemon", "teapot"))
    assert torch.equal(table[lemon[0]], tiny_sd.parameter(name)[teapot].mean(dim=0))


def test_the_first_table_is_narrow() -> None:
    text = README.read_text(encoding="utf-8")
    if NO_RESULTS in text:
        pytest.skip("the table has no rows yet")
    header = next(line for line in text.splitlines() if line.startswith("| method |"))
    assert header.count("|") - 1 <= MOST_COLUMNS
