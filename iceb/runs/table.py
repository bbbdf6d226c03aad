"""The parquet table of per-concept statistics, from which every score can be recomputed."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iceb.base.digest import digest_bytes
from iceb.base.errors import ResultError
from iceb.base.messages import quote
from iceb.base.readers import explain_reading
from iceb.specs.records import ScoreRecord, TableRecord
from iceb.specs.reduction import ConceptValue
from iceb.specs.results import Result

if TYPE_CHECKING:
    import pyarrow

TABLE = "per_concept.parquet"
COLUMNS = {  # name → Arrow's name of its type
    "group": "string",
    "checkpoint": "string",
    "draw": "string",
    "metric": "string",
    "part": "string",
    "concept": "string",
    "replicate": "int64",
    "before": "double",
    "after": "double",
    "n": "int64",
}
MAY_BE_NULL = ("before", "after")
MOST_BYTES = 256 * 2**20  # limit for a submitted table
MOST_ROWS = 5_000_000


@dataclass(frozen=True, slots=True)
class TableRow:
    """One concept's statistic in one metric, at one group of checkpoints."""

    group: str
    metric: str
    value: ConceptValue


def last_group_rows(result: Result, rows: Iterable[TableRow]) -> list[TableRow]:
    """The rows of the last group of checkpoints, whose scores are the result's own."""
    earlier = {checkpoint.group for checkpoint in result.checkpoints}
    return [row for row in rows if row.group not in earlier]


def encode_table(rows: Sequence[TableRow]) -> bytes:
    """Encode a table as a parquet file."""
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([(name, pyarrow.type_for_alias(kind)) for name, kind in COLUMNS.items()])
    table = pyarrow.Table.from_pylist([_document(row) for row in rows], schema)
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def _document(row: TableRow) -> dict[str, Any]:
    value = row.value
    return {
        "group": row.group,
        "checkpoint": value.checkpoint,
        "draw": value.draw,
        "metric": row.metric,
        "part": value.part,
        "concept": value.concept,
        "replicate": value.replicate,
        "before": value.before,
        "after": value.after,
        "n": value.n,
    }


def table_record(data: bytes, rows: Sequence[TableRow]) -> TableRecord:
    """Make the record of the table that a result holds."""
    return TableRecord(sha256=digest_bytes(data), rows=len(rows))


def with_metrics(
    result: Result,
    table: Sequence[TableRow],
    groups: Sequence[Sequence[ScoreRecord]],
    rows: Sequence[TableRow],
    names: Sequence[str],
) -> tuple[Result, bytes]:
    """Add metrics of another computation of the same run to a result; return it with its table's file.

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
    """Decode the rows of a parquet file.

    Raises:
        ResultError: it is no parquet, its columns are not those of such a table, or it holds a value that no statistic
            may have.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        if file.metadata.num_rows > MOST_ROWS:  # a few bytes can hold millions of equal rows
            raise ResultError(f"{where}: has {file.metadata.num_rows} rows; no table of a run has over {MOST_ROWS}")
        table = file.read()
        if problem := _wrong_column(table):
            raise ResultError(f"{where}: {problem}")
        return _rows(table)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise ResultError(f"{where}: not a table of per-concept statistics ({quote(str(error))})") from error


def _wrong_column(table: "pyarrow.Table") -> str | None:
    """Return what is wrong with a table's columns."""
    for name, kind in COLUMNS.items():
        if table.column_names.count(name) != 1:
            return f"has {table.column_names.count(name)} columns {name!r}: must have one"
        column = table.column(name)
        if str(column.type) != kind:
            return f"column {name!r} is of type {quote(str(column.type), 40)}: must be {kind}"
        if column.null_count and name not in MAY_BE_NULL:
            return f"column {name!r} has {column.null_count} empty cells: must have none"
    return None


def _rows(table: "pyarrow.Table") -> list[TableRow]:
    names = ("group", "metric", "concept", "part", "before", "after", "n", "replicate", "checkpoint", "draw")
    cells = zip(*(_cells(table.column(name)) for name in names), strict=True)
    return [TableRow(group, metric, ConceptValue(*value)) for group, metric, *value in cells]


def _cells(column: "pyarrow.ChunkedArray") -> list[Any]:
    """A column's cells, equal texts as one object: a tenth of the memory, and found faster in a dict."""
    if str(column.type) != COLUMNS["group"]:
        plain: list[Any] = column.to_pylist()
        return plain
    encoded = column.combine_chunks().dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    return [texts[place] for place in encoded.indices.to_pylist()]


def read_table_file(path: Path) -> bytes:
    """Read the bytes of a table's file.

    Raises:
        ResultError: the file is missing or too large.
    """
    with explain_reading(str(path), ResultError, "keep it beside the result it belongs to", ValueError):
        if path.stat().st_size > MOST_BYTES:
            raise ResultError(f"{path}: is larger than {MOST_BYTES} bytes; no table of a run is")
        return path.read_bytes()


def checked_table(data: bytes, record: TableRecord, where: str) -> list[TableRow]:
    """Decode a table after comparing it with its record in the result.

    Raises:
        ResultError: it is not the one the result names, or no such table.
    """
    found = digest_bytes(data)
    if found != record.sha256:
        raise ResultError(
            f"{where}: its sha256 is {found[:12]}…, the result names {record.sha256[:12]}…: one of the two was changed"
        )
    rows = decode_table(data, where)
    if len(rows) != record.rows:
        raise ResultError(f"{where}: has {len(rows)} rows, the result names {record.rows}")
    return rows


def read_table(path: Path, record: TableRecord) -> list[TableRow]:
    """Read the table that a result names.

    Raises:
        ResultError: the file is missing, too large, not the one the result names, or is no such table.
    """
    return checked_table(read_table_file(path), record, str(path))
