"""The table of per-concept statistics beside a result, as parquet: what every score can be computed from again."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iceb.base.digest import digest_bytes
from iceb.base.errors import IcebError, ResultError
from iceb.specs.records import ScoreRecord, TableRecord
from iceb.specs.reduction import ConceptValue
from iceb.specs.results import Result

TABLE = "per_concept.parquet"
COLUMNS = ("group", "metric", "part", "concept", "replicate", "before", "after", "n")
MOST_BYTES = 256 * 2**20  # of a table that somebody hands in


@dataclass(frozen=True, slots=True)
class TableRow:
    """One concept's statistic in one metric, at one group of checkpoints."""

    group: str
    metric: str
    value: ConceptValue


def encode_table(rows: Sequence[TableRow]) -> bytes:
    """The parquet file of a table."""
    import pyarrow
    import pyarrow.parquet

    text, number, count = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    columns: dict[str, tuple[Any, list[Any]]] = {
        "group": (text, [row.group for row in rows]),
        "metric": (text, [row.metric for row in rows]),
        "part": (text, [row.value.part for row in rows]),
        "concept": (text, [row.value.concept for row in rows]),
        "replicate": (count, [row.value.replicate for row in rows]),
        "before": (number, [row.value.before for row in rows]),
        "after": (number, [row.value.after for row in rows]),
        "n": (count, [row.value.n for row in rows]),
    }
    table = pyarrow.table({name: pyarrow.array(values, kind) for name, (kind, values) in columns.items()})
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def table_record(data: bytes, rows: Sequence[TableRow]) -> TableRecord:
    """What a result says of its table."""
    return TableRecord(sha256=digest_bytes(data), rows=len(rows))


def with_metrics(
    result: Result,
    table: Sequence[TableRow],
    groups: Sequence[Sequence[ScoreRecord]],
    rows: Sequence[TableRow],
    names: Sequence[str],
) -> tuple[Result, bytes]:
    """A result with some metrics of another computation of the same run, and the file of its table.

    Args:
        result: what is added to.
        table: its table.
        groups: the other scores of each group of checkpoints, in order, the headline's last.
        rows: the table they stand on.
        names: the metrics that are added.
    """
    whole = [*table, *(row for row in rows if row.metric in names)]
    *earlier, last = [tuple(score for score in scores if score.metric in names) for scores in groups]
    checkpoints = tuple(
        each.model_copy(update={"scores": (*each.scores, *added)})
        for each, added in zip(result.checkpoints, earlier, strict=True)
    )
    data = encode_table(whole)
    record = table_record(data, whole)
    scores = (*result.scores, *last)
    return result.model_copy(update={"scores": scores, "checkpoints": checkpoints, "per_concept": record}), data


def decode_table(data: bytes, where: str) -> list[TableRow]:
    """The rows of a parquet file.

    Raises:
        ResultError: it is no parquet, lacks a column, or holds a value that no statistic may have.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(data), columns=list(COLUMNS))
        if missing := [name for name in COLUMNS if name not in table.column_names]:
            raise ResultError(f"{where}: lacks the column {missing[0]}")
        return [_row(row) for row in table.to_pylist()]
    except (pyarrow.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, IcebError) and not isinstance(error, ValueError):
            raise
        raise ResultError(f"{where}: not a table of per-concept statistics ({_one_line(error)})") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _row(row: dict[str, Any]) -> TableRow:
    value = ConceptValue(
        str(row["concept"]), str(row["part"]), row["before"], row["after"], int(row["n"]), int(row["replicate"])
    )
    return TableRow(str(row["group"]), str(row["metric"]), value)


def read_table(path: Path, record: TableRecord) -> list[TableRow]:
    """The rows of the table that a result names.

    Raises:
        ResultError: the file is missing, too large, not the one the result names, or is no such table.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ResultError(f"{path}: is larger than {MOST_BYTES} bytes; no table of a run is")
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise ResultError(f"{path}: cannot be read ({reason}): keep it beside the result it belongs to") from error
    found = digest_bytes(data)
    if found != record.sha256:
        raise ResultError(
            f"{path}: its sha256 is {found[:12]}…, the result names {record.sha256[:12]}…: one of the two was changed"
        )
    rows = decode_table(data, str(path))
    if len(rows) != record.rows:
        raise ResultError(f"{path}: has {len(rows)} rows, the result names {record.rows}")
    return rows
