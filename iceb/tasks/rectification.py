"""Rectification: names of a class that the model does not know become the name that it knows."""

from iceb.specs.tasks import Axes, Task

RECTIFICATION = Task(
    name="rectification",
    version=1,
    title="Rectification of unknown names",
    paper="arXiv:2403.13807",
    dataset="rectification",
    kind="rectify",
    metrics=(
        "edit_score",
        "source2dest",
        "efficacy_source2dest",
        "dest_kept",
        "efficacy_dest_kept",
        "holdout_delta",
        "holdout_unnamed",
        "dest_forget",
    ),
    headline="edit_score",  # (source2dest + holdout_delta) / 2: source and dest have one class
    edit_counts=(1, 10, 50, 100, 140),  # the paper edits 140
    axes=Axes("source2dest", "holdout_delta", ceiling="prompt_swap"),
    roles=("train", "source", "train_dest", "dest", "holdout"),
    edited_roles=("train", "source"),
    cluster="destination",  # names of one class are drawn with one class, its prompts and seeds: 140 names have 95
    ceiling="prompt_swap",
    headline_note=(
        "Ours for this task, as AICE defines it. The top of edit_score is near 0.5: an edit can give its "
        "sources at most one probability more, and the rest at best loses nothing. Its holdout_delta is the published "
        "one, with the prompts that name an edited source; holdout_unnamed leaves them out."
    ),
)
