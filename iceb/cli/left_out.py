"""Name the runs that a command left out: the first few with reasons, and the number of the others."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from iceb.base.wording import count_text
from iceb.cli.option_names import with_options

if TYPE_CHECKING:
    from iceb.report.site.read_runs import LeftOut

SHOWN = 5  # that the terminal names


def left_out_lines(left: "Sequence[LeftOut]", where: str = "") -> Iterator[str]:
    """Yield a line for each of the first runs, and one that counts the others.

    Args:
        where: all of them are listed, ", listed on the page"; "" where they are listed nowhere.
    """
    yield from (f"left out {each.path}: {with_options(each.reason)}" for each in left[:SHOWN])
    if (more := len(left) - SHOWN) > 0:
        yield f"left out {count_text(more, 'more run')}{where}"
