"""Choose the metrics of efficacy and preservation that a figure shows at first."""

from iceb import registry
from iceb.base.errors import SpecError
from iceb.leaderboard.columns import Column, column_of
from iceb.leaderboard.rank import Table
from iceb.specs.metrics import Metric

PRESERVED = (
    *("holdout", "preserv", "neighbour", "unrelated", "retain", "kept", "others"),
    *("bystander", "beside", "anchor"),
)  # parts of the names of roles that no edit names


def axes_of(table: Table) -> dict[str, str | None]:
    """Return the labels of a metric of efficacy and of one of preservation; None where the table has none.

    They are those that the task declares. Of another task, preservation reads prompts that no edit names, efficacy only
    such as one names; the first of each in the table's order is taken, the ranking one apart, which adds both up.
    """
    declared = table.evidence.task.axes
    if declared is not None:
        named = {"efficacy": declared.efficacy, "preservation": declared.preservation}
        columns = {kind: column_of(table.columns, metric) for kind, metric in named.items()}
        return {kind: column.label if column is not None else None for kind, column in columns.items()}
    first: dict[str, str | None] = {"efficacy": None, "preservation": None}
    for column in table.columns:
        kind = _kind(column)
        if kind and first[kind] is None:
            first[kind] = column.label
    return first


def _kind(column: Column) -> str | None:
    """Say what a metric is about; None for one that reads both kinds of prompts, or is not installed."""
    try:
        metric: Metric = registry.load("metrics", f"{column.key.package}/{column.key.metric}")
    except SpecError:
        return None
    kept = {_is_preserved(need.role) for need in metric.needs}
    if len(kept) != 1:
        return None
    return "preservation" if True in kept else "efficacy"


def _is_preserved(role: str) -> bool:
    return any(word in role for word in PRESERVED)
