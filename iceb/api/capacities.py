"""Capacities of runs: how many concepts each method can edit at once; no torch is imported."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iceb.api.arguments import Place
from iceb.api.reading import RunLike, paths_of
from iceb.base.errors import ResultError, SpecError
from iceb.base.tables import frame_of

if TYPE_CHECKING:
    import pandas

    from iceb.leaderboard.anchored_scores import AnchoredScore
    from iceb.leaderboard.capacity import Capacity, Ends, RowCapacity, TableCapacity
    from iceb.leaderboard.rank import Table
    from iceb.report.site.read_runs import LeftOut

OF_TABLE = ("table", "task", "row")
OF_LEVEL = ("level", "edits", "least", "most", "interval", "fails")
OF_ROW = ("area", "area_low", "area_high", "half_life", "half_life_interval", "note")
OF_POINT = ("efficacy", "efficacy_low", "efficacy_high", "preservation", "preservation_low", "preservation_high")
NUMBERS = ("level", "least", "most", "area", "area_low", "area_high")


@dataclass(frozen=True)
class Capacities:
    """The capacities of runs.

    Attributes:
        tables: of comparable runs, each with its title.
        left_out: runs that failed or cannot be read, with the reason.
        figure: the path of the first table's figure, where one was asked for.
    """

    tables: "tuple[tuple[str, TableCapacity], ...]"
    left_out: "tuple[LeftOut, ...]" = ()
    figure: Path | None = None

    def frame(self) -> "pandas.DataFrame":
        """The capacities as a frame, a row for each method and level.

        Columns: table, task, row; level; edits in words ("≥ 300"), as a range from least to most (0 and infinite where
        nothing bounds it), its 95 % interval in words, and what fails first; area with its interval's ends, half_life
        in words with its interval; note, which says why something is missing.

        Raises:
            SpecError: pandas is not installed.
        """
        return frame_of(list(self._level_rows()), (*OF_TABLE, *OF_LEVEL, *OF_ROW), NUMBERS)

    def curves(self) -> "pandas.DataFrame":
        """The curves as a frame, a row for each method and number of edits.

        Columns: table, task, row; num_edits; efficacy and preservation, each with the ends of its 95 % interval; score,
        the lower of the two within 0 and 1.

        Raises:
            SpecError: pandas is not installed.
        """
        return frame_of(list(self._point_rows()), (*OF_TABLE, "num_edits", *OF_POINT, "score"), (*OF_POINT, "score"))

    def _rows(self) -> "Iterator[tuple[dict[str, Any], RowCapacity]]":
        from iceb.leaderboard.capacity_section import row_name

        for title, table in self.tables:
            for each in table.rows:
                yield {"table": title, "task": table.table.identity.task, "row": row_name(each.row)}, each

    def _level_rows(self) -> Iterator[dict[str, Any]]:
        for named, each in self._rows():
            low, high = each.area.interval or (None, None)
            half = each.half_life
            common = {
                **named,
                "area": each.area.value,
                "area_low": low,
                "area_high": high,
                "half_life": half.edits.text() if half.edits else "",
                "half_life_interval": _interval_text(half.interval),
                "note": "; ".join(note for note in (each.note, each.area.note, half.note) if note),
            }
            for capacity in each.capacities or (None,):
                yield {**common, **_level_columns(capacity)}

    def _point_rows(self) -> Iterator[dict[str, Any]]:
        for named, each in self._rows():
            for point in each.points:
                sides = {**_side("efficacy", point.efficacy), **_side("preservation", point.preservation)}
                yield {**named, "num_edits": point.count, **sides, "score": _plain(point.score)}


def _level_columns(found: "Capacity | None") -> dict[str, Any]:
    if found is None:  # a row without a curve
        return {**dict.fromkeys(("level", "least", "most")), **dict.fromkeys(("edits", "interval", "fails"), "")}
    return {
        "level": found.level,
        "edits": found.edits.text(),
        "least": found.edits.least,
        "most": found.edits.most,
        "interval": _interval_text(found.interval),
        "fails": " and ".join(found.fails),
    }


def _interval_text(ends: "Ends | None") -> str:
    return "" if ends is None else f"[{', '.join(end.text(up=place > 0) for place, end in enumerate(ends))}]"


def _side(name: str, score: "AnchoredScore") -> dict[str, float | None]:
    ends = score.scatter
    return {
        name: _plain(score.value),
        f"{name}_low": ends.low if ends else None,
        f"{name}_high": ends.high if ends else None,
    }


def _plain(number: float | None) -> float | None:
    return None if number is None else number + 0.0  # without the sign of −0


def capacity(
    runs: "RunLike | Iterable[RunLike]",
    *,
    level: Sequence[float] = (),
    counts: Sequence[int] = (),
    out: Place | None = None,
) -> Capacities:
    """Say how many concepts each method can edit at once before it fails, as `iceb capacity` does.

    Args:
        runs: runs, their folders, folders of runs, or a leaderboard's results.
        level: what efficacy and preservation must both reach, above 0 and at most 1; () for 0.5 and 0.8.
        counts: numbers of edits of a whole curve; () for those that the task declares.
        out: write the first table's figure, an SVG, here.

    Returns:
        The capacities of each table of comparable runs, with `frame()` and `curves()`.

    Raises:
        SpecError: a level out of range, or fewer than two numbers of edits.
        ResultError: there is no run, the task has no axes, or there is nothing to draw.
    """
    from iceb.leaderboard.capacity import LEVELS, capacity_of
    from iceb.report.site.boards import make_boards
    from iceb.report.site.read_runs import read_runs

    _check(level, counts)
    wanted, levels = tuple(sorted(set(counts))), tuple(dict.fromkeys(level or LEVELS))
    found, left_out = read_runs(paths_of(runs))
    boards = make_boards(found)
    taken = [
        (board.title, capacity_of(board.table, wanted or _declared_counts(board.table), levels)) for board in boards
    ]
    kept = tuple((title, each) for title, each in taken if each is not None)
    if not kept:
        _refuse(boards[0].table)
    figure = None if out is None else _draw(Path(out), kept[0][1])
    return Capacities(kept, tuple(left_out), figure)


def _check(level: Sequence[float], counts: Sequence[int]) -> None:
    for each in level:
        if not 0 < each <= 1:
            raise SpecError(f"`level` {each:g}: must be above 0 and at most 1")
    if counts and (len(set(counts)) < 2 or min(counts) < 1):
        said = ",".join(map(str, counts))
        raise SpecError(f"`counts` {said:.80}: must be two or more numbers of edits, each at least 1")


def _declared_counts(table: "Table") -> tuple[int, ...]:
    """The numbers of edits that the table's task declares, ranked here or not."""
    from iceb import registry

    try:
        found: tuple[int, ...] = registry.load("tasks", table.identity.task).edit_counts
    except SpecError:
        return table.counts
    return found


def _refuse(table: "Table") -> None:
    task = table.identity.task
    if table.evidence.task.axes is None:
        raise ResultError(f"task {task} names no metrics of efficacy and preservation: it has no capacities")
    raise ResultError(f"task {task} declares one number of edits: name two or more with `counts`")


def _draw(out: Path, found: "TableCapacity") -> Path:
    """Write a table's figure."""
    from iceb.base.files import write_atomic
    from iceb.leaderboard.capacity_figure import draw_table

    svg = draw_table(found.table, found, found.counts)
    if svg is None:
        raise ResultError(
            "no figure: these runs have fewer than two of the numbers of edits; run more, or name others with `counts`"
        )
    write_atomic(out, svg.encode())
    return out
