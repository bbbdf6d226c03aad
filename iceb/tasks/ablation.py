"""Ablate concepts one by one: a style or an instance becomes its anchor, and hard negatives stay."""

from iceb.specs.tasks import Task

ABLATION = Task(
    name="ablation",
    version=2,
    title="Concept ablation, styles and instances one by one",
    paper="arXiv:2303.13516",
    dataset="ablation",
    kind="erase",
    metrics=(
        "ablation_score",
        "clip_accuracy_target",
        "clip_accuracy_negative",
        "clip_score_target",
        "clip_score_anchor",
        "clip_score_negative",
        "kid_target",
        "kid_anchor",
        "kid_negative",
    ),
    headline="ablation_score",
    edit_counts=(9, 11),  # all of the published list, and of the embedded one
    roles=("target", "anchor", "negative"),
    edited_roles=("target",),
    headline_note="ablation_score is ours: the mean of what the target's CLIP accuracy loses and what that of the hard "
    "negatives gains; the published figures are the others. The published list has nine concepts and is never ranked: "
    "fewer than ten.",
)
