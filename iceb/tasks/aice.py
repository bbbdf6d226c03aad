"""AICE: turn up to 300 ImageNet classes into others, and leave 366 alone."""

from iceb.specs.tasks import Axes, Task

AICE = Task(
    name="aice",
    version=1,
    title="Arbitrary ImageNet Concept Editing",
    paper="arXiv:2403.13807",
    dataset="aice",
    kind="replace",
    metrics=(
        "edit_score",
        "source2dest",
        "source_forget",
        "efficacy_source2dest",
        "efficacy_source_forget",
        "alias2dest",
        "alias_forget",
        "holdout_delta",
        "holdout_seen",
        "holdout_unseen",
        "dest_forget",
    ),
    headline="edit_score",  # (source2dest + holdout_delta) / 2, as the paper's ablations rank
    edit_counts=(1, 10, 50, 100, 200, 300),
    axes=Axes("source2dest", "holdout_delta", ceiling="prompt_swap"),
    ceiling="prompt_swap",
    cluster="destination",  # 300 requests share 215 destinations (171 upstream), drawn from the classes left alone
    roles=("train", "source", "dest", "alias", "holdout"),
    edited_roles=("train", "source"),
    optional_metrics=("dest_forget_published",),  # with 1 500 images a side of its own
    headline_note="The top of edit_score is near 0.5: an edit can give its sources at most one probability more, and "
    "the rest at best loses nothing.",
)
