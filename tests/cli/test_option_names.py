"""Messages of the library name fields; the command line's user reads the options that set them."""

import ast
import dataclasses
import inspect
import logging
import typing

import click
import pytest
import typer

from iceb.base.errors import SpecError
from iceb.cli.main import app, explain
from iceb.cli.option_names import OPTIONS, options_in_log, with_options
from iceb.delivery.save import EditAsk
from iceb.running import plan as plan_module
from iceb.running import task_data
from iceb.running.plan import Ask
from iceb.specs.execution import Execution


def all_options(command: click.Command) -> set[str]:
    """Every option of a command and of its subcommands."""
    found = {name for option in command.params for name in option.opts}
    return found.union(*map(all_options, getattr(command, "commands", {}).values()))


def test_every_field_has_an_option_that_some_command_takes():
    assert set(OPTIONS.values()) <= all_options(typer.main.get_command(app))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("`limit` 0: must be at least 1", "--limit 0: must be at least 1"),
        ("name one by `outs`", "name one by --runs"),
        ("keep some with `retain_file=FILE`", "keep some with --set retain_file=FILE"),
        ('write `layers=[7,"8"]`', "write --set 'layers=[7,\"8\"]'"),
        ("name a folder with `model=PATH`", "name a folder with --model PATH"),
        ("run it again with `metrics=vit`", "run it again with --metric vit"),
        ("`steps` 0: must be at least 1", "--steps 0: must be at least 1"),
        ("`steps=5`: the other settings stay", "--set steps=5: the other settings stay"),
        ("run `iceb data fetch aice`", "run `iceb data fetch aice`"),
        ("`prompts` of a dataset", "`prompts` of a dataset"),
    ],
)
def test_a_field_becomes_its_option_and_everything_else_stays(message, shown):
    assert with_options(message) == shown
    assert explain(SpecError(message)) == (shown, 2)


def counts_of(ask: type) -> list[str]:
    """The fields of a dataclass that hold a whole number, or none."""
    hints = typing.get_type_hints(ask)
    return [name for name, hint in hints.items() if hint is int or set(typing.get_args(hint)) == {int, type(None)}]


@pytest.mark.parametrize(
    ("ask", "others", "name"),
    [
        (ask, others, name)
        for ask, others in (
            (Ask, {"task": "aice", "method": "uce", "num_edits": 1}),
            (EditAsk, {"method": "uce"}),
            (Execution, {}),
        )
        for name in counts_of(ask)
    ],
    ids=lambda each: getattr(each, "__name__", each if isinstance(each, str) else ""),
)
def test_a_count_out_of_range_is_refused_by_its_option(ask, others, name):
    for number in (0, -1, 10**9):
        with pytest.raises(SpecError) as refusal:
            ask(**{**others, name: number})
        assert explain(refusal.value)[0].startswith(f"--{name.replace('_', '-')} {number}: must be a whole number")


def test_every_field_of_an_ask_is_read_by_the_plan():
    trees = [ast.parse(inspect.getsource(module)) for module in (plan_module, task_data)]
    functions = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name != "__post_init__"
    ]
    read = {
        node.attr
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ask"
    }
    assert {field.name for field in dataclasses.fields(Ask)} == read


def test_logged_messages_name_options_inside_the_block_alone(caplog):
    log = logging.getLogger("iceb")
    with options_in_log():
        log.warning("fits with `%s` %d", "images_per_pass", 2)
    log.warning("fits with `%s` %d", "images_per_pass", 2)
    assert caplog.messages == ["fits with --images-per-pass 2", "fits with `images_per_pass` 2"]
