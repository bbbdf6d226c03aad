"""The command line of a tool that makes one page from committed files: print, write or check it."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from iceb.base.errors import IcebError

DIFFERS = 1  # an exit code


def run_page_command(
    tool: str, description: str | None, page: Path, make: Callable[[], str], arguments: Sequence[str] | None
) -> int:
    """Print, write or check the page; returns the exit code, 1 where --check finds another page.

    Args:
        tool: the tool's file.
        description: its docstring.
        make: returns the page's text; an IcebError becomes the command's refusal.
        arguments: of the command line; None: the process's own.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    name, action = f"{page.parent.name}/{page.name}", parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help=f"write {name}")
    action.add_argument("--check", action="store_true", help=f"fail when {name} is another")
    args = parser.parse_args(arguments)
    try:
        text = make()
    except IcebError as error:
        parser.error(str(error))
    if args.write:
        page.write_text(text, encoding="utf-8")
    elif not args.check:
        print(text, end="")
    elif not page.is_file() or page.read_text(encoding="utf-8") != text:
        print(f"{page}: is not what committed files make: run `python tools/{Path(tool).name} --write`")
        return DIFFERS
    return 0
