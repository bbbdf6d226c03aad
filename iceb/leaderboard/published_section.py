"""Render a paper's numbers as a section of a leaderboard page."""

from iceb.base.wording import count_text
from iceb.leaderboard.markdown import cell, markdown_table
from iceb.leaderboard.published import Published

NOT_MEASURED = "not measured here"


def published_section(paper: Published) -> list[str]:
    """Return the paragraphs and tables of one paper: one table, or one for each metric by number of edits."""
    counts = sorted({row.num_edits for row in paper.rows})
    metrics = list(dict.fromkeys(row.metric for row in paper.rows))
    parts = [f"## Published: {paper.title} ({paper.paper})", _source(paper)]
    if paper.remarks:
        parts.append("\n".join(f"- {cell(remark)}" for remark in paper.remarks))
    if len(counts) == 1:
        header = ["method", *(cell(paper.heading(metric)) for metric in metrics)]
        parts += [
            f"### At {count_text(counts[0], 'edit')}",
            markdown_table(header, paper.table(metrics), numbers_from=1),
        ]
    else:
        parts += [part for metric in metrics for part in _by_count(paper, metric, counts)]
    if paper.notes():
        parts += ["### Notes", "\n".join(f"- {note}" for note in paper.notes())]
    return parts


def _source(paper: Published) -> str:
    """Say where the numbers are from, how they were read, and what their marks mean."""
    said = [f"{paper.source}, {NOT_MEASURED}: {paper.how_read}.", f"Protocol: {paper.protocol}."]
    if any(row.uncertainty is not None for row in paper.rows):
        said.append(f"± is {paper.spread}.")
    if not all(row.verified for row in paper.rows):
        said.append("* marks a number whose reading was not verified.")
    if paper.ours:
        said.append("In brackets stands the method of ours.")
    return " ".join(said)


def _by_count(paper: Published, metric: str, counts: list[int]) -> list[str]:
    """Return one metric's heading and its table by number of edits."""
    how = f": {paper.computed[metric]}" if metric in paper.computed else ""
    table = markdown_table(["method", *map(str, counts)], paper.lines(metric, counts), numbers_from=1)
    return [f"### {cell(paper.heading(metric))}, by number of edits{how}", table]
