"""`iceb cache`: show how large the cache is, by store and by run, and remove what no run refers to."""

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from iceb.base.cache import WHERE
from iceb.base.wording import size_text

if TYPE_CHECKING:
    from iceb.stores.own_files import File


OLDEST = 1_000_000  # hours, more than a century
Runs: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FOLDER",
        help="Where run folders are, beside those the cache has noted; may be repeated. Default: runs.",
    ),
]


def cache(
    prune: Annotated[bool, typer.Option("--prune", help="Remove what no run folder refers to.")] = False,
    scratch: Annotated[
        bool, typer.Option("--scratch", help="With --prune: also remove the parts that methods keep between runs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --prune: say what would be removed, and stop.")
    ] = False,
    gone: Annotated[
        bool, typer.Option("--gone", help="With --prune: treat run folders that no longer exist as deleted.")
    ] = False,
    older_than: Annotated[
        float,
        typer.Option(metavar="HOURS", help="With --prune: keep files younger than this, which a run may be using."),
    ] = 24.0,
    runs: Runs = None,
    folder: Annotated[Path | None, typer.Option("--cache", help=f"The cache folder. Default: {WHERE}.")] = None,
) -> None:
    """Show the cache's size; remove unused files.

    The size is given by store and by run; --prune removes the files that no run refers to.
    """
    from iceb.base.cache import cache_root
    from iceb.base.errors import SpecError

    root = Path(os.path.realpath(cache_root(folder)))
    outs = runs or [out for out in [Path("runs")] if out.is_dir()]  # the default of `iceb evaluate --out`
    if (scratch or dry_run or gone) and not prune:
        raise SpecError("--scratch, --gone and --dry-run say how to prune: give them together with --prune")
    if not 0 <= older_than <= OLDEST:
        raise SpecError(f"--older-than {older_than:g}: must be 0 to {OLDEST} hours")
    if prune:
        _prune(root, outs, scratch=scratch, dry_run=dry_run, hours=older_than, gone=gone)
    else:
        _sizes(root, outs)


def _sizes(root: Path, outs: list[Path]) -> None:
    from iceb.running import cache_use, pruning
    from iceb.stores import usage

    typer.echo(f"cache {root}")
    _say_local(root)
    for store in usage(root):
        typer.echo(f"  {store.kind:<9} {store.files:>8} files  {size_text(store.bytes):>9}")
    known = list(dict.fromkeys([*(Path(os.path.realpath(out)) for out in outs), *cache_use.known_folders(root)]))
    used = cache_use.runs(known, root)
    typer.echo(f"runs in {', '.join(map(str, known)) or 'no folder'}")
    typer.echo("with what they refer to (shared files count for each)")
    for run in used:
        typer.echo(f"  {run.id:<42} {run.status:<8} {len(run.files):>7} files  {size_text(run.bytes):>9}")
    for path in cache_use.unfinished_runs(known):
        typer.echo(f"  {path} is unfinished")
    if used:
        spare = pruning.unreferenced_files(root, used)
        typer.echo(f"no run refers to {_total(spare)} (iceb cache --prune removes them)")


def _prune(root: Path, outs: list[Path], *, scratch: bool, dry_run: bool, hours: float, gone: bool) -> None:
    from iceb.running import pruning

    _say_local(root)
    old, young = pruning.removable(root, outs, scratch=scratch, hours=hours, gone=gone)
    by_store = Counter(file.path.relative_to(root).parts[0] for file in old)
    for store in sorted(by_store):
        typer.echo(f"{store}: {_total([file for file in old if file.path.relative_to(root).parts[0] == store])}")
    if young:
        typer.echo(f"{young} files are younger than {hours:g} hours and stay")
    if dry_run:
        typer.echo(f"{_total(old)} would be removed; nothing was (--dry-run)")
        return
    pruning.remove(old)
    if gone:
        pruning.remove_notes(root)
    typer.echo(f"removed {_total(old)}")


def _say_local(root: Path) -> None:
    """Say what is left alone where the cache is named by a URL."""
    from iceb.base.cache_url import url_of

    if (url := url_of(root)) is not None:
        typer.echo(f"this is the local layer of {url}: only its files are counted and removed, none at the URL")


def _total(found: "list[File]") -> str:
    return f"{len(found)} files, {size_text(sum(file.bytes for file in found))}"
