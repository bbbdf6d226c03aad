"""`iceb capacity`: how many concepts each method can edit at once."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from iceb.base.wording import count_text
from iceb.cli.left_out import left_out_lines

if TYPE_CHECKING:
    from iceb.leaderboard.capacity import RowCapacity, TableCapacity

Levels: TypeAlias = Annotated[
    list[float] | None,
    typer.Option(
        metavar="LEVEL",
        help="What efficacy and preservation must both reach, above 0 and at most 1; may be repeated. "
        "Default: 0.5 and 0.8.",
    ),
]
Counts: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="N,N…", help="Numbers of edits that a curve needs, as in 1,10,50. Default: those the task declares."
    ),
]


def capacity(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUNS...", help="Run folders, folders of runs, or a leaderboard's results."),
    ],
    level: Levels = None,
    counts: Counts = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="An SVG file for the figure of the first table. Default: no figure."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The capacities as JSON on stdout, nothing else.")] = False,
) -> None:
    """Say how many concepts each method can edit at once.

    A method holds a number of edits as long as its efficacy and its preservation both reach a level.
    """
    from iceb.api.capacities import capacity as capacities_of
    from iceb.cli import values

    wanted = () if counts is None else values.counts(counts, "--counts")
    found = capacities_of(runs, level=level or (), counts=wanted, out=out)
    if as_json:
        documents = [document(title, each) for title, each in found.tables]
        typer.echo(json.dumps(documents, indent=2, ensure_ascii=False))
        return
    for line in left_out_lines(found.left_out):
        typer.echo(line)
    typer.echo("\n\n".join("\n".join(_lines(title, each)) for title, each in found.tables))
    if found.figure:
        others = f"; the other {count_text(len(found.tables) - 1, 'table')} are not in it"
        typer.echo(f"wrote {found.figure}{others if len(found.tables) > 1 else ''}")


def document(title: str, found: "TableCapacity") -> dict[str, Any]:
    """The capacities of one table as plain JSON.

    Numbers of edits are ranges; `most` is null where nothing bounds them.
    """
    axes = found.axes
    return {
        "title": title,
        "task": found.table.identity.task,
        "efficacy": axes.efficacy,
        "preservation": axes.preservation,
        "ceiling": axes.ceiling,
        "counts": list(found.counts),
        "rows": [_row_document(each) for each in found.rows],
    }


def _row_document(found: "RowCapacity") -> dict[str, Any]:
    from iceb.leaderboard.capacity_section import row_name

    half = found.half_life
    return {
        "row": row_name(found.row),
        "note": found.note,
        "points": [
            {
                "num_edits": point.count,
                **{name: _score(getattr(point, name)) for name in ("efficacy", "preservation")},
                "score": point.score,
            }
            for point in found.points
        ],
        "capacities": [
            {"level": each.level, "edits": _range(each.edits), "interval": _ends(each.interval), "fails": each.fails}
            for each in found.capacities
        ],
        "area": {"value": found.area.value, "interval": found.area.interval, "note": found.area.note},
        "half_life": {
            "edits": _range(half.edits) if half.edits else None,
            "interval": _ends(half.interval),
            "note": half.note,
        },
    }


def _score(score: Any) -> dict[str, float | None]:
    ends = score.scatter
    return {"value": score.value, "low": ends.low if ends else None, "high": ends.high if ends else None}


def _range(edits: Any) -> dict[str, float | None]:
    return {"least": edits.least, "most": edits.most if edits.most < float("inf") else None}


def _ends(ends: Any) -> list[dict[str, float | None]] | None:
    return None if ends is None else [_range(each) for each in ends]


def _lines(title: str, found: "TableCapacity") -> list[str]:
    """The table of the terminal, with what its numbers are."""
    from iceb.leaderboard.capacity_section import cells_of, explain, headings, row_name

    rows = [each for each in found.rows if each.points]
    table = [["method", *headings(found)], *([row_name(each.row), *cells_of(each)] for each in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in table]
    lines += [f"{row_name(each.row)}: no capacity ({each.note})" for each in found.rows if not each.points]
    return [title, *lines, "", *explain(found)]
