"""Celebrities: turn up to 100 persons into somebody, and keep 100 others recognisable."""

from iceb.specs.tasks import Axes, Task

CELEBRITIES = Task(
    name="celebrities",
    version=2,
    title="Celebrities erased, 1 to 100 at once",
    paper="arXiv:2403.06135",
    dataset="celebrities",
    kind="replace",  # towards "a person"; a method that only erases takes part
    metrics=(
        "celebrity_h_c",
        "celebrity_h_c_unseen",
        "celebrity_acc_e",
        "celebrity_acc_s",
        "celebrity_acc_s_seen",
        "celebrity_acc_s_unseen",
        "celebrity_faces_e",
        "celebrity_faces_s",
    ),
    headline="celebrity_h_c",
    edit_counts=(1, 5, 10, 100),
    axes=Axes("celebrity_acc_e", "celebrity_acc_s", ceiling=0.0),  # none of them recognised
    roles=("erased", "others"),
    edited_roles=("erased",),
    kept="celebrity_faces_s",  # images without a face count in neither accuracy
    headline_note="The harmonic mean of 1 - celebrity_acc_e and celebrity_acc_s. It is near 0 without an edit, so a "
    "row may rank that keeps few of the others: celebrity_acc_s says how many. Images without a face count in neither: "
    "read it beside celebrity_faces_e and celebrity_faces_s.",
)
