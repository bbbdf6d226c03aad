"""`iceb list` and `iceb show`: list names, and show one; listing imports no torch and no plug-in."""

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.cli.option_names import with_options

if TYPE_CHECKING:
    from iceb.registry import Registered
    from iceb.specs.families import Family

WIDTH = 80  # characters of a line


class ListKind(StrEnum):
    """The kinds of things that can be listed."""

    tasks = "tasks"
    methods = "methods"
    metrics = "metrics"
    measures = "measures"
    models = "models"
    datasets = "datasets"


class ShowKind(StrEnum):
    """The kinds of things that can be shown."""

    task = "task"
    method = "method"
    metric = "metric"
    measure = "measure"
    dataset = "dataset"
    result = "result"
    schema = "schema"
    prompts = "prompts"


def list_names(
    kind: Annotated[str, typer.Argument(help="What to list.", metavar="|".join(ListKind))],
    as_json: Annotated[bool, typer.Option("--json", help="The list as JSON on stdout, nothing else.")] = False,
) -> None:
    """List tasks, methods, metrics, measures, models, datasets."""
    what = ListKind(_one_of(kind, ListKind))
    rows = _rows(what)
    _note_unreadable(what)
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        typer.echo(f"{row['name']:<{width}}  {row['from']}")


def _one_of(got: str, allowed: type[StrEnum]) -> str:
    """Return `got` if it is one of `allowed`.

    Raises:
        SpecError: it is none; the message names the nearest.
    """
    from iceb.base.errors import SpecError
    from iceb.base.suggestions import unknown

    if got not in list(allowed):
        raise SpecError(unknown("kind of thing", got, allowed))
    return got


def _rows(what: ListKind) -> list[dict[str, str]]:
    if what is ListKind.models:
        return _models()
    if what is ListKind.datasets:
        return _datasets()
    from iceb.registry import GROUPS, entries_of, shortest_name

    (group,) = [group for group in GROUPS if group == what.value]
    return [{"name": shortest_name(each), "from": _from(each), "place": each.place} for each in entries_of(group)]


def _from(entry: "Registered") -> str:
    """Return the package, and why its name is needed if it is."""
    from iceb.registry import shortest_name

    package = f"{entry.package} {entry.package_version}"
    return package if shortest_name(entry) == entry.name else f"{package}; {entry.name} alone is {_holder(entry)}"


def _holder(entry: "Registered") -> str:
    from iceb.registry import OWN, entries_of

    ours = any(each.name == entry.name and each.package == OWN for each in entries_of(entry.group))
    return f"{OWN}'s own" if ours else "registered by several packages"


def _note_unreadable(what: ListKind) -> None:
    """Name on stderr the packages whose metadata could not be read."""
    from iceb.base.packages import unreadable_packages

    for place in unreadable_packages() if what is not ListKind.models else ():
        typer.echo(f"iceb: the metadata of {place} cannot be read: mend or remove that package", err=True)


def _models() -> list[dict[str, str]]:
    from iceb.models.families import FAMILIES

    return [{"name": family.name, "from": _origin(family)} for family in FAMILIES.values()]


def _origin(family: "Family") -> str:
    pin = f" at {family.revision[:12]}" if family.revision else ""
    return f"{family.repo}{pin}, {family.title}"


def _datasets() -> list[dict[str, str]]:
    from iceb.datasets.cards import card_names

    return [{"name": name, "from": _card_of(name)} for name in card_names()]


def _card_of(name: str) -> str:
    """Return where a dataset comes from, or why its card cannot be read."""
    from iceb.base.errors import IcebError
    from iceb.datasets.cards import load_card

    try:
        card = load_card(name)
    except IcebError as error:
        return with_options(str(error))
    return f"{card.source.repository}, {card.title or card.paper}"


def show(kind: str, name: str | None) -> None:
    """Print anything but a task's prompts: a card, a result's scores, or the schema of results."""
    from iceb.base.errors import SpecError

    what = ShowKind(_one_of(kind, ShowKind))
    if what is ShowKind.schema:
        typer.echo(_schema(), nl=False)
        return
    if name is None:
        listing = "runs" if what is ShowKind.result else f"list {what.value}s"
        raise SpecError(f"iceb show {what.value} needs a name: iceb {listing} shows them")
    if what is ShowKind.dataset:
        from iceb.datasets.cards import card_text

        typer.echo(card_text(name))
    elif what is ShowKind.result:
        _show_result(Path(name))
    else:
        _show_registered(what, name)


def _schema() -> str:
    from iceb.specs.results import json_schema

    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _show_result(path: Path) -> None:
    from iceb.cli.report import summary
    from iceb.runs.folder import read_result

    summary(read_result(path), path)


def _show_registered(what: ShowKind, name: str) -> None:
    from iceb import registry

    (group,) = [group for group in registry.GROUPS if group == f"{what.value}s"]
    entry = registry.find(group, name)
    found = entry.load()
    typer.echo(f"{entry.full_name} {entry.package_version}  ({entry.place})")
    # a task is an instance of a class that says nothing of it; a metric's class says what the metric computes
    if found.__doc__ and (isinstance(found, type) or what is ShowKind.metric):
        typer.echo(f"  {found.__doc__.strip().splitlines()[0]}")
    if what is ShowKind.method and (problem := registry.name_problem(entry, found.card.name)):
        typer.echo(fill(f"cannot be used: {problem}", WIDTH, initial_indent="  ", subsequent_indent="      "))
    fields = _words(what, found)
    for key, value in fields.items():
        typer.echo(fill(f"{key}: {value}", WIDTH, initial_indent="  ", subsequent_indent="      "))
    if what is ShowKind.method:
        _show_parameters(found)


def _words(what: ShowKind, found: Any) -> dict[str, str]:
    """Return the fields of a card in words."""
    if what is ShowKind.metric:
        from iceb.report.metric_words import metric_fields

        return metric_fields(found)
    return _card_fields(found) if what is ShowKind.method else _fields(found)


def _card_fields(method: Any) -> dict[str, str]:
    """Return the fields of a card that say something; without its notes, which are pages of markdown."""
    said = {key: value for key, value in dataclasses.asdict(method.card).items() if value not in ("", ())}
    return {key: _plain(value) for key, value in said.items() if key != "notes"}


FIELDS = (
    "version",
    "title",
    "paper",
    "dataset",
    "kind",
    "roles",
    "metrics",
    "optional_metrics",
    "headline",
    "edit_counts",
)
FIELDS_OF_MEASURES = ("id", "inputs")


def _fields(found: Any) -> dict[str, str]:
    values = {name: getattr(found, name) for name in FIELDS + FIELDS_OF_MEASURES if hasattr(found, name)}
    return {name: _plain(value) for name, value in values.items() if not isinstance(value, property)}


def _plain(value: Any) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    if isinstance(value, tuple | list):
        texts = [": ".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value]
        return ("; " if any(" " in text for text in texts) else ", ").join(texts)
    return str(value)


def _show_parameters(method: Any) -> None:
    from iceb.report.settings_docs import settings_of

    typer.echo("  parameters (--set NAME=VALUE), with their defaults:")
    for setting in settings_of(method):
        typer.echo(f"    {setting.name} = {setting.default}")
        words = f"One of {', '.join(setting.words)}." if setting.words else ""
        if meaning := f"{words} {setting.meaning}".strip():
            typer.echo(fill(meaning, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8))
