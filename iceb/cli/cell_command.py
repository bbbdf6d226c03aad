"""Write the command that makes one cell of a sweep alone, for its result to name."""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iceb.running.plan import Ask

OF_CELLS = (  # options with a value that cells differ in, or that a sweep decides
    *("--method", "--task", "--num-edits", "--recipe", "--set", "--sweep"),
    *("--draws", "--replicates", "--budget", "--share"),
)
FLAGS = ("--json", "--dry-run")  # options without one, that change nothing of a run


def cell_command(ask: "Ask", words: Sequence[str] | None = None) -> tuple[str, ...]:
    """Turn a sweep's command into that of one of its cells.

    Args:
        words: of the sweep's command; None: of this process. One that is no `iceb evaluate` gives none of its options.

    >>> from iceb.running.plan import Ask
    >>> words = ["iceb", "evaluate", "--method", "uce,esd", "--task=aice", "--num-edits", "1,9", "--limit", "4"]
    >>> " ".join(cell_command(Ask("aice", "esd", 9, recipe="tuned", settings={"rate": 0.1}), words))
    'iceb evaluate --method esd --task aice --num-edits 9 --recipe tuned --set rate=0.1 --limit 4'
    """
    words = list(sys.argv if words is None else words)
    others = words[words.index("evaluate") + 1 :] if "evaluate" in words else []
    own = ["--method", ask.method, "--task", ask.task, "--num-edits", str(ask.num_edits)]
    own += ["--recipe", str(ask.recipe)] if ask.recipe is not None else []
    for name, value in ask.settings.items():
        own += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    for option, times in (("--draws", ask.repeats.draws), ("--replicates", ask.repeats.replicates)):
        own += [option, str(times)] if times > 1 else []
    own += ["--share", repr(ask.share)] if ask.share is not None else []
    return ("iceb", "evaluate", *own, *_others(others))


def _others(words: Sequence[str]) -> Iterator[str]:
    """Yield the options that all cells share."""
    rest = iter(words)
    for word in rest:
        option, given, _ = word.partition("=")
        if option in OF_CELLS:
            if not given:
                next(rest, None)
        elif option not in FLAGS:
            yield word
