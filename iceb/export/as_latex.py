"""Tables as LaTeX: bold only what paired tests prove best, intervals, citations, commands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from iceb.base.digest import digest
from iceb.base.errors import ResultError
from iceb.base.files import write_atomic
from iceb.base.numbers import number_text
from iceb.base.readers import explain_reading
from iceb.base.wording import edits_text
from iceb.export.asking import ExportAsk, Exported
from iceb.export.citations import NOTICE, bib_key, bibliography, papers_of, task_paper
from iceb.export.latex_text import comment, latex, number
from iceb.export.proven import Proof, columns_at
from iceb.leaderboard.columns import Column
from iceb.leaderboard.rank import Ranked
from iceb.leaderboard.render import draws_at
from iceb.report.site.boards import Board
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result
from iceb.specs.shown_intervals import shown_interval

PREAMBLE = (
    r"\usepackage{booktabs} in the preamble; \input this file; the entries that \cite names lie in %s",
    "bold: no row is proven better by the paired tests, and this one is proven better than every row outside its",
    "tie groups of that column, of which there is at least one (Holm over the pairs of ranked rows); the letters show",
    "those of the ranks alone; nothing is bold where no test pairs some ranked row's value with the others",
)
MISSING = "--"
REMEDY = "name another file with `out`"
CAPTION = (
    r"%s%s on %s, %s. Mean with its 95\,\%% interval; $\uparrow$: higher is better, $\downarrow$: lower. Ranks are "
    "by %s, as the range that paired tests leave open; rows with a letter in common are not told apart in it. Bold: "
    "proven better than every row outside its tie groups of that column; those of the columns not ranked by are not "
    "shown."
)


@dataclass(frozen=True)
class _Table:
    """One table of the file: a board at one number of edits."""

    board: Board
    proof: Proof
    count: int
    columns: tuple[Column, ...]

    @property
    def entries(self) -> Sequence[Ranked]:
        return self.board.table.ranked[self.count]


def write_latex(boards: Sequence[Board], out: Path, ask: ExportAsk) -> Exported:
    """Write a table for each board and number of edits, and the entries of what they cite beside them.

    Raises:
        ResultError: `out` ends in .bib, or a .bib beside it is none that an export wrote.
        StoreError: a file cannot be written.
    """
    beside = _bib_beside(out)
    tables = [
        _Table(board, proof, count, tuple(columns_at(board, count, ask.metrics)))
        for board, proof in ((board, Proof(board)) for board in boards)
        for count in reversed(board.table.counts)
    ]
    head = [comment(line % beside.name if "%s" in line else line) for line in PREAMBLE]
    parts = ["\n".join(head), *("\n".join(_lines(table)) for table in tables)]
    write_atomic(out, ("\n\n".join(parts) + "\n").encode())
    write_atomic(beside, bibliography(papers_of(boards)).encode())
    return Exported((out, beside), len(tables), "table")


def _bib_beside(out: Path) -> Path:
    """The file of entries beside the tables.

    Raises:
        ResultError: it is the tables' own file, or somebody else's.
    """
    if out.suffix.lower() == ".bib":
        raise ResultError(f"{out}: is where the entries would stand; name a file of another ending with `out`")
    beside = out.with_suffix(".bib")
    if not beside.exists():
        return beside
    with explain_reading(str(beside), ResultError, REMEDY):
        is_ours = beside.read_bytes().startswith(NOTICE.encode())
    if not is_ours:
        raise ResultError(f"{beside} is not an export's, and would be replaced: {REMEDY}")
    return beside


def _lines(table: _Table) -> Iterator[str]:
    yield from _comments(table)
    yield r"\begin{table}"
    yield r"\centering"
    yield rf"\caption{{{_caption(table)}}}"
    yield rf"\label{{tab:{table.board.name}-{table.count}}}"
    yield rf"\begin{{tabular}}{{lll{'r' * len(table.columns)}}}"
    yield r"\toprule"
    yield _row("method", "rank", "ties", *(_heading(column) for column in table.columns))
    yield r"\midrule"
    yield from _rows(table)
    yield r"\bottomrule"
    yield r"\end{tabular}"
    if reasons := _reasons(table):
        yield rf"\par\smallskip{{\footnotesize No rank: {reasons}.}}"
    yield r"\end{table}"


def _comments(table: _Table) -> Iterator[str]:
    """The commands that make the rows, and a digest of the tables that the numbers were computed from."""
    results = [entry.row.cells[table.count].first for entry in table.entries]
    known = sorted(result.per_concept.sha256 for result in results if result.per_concept is not None)
    yield comment(f"sha256 of the digests of these rows' tables: {digest(known)}")
    for entry, result in zip(table.entries, results, strict=True):
        commit = result.provenance.commit
        code = f"commit {commit[:12]}" if commit else "no commit recorded"
        yield comment(f"{_label(entry)}: {result.provenance.command} ({code}, run {result.id})")


def _caption(table: _Table) -> str:
    board, paper = table.board, task_paper(table.board)
    headline = board.table.headline
    return CAPTION % (
        latex(board.table.title),
        rf"~\cite{{{bib_key(paper)}}}" if paper else "",
        latex(board.table.identity.repo),
        latex(edits_text(table.count, draws_at(board.table, table.count))),
        latex(headline.label) if headline else "nothing",
    )


def _heading(column: Column) -> str:
    return f"{latex(column.label)} ${chr(92)}{'uparrow' if column.higher_is_better else 'downarrow'}$"


def _rows(table: _Table) -> Iterator[str]:
    """The rows, ranked ones first, each group under a rule of its own."""
    bold = [table.proof.best(column, table.count) for column in table.columns]
    earlier: tuple[bool, bool] | None = None
    for place, entry in enumerate(table.entries):
        group = (entry.rank is not None, entry.row.control)
        if earlier is not None and group != earlier:
            yield r"\midrule"
        earlier = group
        result = entry.row.cells[table.count].first
        columns = zip(table.columns, bold, strict=True)
        yield _row(
            latex(_label(entry)) + (rf"~\cite{{{bib_key(entry.row.paper)}}}" if entry.row.paper else ""),
            latex(entry.rank.text) if entry.rank else MISSING,
            latex(entry.rank.groups) if entry.rank else MISSING,
            *(_score(entry.row.score(each, table.count), each, result, place in best) for each, best in columns),
        )


def _row(*cells: str) -> str:
    return " & ".join(cells) + r" \\"


def _label(entry: Ranked) -> str:
    row = entry.row
    return row.named.label(row.method if row.package == "iceb" else f"{row.method} ({row.package})")


def _score(score: ScoreRecord | None, column: Column, result: Result, best: bool) -> str:
    """A value with its interval, in bold where it is proven best."""
    if score is None or score.value is None:
        return MISSING
    value = number(number_text(score.value, column.decimals))
    shown = rf"\textbf{{{value}}}" if best else value
    found = shown_interval(score, result)
    if found is None:
        return shown
    low, high = (number(number_text(end, column.decimals)) for end in (found.low, found.high))
    return rf"{shown} {{\footnotesize {{[}}{low}, {high}{{]}}}}"


def _reasons(table: _Table) -> str:
    """Say which rows have no rank, and why."""
    if table.board.unranked:
        return latex(table.board.unranked)
    if table.count not in table.board.table.declared:
        return "the task ranks nothing at this number of edits"
    return "; ".join(f"{latex(_label(entry))} ({latex(entry.reason)})" for entry in table.entries if not entry.rank)
