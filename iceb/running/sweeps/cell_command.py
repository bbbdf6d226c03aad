"""Write the command that makes one cell of a sweep alone, for its result to name."""

import json
from collections.abc import Iterator
from typing import Any

from iceb.running.plan import Ask
from iceb.specs.execution import DEFAULT

NAMES = {"metrics": "metric", "with_tasks": "with"}  # fields of `Ask` whose option has another name
OF_ALL = ("model", "data", "metrics", "with_tasks", "limit", "share", "dtype")  # fields that a sweep's cells may share
OF_EXECUTION = ("device", "images_per_pass", "concepts_at_once", "precision", "workers")


def cell_command(ask: Ask) -> tuple[str, ...]:
    """The command that asks for the same, without defaults and without folders of one machine.

    >>> " ".join(cell_command(Ask("aice", "esd", 9, recipe="tuned", settings={"rate": 0.1}, limit=4)))
    'iceb evaluate --method esd --task aice --num-edits 9 --recipe tuned --set rate=0.1 --limit 4'
    """
    return ("iceb", "evaluate", *(word for name, value in _options(ask) for word in (_option(name), _text_of(value))))


def _options(ask: Ask) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each option, once for each of its values."""
    yield from (("method", ask.method), ("task", ask.task), ("num_edits", ask.num_edits))
    if ask.recipe is not None:
        yield "recipe", ask.recipe
    for name, value in ask.settings.items():
        yield "set", f"{name}={_setting_text(value)}"
    for name in ("draws", "replicates"):
        if (times := getattr(ask.repeats, name)) != 1:
            yield name, times
    for name in OF_ALL:
        value = getattr(ask, name)
        for each in value if isinstance(value, tuple) else (value,):
            if value != getattr(Ask, name):  # its default
                yield name, each
    yield from ask.sampling.items()
    for name in OF_EXECUTION:
        value = getattr(ask.execution, name)
        if value != getattr(DEFAULT, name):
            yield name, value


def _setting_text(value: Any) -> str:
    """A setting's value as --set reads it: a text in quotes where its words alone would be something else."""
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        json.loads(value)
    except ValueError:
        return value if value == value.strip() else json.dumps(value)
    return json.dumps(value)


def _option(name: str) -> str:
    return "--" + NAMES.get(name, name).replace("_", "-")


def _text_of(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)
