"""What the tests of poisoned options and files share: poisons, cheap commands, and what a fit complaint is."""

import re

from iceb.cli.main import run

DIGITS, DEEP, HUGE = "7" * 5000, "[" * 100_000, str(10**20)
LONG = "word " * 1000
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
EVALUATE = ("evaluate", "--method", "unedited", "--task", "aice", "--num-edits", "1", "--dry-run", "--cache", "cache")
EDIT = ("edit", "--method", "prompt_swap", "--cache", "cache")


def complaint(capsys, arguments, code=2) -> str:
    """The last line on stderr of a command that must be refused, after checking that it is fit to be shown."""
    assert run(arguments) == code
    last = capsys.readouterr().err.rstrip("\n").rpartition("\n")[2]
    assert last.startswith("iceb: ")
    assert not last.startswith("iceb: unexpected")
    assert len(last) <= 1000
    assert not CONTROL.search(last)
    assert all(len(word) <= 200 for word in last.split())
    return last
