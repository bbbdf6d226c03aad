"""The file that says how workers are started: as a SLURM job array, or by a command each."""

from dataclasses import dataclass, fields
from pathlib import Path
from string import Formatter
from typing import Any

from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.base.readers import parse_toml, read_text
from iceb.base.suggestions import unknown
from iceb.specs.shards import Shard

KINDS = ("slurm", "command")
PLACES = ("argv", "shard", "shards")  # what a command's template may hold
TYPES: dict[str, type] = {"kind": str, "shards": int, "setup": str, "command": str, "grace": int}
OF_KIND = {"slurm": ("options", "setup", "grace"), "command": ("command",)}


@dataclass(frozen=True)
class Cluster:
    """A way of starting workers.

    Attributes:
        shards: how many workers.
        options: of SLURM, as `sbatch` takes them.
        setup: shell lines before the work of a SLURM job, for example to activate an environment.
        grace: seconds before a SLURM job's end of time at which it is told to stop.
        command: a shell command that starts one worker; {argv} in it becomes the worker's command, {shard} its
            number from 0, {shards} the number of workers.
    """

    kind: str
    shards: int
    options: tuple[str, ...] = ()
    setup: str = ""
    grace: int = 120
    command: str = ""


def read_cluster(path: Path) -> Cluster:
    """Read a cluster's file.

    Raises:
        SpecError: it cannot be read, is not TOML, lacks something, or holds an unknown key or a wrong value.
    """
    return parse_cluster(
        read_text(path, SpecError, "name a TOML file with kind and shards (docs/clusters.md)"), str(path)
    )


def parse_cluster(text: str, where: str) -> Cluster:
    """Parse the text of a cluster's file.

    Raises:
        SpecError: as `read_cluster`.

    >>> parse_cluster('kind = "slurm"\\nshards = 8\\noptions = ["--gres=gpu:1"]', "c.toml").options
    ('--gres=gpu:1',)
    """
    found = parse_toml(text, where, SpecError)
    known = [each.name for each in fields(Cluster)]
    for key in found:
        if key not in known:
            raise SpecError(f"{where}: {unknown('key', key, known)}")
    kind = found.get("kind")
    if kind not in KINDS:
        raise SpecError(f"{where}: kind is {quote(kind, 80)}: must be one of {', '.join(KINDS)}")
    for key, value in found.items():
        _check(where, kind, key, value)
    if "shards" not in found:
        raise SpecError(f"{where}: lacks shards: say how many workers share the work")
    cluster = Cluster(**{**found, "options": tuple(found.get("options", ()))})
    if kind == "command":
        _check_template(where, cluster.command)
    return cluster


def _check(where: str, kind: str, key: str, value: Any) -> None:
    """Refuse a value of the wrong type, or one that is of the other kind."""
    number: Any = value  # a whole number by the time it is compared
    if key not in ("kind", "shards", *OF_KIND[kind]):
        raise SpecError(f"{where}: {key} is not of kind {kind}, which has {', '.join(OF_KIND[kind])}: leave it out")
    if key == "options":
        if not isinstance(value, list) or not all(isinstance(each, str) and each.startswith("-") for each in value):
            raise SpecError(f'{where}: options is {quote(value, 80)}: must be a list of texts, as in ["--gres=gpu:1"]')
        if any("\n" in each for each in value):
            raise SpecError(f"{where}: options has a line break: write one option in each text")
    elif not isinstance(value, TYPES[key]) or isinstance(value, bool):
        word = "a whole number" if TYPES[key] is int else "a text"
        raise SpecError(f"{where}: {key} is {quote(value, 80)}: must be {word}")
    elif key == "grace" and not 0 <= number <= 86_400:
        raise SpecError(f"{where}: grace is {value}: must be seconds from 0 to 86400")
    elif key == "shards":
        Shard(0, number)  # which refuses a number that is no count of shares


def _check_template(where: str, command: str) -> None:
    """Refuse a template without the worker's command, or with a place that nothing fills."""
    try:
        names = [name for _, name, _, _ in Formatter().parse(command) if name is not None]
    except ValueError as error:
        raise SpecError(f"{where}: command {quote(command, 80)}: {error}; write a brace of its own twice") from error
    if "argv" not in names:
        raise SpecError(f"{where}: command {quote(command, 80)}: lacks {{argv}}, the place of the worker's command")
    if wrong := [name for name in names if name not in PLACES]:
        raise SpecError(
            f"{where}: command holds {{{wrong[0]}}}: allowed are {', '.join(f'{{{name}}}' for name in PLACES)}; "
            "write a brace of its own twice"
        )
    try:
        command.format(argv="a command", shard=0, shards=1)
    except (ValueError, LookupError) as error:
        raise SpecError(
            f"{where}: command {quote(command, 80)} cannot be filled in ({error}): write a place as {{argv}}, or a "
            "number with zeros before it as {shard:02d}"
        ) from error
