"""Explain a metric, and why two rows can or cannot be compared."""

from pathlib import Path

from iceb.api.arguments import Place
from iceb.api.comparing import LEADERBOARDS
from iceb.api.reading import RunLike, path_of


def explain(name: str) -> dict[str, str]:
    """Explain a metric as `iceb explain` does: what it is, what it reads and what it does not tell.

    Args:
        name: a registered metric.

    Returns:
        Texts by what they are, in the order of reading.

    Raises:
        SpecError: there is no such metric.

    >>> explain("source_forget")["better"]
    'higher'
    """
    from iceb.report.metric_pages import explanation, metric_facts

    facts = metric_facts(name)
    return {"metric": facts.entry.full_name, "definition": facts.meaning.definition, **explanation(facts)}


def why_apart(one: RunLike, other: RunLike, *, task: str = "aice", folder: Place | None = None) -> tuple[str, ...]:
    """Say whether two rows can be compared, and if not, why, as `iceb leaderboard --why` does.

    Args:
        one, other: runs, or rows by their names on a page of the leaderboard: "uce, published", of another task than
            `task` "artists/uce, published".
        task: the task of rows that name none.
        folder: holds the leaderboard's results/; None: "leaderboards".

    Returns:
        Sentences.

    Raises:
        ResultError: there is no such run or row.
    """
    from iceb.leaderboard.why_apart import side_of
    from iceb.leaderboard.why_apart import why_apart as reasons

    names = [each if isinstance(each, str) else str(path_of(each)) for each in (one, other)]
    first, second = (side_of(name, Path(folder or LEADERBOARDS), task) for name in names)
    return tuple(reasons(first, second))
