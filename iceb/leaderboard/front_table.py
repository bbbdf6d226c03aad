"""The README's table: columns of one leaderboard page, between two HTML comments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from iceb.base.errors import ResultError
from iceb.leaderboard.columns import Column
from iceb.leaderboard.markdown import MISSING, markdown_table
from iceb.leaderboard.rank import Row, Table
from iceb.leaderboard.render import NO_RESULTS, row_label, score_text, score_with_rank

FRONT = "../README.md"  # the README's path from the leaderboards folder
OPENING = re.compile(r"<!-- table of (?P<page>\S+): (?P<metrics>[^<>]+) at (?P<counts>\d[\d, ]*) edits; [^<>]+ -->\n")
CLOSING = "<!-- end of table -->"
DESCRIPTIONS = "docs/methods"  # a page for each method of ours


@dataclass(frozen=True)
class FrontPage:
    """A README whose opening comment asks for a table.

    Attributes:
        text: of the whole file.
        page: the file name of the leaderboard page that the columns are taken from.
        metrics: a column each.
        counts: numbers of edits; the metrics stand at each.
        start, end: the place of the table in the text.
    """

    text: str
    page: str
    metrics: tuple[str, ...]
    counts: tuple[int, ...]
    start: int
    end: int

    @classmethod
    def read(cls, folder: Path) -> "FrontPage | None":
        """The README beside a leaderboards folder; None unless it asks for a table of this folder.

        Raises:
            ResultError: the comment that ends the table is missing.
        """
        path = folder / FRONT
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        found = OPENING.search(text)
        if found is None or (path.parent / found["page"]).parent.resolve() != folder.resolve():
            return None
        end = text.find(CLOSING, found.end())
        if end < 0:
            raise ResultError(f"README.md: the comment {found[0].strip()!r} has no {CLOSING!r} below it: add that line")
        metrics, counts = (re.split(r", *", found[name].strip()) for name in ("metrics", "counts"))
        return cls(text, Path(found["page"]).name, tuple(metrics), tuple(map(int, counts)), found.end(), end)

    def with_table(self, tables: Sequence[Table]) -> str:
        """The README with its table made anew: of several tables of the page, the one with most rows.

        Raises:
            ResultError: the comment names a metric that the table has not.
        """
        table = max(tables, key=lambda table: len(table.order), default=None)
        body = NO_RESULTS if table is None else self._table(table)
        return f"{self.text[: self.start]}\n{body}\n\n{self.text[self.end :]}"

    def _table(self, table: Table) -> str:
        columns = [(self._column(table, metric), count) for count in self.counts for metric in self.metrics]
        header = ["method", *(f"{column.heading} {count}" for column, count in columns)]
        rows = [row for row in table.order if set(row.cells) & set(self.counts)]
        lines = [[_link(row), *(_score(table, row, column, count) for column, count in columns)] for row in rows]
        return markdown_table(header, lines, numbers_from=1)

    def _column(self, table: Table, metric: str) -> Column:
        if table.headline is not None and table.headline.key.metric == metric:
            return table.headline
        for column in table.columns:
            if column.key.metric == metric:
                return column
        known = ", ".join(dict.fromkeys(column.key.metric for column in table.columns))
        raise ResultError(f"README.md asks for a column {metric!r} of {self.page}: choose among {known}")


def _score(table: Table, row: Row, column: Column, count: int) -> str:
    """A score; with its rank in the column that ranks."""
    if column == table.headline and count in table.ranked:
        return score_with_rank(table, row, column, count)
    return score_text(row.score(column, count), column) if count in row.cells else MISSING


def _link(row: Row) -> str:
    return f"[{row_label(row)}]({DESCRIPTIONS}/{row.method}.md)" if row.package == "iceb" else row_label(row)
