"""Turn a table into the page's data: rows, cells, scores with intervals, places and commands."""

import json
from collections.abc import Mapping
from typing import Any

from iceb import registry
from iceb.base.digest import plain
from iceb.base.errors import SpecError
from iceb.leaderboard.capacity import capacity_of
from iceb.leaderboard.capacity_section import cells_of, explain, headings, row_name
from iceb.leaderboard.columns import Column
from iceb.leaderboard.rank import Ranked, Row, Table
from iceb.leaderboard.row_lines import degenerate, relative_change
from iceb.report.meanings import meaning_of
from iceb.report.site.boards import Board
from iceb.report.site.pareto import axes_of
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.shown_intervals import shown_interval

DIGITS = 6  # significant digits of a number in the page's data


def board_document(board: Board) -> dict[str, Any]:
    """Return everything the page shows of a board but images and concepts."""
    table = board.table
    return {
        "name": board.name,
        "title": board.title,
        "sensitive": board.sensitive,
        "unranked": board.unranked,
        "older": board.older,
        "note": table.note,
        "headline": table.headline.label if table.headline else None,
        "metrics": [_metric(column) for column in table.columns],
        "axes": axes_of(table),
        "capacity": _capacity(table),
        "counts": list(table.counts),
        "main": table.main,
        "declared": [count for count in table.declared if count in table.counts],
        "rows": [_row(board, place, row) for place, row in enumerate(table.order)],
    }


def _capacity(table: Table) -> dict[str, Any] | None:
    """Return the rows' capacities as text, with what each number is; None where no row has any."""
    found = capacity_of(table)
    rows = [each for each in found.rows if each.points] if found is not None else []
    if found is None or not rows:
        return None
    cells = [[row_name(each.row), *cells_of(each)] for each in rows]
    return {"heads": ["method", *headings(found)], "rows": cells, "says": explain(found)}


def _metric(column: Column) -> dict[str, Any]:
    said, unit = _meaning(column)
    return {
        "label": column.label,
        "higher": column.higher_is_better,
        "decimals": column.decimals,
        "says": said,
        "unit": unit,
    }


def _meaning(column: Column) -> tuple[str, str]:
    """Return a metric's definition and unit; of one that is not installed nothing is known."""
    try:
        entry = registry.find("metrics", f"{column.key.package}/{column.key.metric}")
        metric = entry.load()
        return meaning_of(entry, metric).first_sentence, str(metric.unit)
    except SpecError:
        return "This metric is not installed here.", ""


def _row(board: Board, place: int, row: Row) -> dict[str, Any]:
    return {
        "label": row.named.label(row.method if row.package == "iceb" else f"{row.method} ({row.package})"),
        "method": row.method,
        "version": row.version,
        "control": row.control,
        "fidelity": row.fidelity,
        "paper": row.paper,
        "recipe": row.recipe,
        "params": json.dumps(plain(row.params), sort_keys=True, ensure_ascii=False),
        "cells": {str(count): _cell(board, place, row, count) for count in row.cells},
    }


def _cell(board: Board, place: int, row: Row, count: int) -> dict[str, Any]:
    result = board.runs[place, count].result
    origin, cell = result.provenance, row.cells[count]
    return {
        **_standing(board.table, row, count),
        "run": result.id,
        "status": result.status,
        "scores": {column.label: _score(row.score(column, count), cell.first) for column in board.table.columns},
        "seeds": result.replicates,
        "draws": result.draws,
        "degenerate": degenerate(cell),
        "change": relative_change(cell),
        "seconds": round_number(result.cost.edit_seconds),
        "command": origin.command,
        "origin": f"{_commit(origin.commit, origin.dirty)}, {origin.device}, {origin.finished[:10]}",
    }


def _commit(commit: str | None, dirty: bool | None) -> str:
    if not commit:
        return "no commit recorded"
    return f"commit {commit[:12]}{' with uncommitted changes' if dirty else ''}"


def _standing(table: Table, row: Row, count: int) -> dict[str, Any]:
    """Return the ranks that a row may have and its tie groups, or why it has none."""
    entries = table.ranked[count]
    mine: Ranked = next(entry for entry in entries if entry.row is row)
    first, groups = (mine.rank.first, mine.rank.groups) if mine.rank else (None, "")
    return {"rank": first, "place": mine.place, "ties": groups, "order": entries.index(mine)}


def _score(score: ScoreRecord | None, result: Result) -> list[Any] | None:
    """Return value, standard error, interval, sides, images, concepts, failed images and note."""
    if score is None:
        return None
    found = shown_interval(score, result)
    ends = (found.low, found.high) if found is not None else (None, None)
    numbers = (score.value, score.shown_error, *ends, score.before, score.after)
    return [*map(round_number, numbers), score.n, score.concepts, score.failed, score.note]


def round_number(number: float | None, digits: int = DIGITS) -> float | None:
    """Round to the significant digits that the page may show.

    >>> round_number(0.123456789), round_number(None)
    (0.123457, None)
    """
    return None if number is None else float(f"{number:.{digits}g}")


def encode_script(name: str, document: Mapping[str, Any]) -> str:
    """Write data as a script that hands it to the page, for `file:` pages may read no other file.

    Nothing in it can end the script or start a comment: "<" and the two line separators of Unicode are escaped.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for mark in "<\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return f"Iceb.data({json.dumps(name)},{text});\n"
