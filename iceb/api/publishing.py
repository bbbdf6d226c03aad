"""Write the offline report of runs, the image of one run, and the pages of a leaderboard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iceb.api.arguments import Place, path_or_none
from iceb.api.comparing import LEADERBOARDS
from iceb.api.reading import RunLike, path_of, paths_of
from iceb.base.errors import SpecError
from iceb.base.files import write_atomic
from iceb.base.messages import shorten

if TYPE_CHECKING:
    from iceb.report.image_grid import Grid
    from iceb.report.site.build import Written


def write_report(
    runs: "RunLike | Iterable[RunLike]",
    *,
    out: Place = "site",
    cache: Place | None = None,
    title: str = "ICEB report",
    sharp: bool = False,
) -> "Written":
    """Write a page of runs that opens offline in a browser, as `iceb report` does.

    It holds tables, curves and images.

    Args:
        runs: runs, their folders, folders of runs, or a leaderboard's results.
        out: the folder to write; an earlier report is replaced.
        cache: where the runs' images are; None: ICEB_CACHE, else ~/.cache/iceb.
        title: of the page.
        sharp: images of sensitive tasks sharp as well, shown by a click; without it they are written blurred alone.

    Returns:
        The page's path, and how many runs, tables and images it has, and which runs it leaves out.

    Raises:
        ResultError: there is no run, or the folder holds something else.
        StoreError: the folder cannot be written.
    """
    from iceb.report.site.build import write_report as write_site

    return write_site(paths_of(runs), Path(out), path_or_none(cache), title, sharp)


MOST_ROWS = 100  # of a grid; beyond it the image is too tall to look at


def write_grid(
    run: RunLike,
    *,
    out: Place = "grid.png",
    rows: int = 6,
    role: str = "",
    cache: Place | None = None,
    draw: bool = False,
) -> "Grid":
    """Write a run's images before the edit, after it and of the destination as a PNG, as `iceb grid` does.

    Its prompts are spread evenly over the run, not picked.

    Args:
        run: a finished run, or its folder.
        out: the image to write.
        rows: how many prompts are shown, at most 100.
        role: which prompts, for example "holdout"; "": of what is edited.
        cache: where the run's images are; None: ICEB_CACHE, else ~/.cache/iceb.
        draw: draw the destinations that the cache lacks, and let the judge look at them.

    Returns:
        The image, and how many rows, prompts and destinations it has.

    Raises:
        SpecError: `rows` or `out` cannot be, or the run drew no images of this role.
        ResultError: there is no such run, it failed, or its files are damaged.
        StoreError: an image is not in the cache any more, or `out` cannot be written.
        ModelError: with `draw`, the run's model is not here.
    """
    if not 1 <= rows <= MOST_ROWS:
        raise SpecError(f"`rows={rows}`: must be 1 to {MOST_ROWS}")
    if Path(out).suffix.lower() != ".png":
        raise SpecError(f"`out={shorten(str(out))}`: must end in .png")
    from iceb.report.image_grid import grid

    made = grid(path_of(run), path_or_none(cache), rows, role, draw=draw)
    write_atomic(Path(out), made.png)
    return made


@dataclass(frozen=True)
class LeaderboardUpdate:
    """The outcome of writing, or checking, a leaderboard's pages.

    Attributes:
        results: how many results stand on them; 0 where some were added.
        scores: how many scores were computed again from the tables; likewise.
        pages: the pages that changed; of a check, those that were compared.
        added: the results that were added.
        skipped: why others were not, a line each.
    """

    results: int
    scores: int
    pages: tuple[Path, ...]
    added: tuple[Path, ...] = ()
    skipped: tuple[str, ...] = ()


def update_leaderboard(
    task: str | None = None, *, add: Sequence[RunLike] = (), check: bool = False, folder: Place | None = None
) -> LeaderboardUpdate:
    """Write a leaderboard's pages, add runs to it, or check it, as `iceb leaderboard` does.

    Args:
        task: only this task's pages; None for all.
        add: runs whose results and tables are copied there first, all or none.
        check: write nothing, compute every score again from its table, and compare every page.
        folder: holds results/ and the pages, and is made for `add` where it is named; None: "leaderboards".

    Raises:
        ResultError: a result may not stand on a table, or has a number that its table does not make.
        CheckFailed: a page is not what the results make.
    """
    from iceb.registry import load

    if check and add:
        raise SpecError("`check` writes nothing and `add` writes: choose one of them")
    if task is not None:
        load("tasks", task)
    if not add:
        return _render(Path(folder or LEADERBOARDS), task, check=check)
    from iceb.leaderboard.adding import add_all

    sources = [path_of(each) for each in add]
    made = add_all(Path(folder or LEADERBOARDS), sources, lambda name: load("tasks", name), new=folder is not None)
    return LeaderboardUpdate(0, 0, made.pages, made.results, made.skipped)


def _render(folder: Path, task: str | None, *, check: bool) -> LeaderboardUpdate:
    from iceb.leaderboard import pages
    from iceb.leaderboard.collect import collect_filed
    from iceb.leaderboard.filed_result import tables_of
    from iceb.registry import load

    found = collect_filed(pages.results_folder(folder))
    results = [filed.result for filed in found]
    texts = pages.render_pages(folder, lambda name: load("tasks", name), results, task, tables_of(found))
    scores = sum(len(group) for result in results for group in result.groups)
    if check:
        pages.check(folder, texts, whole=task is None)
        return LeaderboardUpdate(len(results), scores, tuple(folder / name for name in texts))
    return LeaderboardUpdate(len(results), scores, tuple(pages.write(folder, texts)))
