"""Erase each of ten Imagenette classes alone, and keep the other nine, as ESD and UCE score it."""

from iceb.specs.tasks import Task

PLACES = range(1, 6)
OBJECTS10 = Task(
    name="objects10",
    version=1,
    title="Object erasure, ten Imagenette classes one by one",
    paper="arXiv:2303.07345",
    dataset="objects10",
    kind="erase",
    metrics=(
        "erasure_score",
        *(f"erased_top{k}" for k in PLACES),
        *(f"others_top{k}" for k in PLACES),
    ),
    headline="erasure_score",
    edit_counts=(10,),
    roles=("erased", "others"),
    edited_roles=("erased",),
    headline_note="erasure_score is ours: the mean of what the erased class loses and what the other nine gain at top "
    "1; the published figures are erased_top1 and others_top1. Its top is half of the unedited model's accuracy. "
    "Requests have no destination: the control prompt_swap leaves the class's name out of the prompt, so that its "
    "images of an erased class show what the rest of the prompt says.",
)
