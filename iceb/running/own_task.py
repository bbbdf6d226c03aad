"""The task of a user's own requests: roles of their prompts, and metrics of their images."""

from iceb.specs.outside import OWN
from iceb.specs.tasks import Task

OWN_TASK = Task(
    name=OWN,
    version=1,
    title="Concepts of your own",
    paper="",
    dataset=OWN,
    kind="replace",
    metrics=(
        "own_reached",
        "own_forgotten",
        "own_alias_reached",
        "own_neighbours_kept",
        "own_unrelated_kept",
        "own_drift",
        "own_dest_cosine",
        "own_source_cosine",
    ),
    headline="own_reached",
    edit_counts=(1, 10, 100),
    roles=("train", "source", "dest", "alias", "neighbour", "unrelated"),
    edited_roles=("train", "source"),
)
