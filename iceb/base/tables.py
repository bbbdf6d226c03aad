"""Rows as a pandas frame; pandas is an extra, and is imported when a frame is asked for."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from iceb.base.errors import SpecError

if TYPE_CHECKING:
    import pandas


def frame_of(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], numbers: Sequence[str] = ()
) -> "pandas.DataFrame":
    """Make a frame of rows, one column for each name.

    Args:
        numbers: columns of floating-point numbers, in which a missing one is NaN.

    Raises:
        SpecError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise SpecError('a frame needs pandas, which is not installed: pip install "iceb[frames]"') from error
    found = pandas.DataFrame.from_records(
        [{name: row[name] for name in columns} for row in rows], columns=list(columns)
    )
    return found.astype(dict.fromkeys(numbers, "float64"))
