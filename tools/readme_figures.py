"""Make README's images again from the run that they show.

python tools/readme_figures.py RUN
"""

import sys
from pathlib import Path

from iceb.base.errors import SpecError
from iceb.base.files import write_atomic
from iceb.report.image_grid import grid
from iceb.runs.folder import read_result

DOCS = Path(__file__).parent.parent / "docs"
BEFORE_AFTER = "before_after.png"
SHOWN = ("aice", "emcid", 300)  # task, method and number of edits that README speaks of
ROWS = 6


def readme_figures(run: Path, docs: Path, cache: Path | None = None, *, draw: bool = False) -> list[Path]:
    """Write README's images below `docs`; return their paths.

    The run is that of `iceb evaluate --method emcid --task aice --num-edits 300` on mini.

    Args:
        run: its folder.
        docs: where README's images lie.
        cache: the cache's root, with the run's images; None for the default one.
        draw: draw destinations that the cache lacks.

    Raises:
        SpecError: the run is another one.
        IcebError: as `grid`.
    """
    result = read_result(run)
    found = (result.task.name, result.method.name, result.num_edits)
    if found != SHOWN or result.limit is not None or result.share is not None:
        raise SpecError(
            f"README shows {SHOWN[1]} on {SHOWN[0]} at {SHOWN[2]} edits, whole; this run is {result.id}: name that one"
        )
    path = docs / BEFORE_AFTER
    write_atomic(path, grid(run, cache, ROWS, draw=draw).png)
    return [path]


def main(arguments: list[str]) -> None:
    """Write the images of one run's folder, and print their paths."""
    (run,) = arguments
    for path in readme_figures(Path(run), DOCS, draw=True):
        print(f"wrote {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
