"""`iceb explain`: print a metric's definition, formula and range, and what it does not tell."""

from textwrap import fill
from typing import Annotated

import typer

WIDTH = 100  # characters of a line


def explain(name: Annotated[str, typer.Argument(help="A metric: iceb list metrics.", metavar="METRIC")]) -> None:
    """Explain a metric: definition, formula, range and limits."""
    from iceb.api import explaining

    facts = explaining.explain(name)
    typer.echo(facts.pop("metric"))
    typer.echo(fill(facts.pop("definition"), WIDTH, initial_indent="  ", subsequent_indent="  "))
    for what, text in facts.items():
        typer.echo(fill(f"{what}: {text}", WIDTH, initial_indent="  ", subsequent_indent="      "))
