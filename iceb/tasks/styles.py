"""Styles: turn 100 artists' styles into "art" and keep 100 others, by CLIP's scores as MACE."""

from iceb.specs.tasks import Axes, Task

STYLES = Task(
    name="styles",
    version=2,
    title="A hundred artistic styles erased, as MACE scores them",
    paper="arXiv:2403.06135",
    dataset="styles",
    kind="replace",  # towards "art"; a method that only erases takes part
    metrics=(
        "style_h_a",
        "style_h_a_unseen",
        "style_clip_e",
        "style_clip_s",
        "style_clip_s_seen",
        "style_clip_s_unseen",
    ),
    headline="style_h_a",
    edit_counts=(10, 100),  # published: 100
    axes=Axes("style_clip_e", "style_clip_s", ceiling="prompt_swap"),
    roles=("erased", "others"),
    kept="style_clip_s",  # one image for every prompt has a gap near 0, and the unedited model a negative one
    edited_roles=("erased",),
    headline_note=(
        "style_clip_s - style_clip_e, in hundredths of the cosine. The unedited model has a value too, "
        "which depends on the two groups of artists. Images that are alike everywhere score near 0, above"
        " some published rows and above the unedited model where that is negative: they lose style_clip_s, and the"
        " rank."
    ),
)
