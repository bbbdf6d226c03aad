"""Tasks: AICE counted by flips, and a task of this package's own."""

from iceb.specs.tasks import Task

AICE_FLIPS = Task(
    name="aice_flips",
    version=1,
    title="AICE, counted by flips",
    paper="none: an example",
    dataset="aice",
    kind="replace",
    metrics=("flip_rate", "holdout_delta"),
    headline="flip_rate",
    edit_counts=(1, 10),
    roles=("source", "holdout"),
)

REPAINT = Task(
    name="repaint",
    version=1,
    title="Colours turned into others",
    paper="none: an example",
    dataset="repaint",
    kind="replace",
    metrics=("repainted", "kept_colours"),
    headline="repainted",
    edit_counts=(1, 3),
    roles=("source", "holdout"),
)
