"""Write the parts of docs/published_orders.md: totals, counts, and each table beside our rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import fill
from typing import TypeAlias

from iceb.leaderboard.known_floor import FLOOR
from iceb.leaderboard.markdown import MISSING, cell, markdown_table
from iceb.leaderboard.rank import NO_BETTER
from tools.comparison.page import number_text
from tools.comparison.published_orders import STAYS, Beside, Comparison, Two, is_certain, is_swapped


@dataclass(frozen=True)
class Standing:
    """The fidelity of one of our rows, and why it has no rank.

    Attributes:
        reason: why it has no rank on its page; "" where it has one.
        fidelity: to its authors' code.
    """

    reason: str
    fidelity: str


Standings: TypeAlias = Mapping[tuple[str, str, int], Standing]  # by task, row and edits

WIDTH = 120  # of a line of text
COUNTED = {  # of a comparison → as a column is headed
    "pairs": "pairs",
    "swaps": "swaps",
    "certain_swaps": "certain swaps",
    "certain_agreements": "certain agreements",
    "apart": "apart",
    "certain_swaps_apart": "certain swaps apart",
    "certain_agreements_apart": "certain agreements apart",
}
TOTALS = (
    "Of {pairs} pairs of methods that count, {swaps} are swapped on mini, {certain_swaps} of them for certain, and "
    "{certain_agreements} agree for certain. {apart} more are apart, for the row that wins them is {no_better}, or "
    "could not be tested: {certain_swaps_apart} of them are swapped for certain, and {certain_agreements_apart} agree "
    "for certain. Of the {rows} rows compared here {unranked} have no rank on their own page, for the reason in "
    "brackets behind their names: the order of rows whose images are ruined, or that are not told apart from "
    "`{floor}`, says little about the methods."
)
ONE_PAIR = "All pairs of {task} are of {methods}, by {scores} at {counts}"
ONE_QUESTION = ": one question, which of the two keeps more"


def place(found: Comparison) -> tuple[str, str, str, int]:
    """The place of a comparison on the page: scores of one table at one number of edits stand together."""
    return found.table.task, found.table.paper, found.table.figure, found.num_edits


def totals(found: Sequence[Comparison], standings: Standings) -> list[str]:
    """The totals in words, and by task in a table."""
    rows = _rows(found)
    unranked = sum(_has_no_rank(standings, row) for row in rows)
    words = {"no_better": NO_BETTER, "floor": FLOOR}
    text = fill(TOTALS.format(**_counts(found), **words, rows=len(rows), unranked=unranked), WIDTH)
    header = ["task", "methods in pairs", *COUNTED.values(), "rows", "without a rank"]
    lines, alone = [], []
    for task, group in groupby(found, lambda each: each.table.task):
        of_task = list(group)
        lines.append([task, str(len(_method_pairs(of_task))), *_numbers(of_task, standings)])
        alone += _one_pair(task, of_task)
    lines.append(["**all**", "", *_numbers(found, standings)])
    return [text, *(["\n".join(alone)] if alone else []), markdown_table(header, lines, numbers_from=1)]


def _rows(found: Sequence[Comparison]) -> set[tuple[str, str, int]]:
    return {(each.table.task, method.row, each.num_edits) for each in found for method in each.methods}


def _has_no_rank(standings: Standings, row: tuple[str, str, int]) -> bool:
    return row in standings and bool(standings[row].reason)


def _counts(found: Sequence[Comparison]) -> dict[str, int]:
    return {name: sum(len(getattr(each, name)) for each in found) for name in COUNTED}


def _numbers(found: Sequence[Comparison], standings: Standings) -> list[str]:
    rows = _rows(found)
    unranked = sum(_has_no_rank(standings, row) for row in rows)
    return [str(value) for value in (*_counts(found).values(), len(rows), unranked)]


def _method_pairs(found: Sequence[Comparison]) -> set[tuple[str, ...]]:
    """The pairs of printed methods, each once over all scores and numbers of edits."""
    return {tuple(sorted(each.printed for each in pair)) for one in found for pair in one.own_pairs}


def _one_pair(task: str, found: Sequence[Comparison]) -> list[str]:
    """Say of a task that all its pairs are of the same two methods; [] where they are not."""
    pairs = _method_pairs(found)
    if len(pairs) != 1:
        return []
    (names,) = pairs
    scores, counts = len({each.metric for each in found}), len({each.num_edits for each in found})
    words = f"{counts} numbers of edits" if counts > 1 else "one number of edits"
    asked = f"{scores} scores" if scores > 1 else "one score"
    text = ONE_PAIR.format(task=task, methods=" and ".join(names), scores=asked, counts=words)
    return [f"- {text}{ONE_QUESTION if all(each.metric in STAYS for each in found) else ''}."]


def overview(found: Sequence[Comparison]) -> str:
    """The counts of every table's scores."""
    header = ["task", "table", "score", "edits", "methods", *COUNTED.values()]
    lines = [
        [
            each.table.task,
            cell(each.table.paper),
            f"{cell(each.score)} (`{each.metric}`)",
            str(each.num_edits),
            str(len(each.methods)),
            *(str(count) for count in _counts([each]).values()),
        ]
        for each in found
    ]
    return markdown_table(header, lines, numbers_from=3)


def table_part(scores: Sequence[Comparison], standings: Standings) -> list[str]:
    """The part about one table at one number of edits: its numbers beside ours, and the orders."""
    first = scores[0]
    at = f"{first.num_edits} edits" if first.num_edits > 1 else "1 edit"
    alone = ", each alone" if first.num_edits != first.printed_edits else ""
    head = f"### {cell(first.table.paper)}, {cell(first.table.figure)}, at {at}{alone}"
    words = (word for each in scores for word in (first.table.heading(each.score), each.metric))
    header = [cell(word) for word in ("method", "row", "fidelity", *words)]
    rows: dict[tuple[str, str], dict[str, Beside]] = {}
    for each in scores:
        for method in (*each.methods, *([each.control] if each.control else [])):
            rows.setdefault((method.printed, method.row), {})[each.score] = method
    lines = [
        [
            cell(printed),
            *_row_cells(row, standings.get((first.table.task, row, first.num_edits))),
            *(text for each in scores for text in _cells(values.get(each.score))),
        ]
        for (printed, row), values in rows.items()
    ]
    return [head, markdown_table(header, lines, numbers_from=3), "\n".join(_order(each) for each in scores)]


def _row_cells(row: str, standing: Standing | None) -> tuple[str, str]:
    """A row's name with the reason why it has no rank, and its fidelity."""
    if standing is None:
        return cell(row), MISSING
    return cell(row) + (f" ({cell(standing.reason)})" if standing.reason else ""), standing.fidelity or MISSING


def _cells(method: Beside | None) -> list[str]:
    if method is None or method.value is None:
        return [MISSING, MISSING]
    interval = method.interval
    within = f" [{number_text(interval[0])}, {number_text(interval[1])}]" if interval else ""
    return [f"{method.published:.10g}", number_text(method.value) + within]


def _order(found: Comparison) -> str:
    """Both orders in a line, with the pairs that are swapped or apart."""
    published, mini = (", ".join(found.order(side)) for side in ("published", "value"))
    text = f"- by {cell(found.score)}: published {published}; mini {mini}"
    text += f"; swapped: {', '.join(map(_pair_text, found.swaps))}" if found.swaps else ""
    apart = [f"{_pair_text(pair)} ({'swapped' if is_swapped(*pair) else 'agree'})" for pair in found.apart]
    return text + (f"; apart: {', '.join(apart)}" if apart else "") + _without(found)


def _pair_text(pair: Two) -> str:
    """A pair in words, a certain one in bold."""
    text = " and ".join(each.printed for each in pair)
    return f"**{text}**" if is_certain(*pair) else text


def _without(found: Comparison) -> str:
    """The pairs that are counted with another table, and those that have no order here."""
    count = len(found.ordered_pairs) - len(found.own_pairs)
    tied = math.comb(len(found.methods), 2) - len(found.ordered_pairs)
    texts = [f"{count} counted with {' and '.join(map(cell, found.other_tables))}"] if count else []
    texts += [f"{tied} without an order"] if tied else []
    return f"; pairs: {', '.join(texts)}" if texts else ""
