"""`iceb cache`: what the cache holds, by store and by run, and removing what no run refers to."""

from pathlib import Path
from typing import Annotated

import typer


def cache(
    prune: Annotated[bool, typer.Option("--prune", help="Remove what no run folder refers to.")] = False,
    scratch: Annotated[
        bool, typer.Option("--scratch", help="With --prune: what methods keep for themselves too.")
    ] = False,
    runs: Annotated[Path, typer.Option(help="Where the run folders are.")] = Path("runs"),
    folder: Annotated[
        Path | None, typer.Option("--cache", help="The cache folder; default ICEB_CACHE or ~/.cache/iceb.")
    ] = None,
) -> None:
    """Say how large the cache is, by store and by run; with --prune, remove what no run refers to."""
    from iceb.base.errors import SpecError
    from iceb.stores import cache_root

    root = cache_root(folder)
    if scratch and not prune:
        raise SpecError("--scratch removes what methods keep: give it together with --prune")
    if prune:
        _prune(root, runs, scratch=scratch)
    else:
        _sizes(root, runs)


def _sizes(root: Path, runs: Path) -> None:
    from iceb.running import references
    from iceb.stores import usage

    typer.echo(f"cache {root}")
    for store in usage(root):
        typer.echo(f"  {store.kind:<9} {store.files:>8} files  {_size(store.bytes):>9}")
    used = references.runs(runs, root)
    typer.echo(f"runs in {runs}, with what they refer to (shared files count for each)")
    for run in used:
        typer.echo(f"  {run.id:<44} {run.status:<9} {len(run.files):>7} files  {_size(run.bytes):>9}")
    for path in references.unfinished(runs):
        typer.echo(f"  {path} is unfinished")
    if used:
        spare = references.unreferenced(root, used)
        total = sum(path.stat().st_size for path in spare)
        typer.echo(f"no run refers to {len(spare)} files, {_size(total)} (iceb cache --prune removes them)")


def _prune(root: Path, runs: Path, *, scratch: bool) -> None:
    from iceb.base.errors import SpecError
    from iceb.base.files import explained
    from iceb.running import references

    going = references.unfinished(runs)
    if going:
        raise SpecError(
            f"{len(going)} runs are unfinished and would lose their pictures ({going[0]}): "
            "run them to the end, or remove their folders"
        )
    spare = references.unreferenced(root, references.runs(runs, root))
    if scratch:
        spare += [path for path in (root / "scratch").rglob("*") if path.is_file()]
    total = 0
    for path in spare:
        with explained(path):
            total += path.stat().st_size
            path.unlink(missing_ok=True)
    typer.echo(f"removed {len(spare)} files, {_size(total)}")


def _size(count: float) -> str:
    """Bytes for people.

    >>> _size(999), _size(1_500_000)
    ('999 B', '1.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")
