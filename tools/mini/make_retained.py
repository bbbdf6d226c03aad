"""Write the lists of names to retain on mini: those that no task edits or scores.

python tools/mini/make_retained.py
"""

from collections.abc import Iterable
from pathlib import Path

from iceb.datasets import EMBEDDED, open_dataset
from iceb.mini.people import identities
from iceb.mini.styles import style_names

FOLDER = Path(__file__).parents[2] / "baselines" / "retained"


def artists() -> list[str]:
    """The styles that no list of the tasks `artists`, `styles` and `ablation` names, but as preserved."""
    return _unscored_names(style_names(), ("artists", "styles", "ablation"))


def celebrities() -> list[str]:
    """The identities that no list of the task `celebrities` names."""
    return _unscored_names((each[0] for each in identities()), ("celebrities",))


def _unscored_names(names: Iterable[str], tasks: Iterable[str]) -> list[str]:
    scored: set[str] = set()
    for task in tasks:
        scored |= open_dataset(task, EMBEDDED, Path("no cache is read"), False).scored_names()
    return sorted(set(names) - scored)


def main() -> None:
    """Write every list."""
    for name, found in (("artists", artists()), ("celebrities", celebrities())):
        (FOLDER / f"{name}.txt").write_text("".join(f"{each}\n" for each in found), encoding="utf-8")


if __name__ == "__main__":
    main()
