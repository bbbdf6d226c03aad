"""Make the scores of committed results again from their tables, after a change of the reduction.

    python tools/reduce_again.py            # what would change
    python tools/reduce_again.py --write

No image and no edit is made. It is needed as well where a task declares other clusters; CONTRIBUTING.md, Change a
formula, says when.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tools are no installed package

from iceb.base.files import write_atomic
from iceb.leaderboard.filed_result import read_unchecked
from iceb.leaderboard.pages import results_folder
from iceb.leaderboard.reduced import scores_again
from iceb.specs.results import Result
from tools.committed import LEADERBOARDS


def changed_results(folder: Path) -> Iterator[tuple[Path, Result]]:
    """The results below a folder whose scores or intervals are others today, each with those."""
    for path in sorted(folder.rglob("*.json")):
        filed = read_unchecked(path)
        made = scores_again(filed.result, filed.rows)
        if made.to_json() != filed.text:
            yield path, made


def main() -> None:
    """Say how many results of each task change, and write them with `--write`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the files; the pages are then rendered by iceb")
    asked = parser.parse_args()
    counts: Counter[str] = Counter()
    for path, made in changed_results(results_folder(LEADERBOARDS)):
        counts[made.task.name] += 1
        if asked.write:
            write_atomic(path, made.to_json().encode("utf-8"))
    for task, count in counts.items():
        print(f"{task}: {count}")
    print(f"{counts.total()} results {'changed' if asked.write else 'would change'}")


if __name__ == "__main__":
    main()
