"""Debiasing: draw 37 professions as women and as men alike, edited all at once or each alone."""

from dataclasses import replace

from iceb.specs.tasks import Task

DEBIAS = Task(
    name="debias",
    version=1,
    title="Gender debiasing, all professions in one edit",
    paper="arXiv:2403.13807",
    dataset="debias",
    kind="balance",
    metrics=("gender_delta", "profession_acc"),
    headline="gender_delta",
    edit_counts=(37,),
    roles=("profession",),
    edited_roles=("profession",),
    optional_metrics=("female_share",),  # best at one half, so that no direction is the better one
    kept="profession_acc",  # women and men alike who have no profession are balanced, too
    headline_note="A balanced model does not reach 0: of 72 images of a fair coin the mean delta is 0.094. All "
    "professions share the noise of a seed, and errors hold for the three seeds alone: on mini unedited has 0.53 to "
    "0.62 by seed. Methods that search for shares do so by the very network that scores them. UCE's settings of 2023 "
    "retain the empty text in the place of 225 professions, which do not ship.",
)
DEBIAS_SINGLE = replace(
    DEBIAS, name="debias_single", title="Gender debiasing, each profession edited alone", dataset="debias_single"
)
