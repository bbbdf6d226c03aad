"""Name the controls that score above every edit of a table, which have no rank that would say so."""

from collections.abc import Iterator

from iceb.base.numbers import number_text
from iceb.leaderboard.columns import Column
from iceb.leaderboard.markdown import code
from iceb.leaderboard.rank import Table


def controls_above(table: Table, headline: Column) -> list[str]:
    """The paragraph below a table's headlines; none where no control scores above all other rows."""
    found = [
        f"at {count} {', '.join(names)}" for count in table.declared if (names := list(_above(table, headline, count)))
    ]
    return [f"Controls that score above every other row: {'; '.join(found)}."] if found else []


def _above(table: Table, headline: Column, count: int) -> Iterator[str]:
    """Each such control at a number of edits with its score, the best first."""
    sign = 1.0 if headline.higher_is_better else -1.0
    scores = [(row, score.value) for row in table.order if (score := row.score(headline, count)) is not None]
    known = [(row, value) for row, value in scores if value is not None]
    best = max((sign * value for row, value in known if not row.control), default=None)
    if best is None:
        return
    for row, value in sorted(known, key=lambda each: -sign * each[1]):
        if row.control and sign * value > best:
            yield f"{code(row.method)} ({number_text(value, headline.decimals)})"
