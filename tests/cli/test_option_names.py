"""Messages of the library name fields; the command line's user reads the options that set them."""

import logging

import click
import pytest
import typer

from iceb.base.errors import SpecError
from iceb.cli.main import app, explain
from iceb.cli.option_names import OPTIONS, options_in_log, with_options


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
        ("run `iceb data fetch aice`", "run `iceb data fetch aice`"),
        ("`prompts` of a dataset", "`prompts` of a dataset"),
    ],
)
def test_a_field_becomes_its_option_and_everything_else_stays(message, shown):
    assert with_options(message) == shown
    assert explain(SpecError(message)) == (shown, 2)


def test_logged_messages_name_options_inside_the_block_alone(caplog):
    log = logging.getLogger("iceb")
    with options_in_log():
        log.warning("fits with `%s` %d", "images_per_pass", 2)
    log.warning("fits with `%s` %d", "images_per_pass", 2)
    assert caplog.messages == ["fits with --images-per-pass 2", "fits with `images_per_pass` 2"]
