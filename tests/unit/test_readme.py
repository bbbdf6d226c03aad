"""The README's example is a method, its commands are ones that ICEB takes, its numbers are committed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from typer.main import get_command

from iceb.cli.main import app, run
from iceb.models.bundle import ModelBundle
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest

README = Path(__file__).parents[2] / "README.md"
LEADERBOARDS = README.parent / "leaderboards"
SHOWN = LEADERBOARDS / "results" / "aice" / "emcid" / "0300-a830ec5d.json"  # the run of the first screen
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


def commands() -> Iterator[list[str]]:
    """The words behind `iceb` in every command of the README's bash blocks."""
    for block in re.findall(r"```bash\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line.rpartition("&&")[2], comments=True)
            if words and Path(words[0]).name == "iceb":
                yield words[1:]


COMMANDS = list(commands())


def test_the_readme_has_commands():
    assert {words[0] for words in COMMANDS} == {"evaluate", "edit", "apply", "data"}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_of_the_readme_is_one_that_iceb_takes(words: list[str]) -> None:
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    assert command.make_context(command.name, list(words)).params  # an unknown or a missing option raises


def test_the_first_screen_shows_a_committed_result(capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(r"```text\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    assert run(["show", "result", str(SHOWN)]) == 0
    printed = {line.rstrip() for line in capsys.readouterr().out.splitlines()}
    assert [line for line in found[1].splitlines() if line not in printed] == []


def test_the_first_table_is_narrow() -> None:
    header = next(line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| method |"))
    assert header.count("|") - 1 <= MOST_COLUMNS
