"""Write a report's folder: the page, the data of its boards, and thumbnails."""

import html
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from iceb.base.cache import cache_root
from iceb.base.errors import ResultError
from iceb.base.files import write_atomic
from iceb.base.progress import stage
from iceb.report.site.boards import Board, make_boards
from iceb.report.site.image_sets import ImageSet
from iceb.report.site.read_runs import LeftOut, read_runs
from iceb.report.site.scores import board_document, encode_script
from iceb.report.site.thumbnails import FOLDER, Thumbnails
from iceb.stores.images import ImageStore

PAGE, DATA, ASSETS = "index.html", "data", "assets"
MARK = "iceb report"  # stands in the page of every report, so that only such a folder is written anew
TITLE = "ICEB report"


@dataclass(frozen=True)
class Written:
    """A report on disk, in numbers."""

    page: Path
    runs: int
    boards: int
    images: int
    missing: int
    left_out: tuple[LeftOut, ...]


def write_report(
    named: Sequence[Path], site: Path, cache: Path | None = None, title: str = TITLE, sharp: bool = False
) -> Written:
    """Write the report of some runs.

    Args:
        named: run folders, folders of runs, results of a leaderboard.
        site: the folder to write; one that holds an earlier report is written anew.
        cache: the cache's root, from which images and judges' answers come; None for the default one.
        title: of the page.
        sharp: write images of sensitive tasks sharp as well, not blurred alone.

    Raises:
        ResultError: there is no run, or the folder holds something else.
        StoreError: the folder cannot be written.
    """
    runs, left_out = read_runs(named)
    boards = make_boards(runs)
    _clear(site)
    root = cache_root(cache)
    kept: set[str] = set()
    documents: list[dict[str, Any]] = []
    missing = 0
    for board in boards:
        thumbnails = Thumbnails(ImageStore(root), site, board.sensitive, sharp)
        sets = list(_write_sets(board, thumbnails, site, root))
        documents.append({**board_document(board), "sharp": sharp, "sets": sets})
        missing += len(thumbnails.missing)
        kept |= thumbnails.names
    index = {"title": title, "boards": documents, "leftOut": [_left_out(each) for each in left_out]}
    write_atomic(site / DATA / "index.js", encode_script("index", index).encode(), durable=False)
    _write_page(site, title)
    return Written(site / PAGE, len(runs), len(boards), len(kept), missing, tuple(left_out))


def _write_sets(board: Board, thumbnails: Thumbnails, site: Path, cache: Path) -> Iterator[int]:
    """Write the data of each number of edits; yield those that have any."""
    counts = board.table.counts
    with stage("collecting images and concepts", len(counts)) as advance:
        for count in counts:
            name = f"{board.name}-{count}"
            document = ImageSet(board, count, cache).document(thumbnails)
            write_atomic(site / DATA / f"{name}.js", encode_script(name, document).encode(), durable=False)
            advance(1)
            yield count


def _left_out(each: LeftOut) -> dict[str, Any]:
    return {"name": "/".join(each.path.parts[-4:]), "reason": each.reason}


def _clear(site: Path) -> None:
    """Remove an earlier report's files, so that no thumbnail of another run stays.

    Raises:
        ResultError: the folder holds something that is no report.
    """
    page = site / PAGE
    if not site.exists() or not any(site.iterdir()):
        return
    if not page.is_file() or MARK not in page.read_text(encoding="utf-8", errors="replace"):
        raise ResultError(f"{site} holds files that are no report: name another folder with `out`")
    for name in (FOLDER, DATA, ASSETS):
        shutil.rmtree(site / name, ignore_errors=True)


def _write_page(site: Path, title: str) -> None:
    """Copy the assets and write the page, last, so that a report that was cut short has none."""
    folder = files("iceb.report.site").joinpath(ASSETS)
    for asset in sorted(folder.iterdir(), key=lambda each: each.name):
        if asset.name != PAGE:
            write_atomic(site / ASSETS / asset.name, asset.read_bytes(), durable=False)
    page = folder.joinpath(PAGE).read_text(encoding="utf-8").replace("TITLE", html.escape(title))
    write_atomic(site / PAGE, page.encode(), durable=False)
