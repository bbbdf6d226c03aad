"""The table of per-concept statistics: what is written is read, and anything else is refused in one line."""

from dataclasses import replace

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import ResultError
from iceb.runs.table import TABLE, TableRow, decode_table, encode_table, read_table, table_record
from iceb.specs.reduction import ConceptValue

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SIDES = st.none() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.builds(ConceptValue, WORDS, WORDS, SIDES, SIDES, st.integers(1, 2**40), st.integers(0, 2**31))
ROWS = st.lists(st.builds(TableRow, WORDS, WORDS, VALUES), max_size=20)
ROW = TableRow("", "edit_score", ConceptValue("r/0", "source", 0.25, 0.5, 5))


@given(ROWS)
def test_a_table_is_read_as_written_bit_for_bit(rows):
    assert decode_table(encode_table(rows), "table") == rows


@given(ROWS)
def test_equal_rows_give_equal_bytes(rows):
    assert encode_table(rows) == encode_table(list(rows))


@pytest.fixture
def stored_table(tmp_path):
    """A table beside its record."""
    rows = [replace(ROW, metric=f"m{place}") for place in range(40)]
    data = encode_table(rows)
    path = tmp_path / TABLE
    path.write_bytes(data)
    return path, table_record(data, rows), rows


def test_a_table_is_read_by_its_record(stored_table):
    path, record, rows = stored_table
    assert read_table(path, record) == rows


def test_every_changed_byte_is_refused(stored_table):
    path, record, _ = stored_table
    data = path.read_bytes()
    for place in range(0, len(data), 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(ResultError, match=r"its sha256 is .* one of the two was changed"):
            read_table(path, record)


def test_a_table_of_another_number_of_rows_is_refused(stored_table):
    path, record, _ = stored_table
    with pytest.raises(ResultError, match="has 40 rows, the result names 41"):
        read_table(path, record.model_copy(update={"rows": 41}))


def test_a_table_that_is_not_there_is_one_line(stored_table):
    path, record, _ = stored_table
    path.unlink()
    with pytest.raises(ResultError, match=r"cannot be read \(No such file or directory\): keep it beside"):
        read_table(path, record)
    path.mkdir()
    with pytest.raises(ResultError, match="cannot be read"):
        read_table(path, record)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"nothing of the kind", encode_table([ROW])[:-9]])
def test_bytes_that_are_no_parquet_are_one_line(data):
    with pytest.raises(ResultError, match="not a table of per-concept statistics") as caught:
        decode_table(data, "table")
    assert "\n" not in str(caught.value)


def parquet(**columns):
    """A parquet file of one row: a sound one but for these columns; None leaves one out."""
    names = {"group": "", "checkpoint": "", "draw": "", "metric": "m", "part": "p", "concept": "c"}
    row = {**names, "replicate": 0, "before": 0.0, "after": 0.0, "n": 1}
    table = pyarrow.table({name: [value] for name, value in {**row, **columns}.items() if value != "left out"})
    stream = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, stream)
    return stream.getvalue().to_pybytes()


@pytest.mark.parametrize(
    "columns",
    [
        {"n": "left out"},
        {"concept": "left out"},
        {"n": 0},
        {"n": None},
        {"n": 2.5},
        {"concept": None},
        {"n": "five"},
        {"after": float("nan")},
        {"before": float("inf")},
        {"after": "high"},
    ],
)
def test_a_table_with_values_that_no_statistic_has_is_refused(columns):
    with pytest.raises(ResultError) as caught:
        decode_table(parquet(**columns), "table")
    assert "\n" not in str(caught.value)


def test_columns_of_a_newer_version_are_passed_over():
    assert decode_table(parquet(model="m"), "table") == [TableRow("", "m", ConceptValue("c", "p", 0.0, 0.0, 1))]
