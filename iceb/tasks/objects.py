"""Objects: erase ten classes one at a time, with their other names, and keep the nine others."""

from iceb.specs.tasks import Task

OBJECTS = Task(
    name="objects",
    version=1,
    title="Ten objects erased, one at a time",
    paper="arXiv:2403.06135",
    dataset="objects",
    kind="replace",  # towards a place without an object; a method that only erases takes part
    metrics=(
        "object_h_o",
        "object_acc_e",
        "object_acc_s",
        "object_acc_g",
        "object_hit_e",
        "object_hit_s",
        "object_hit_g",
    ),
    headline="object_h_o",
    edit_counts=(1, 10),  # each erased alone; the published average is that of all ten
    roles=("erased", "others", "alias"),
    kept="object_acc_s",  # images that show nothing score above the unedited model
    edited_roles=("erased", "alias"),
    headline_note=(
        "The harmonic mean of 1 - object_acc_e, object_acc_s and 1 - object_acc_g for each object, "
        "averaged over objects: the mean of the columns' means is larger. Images in which the judge finds"
        " all ten objects equally likely score 0.245, more than the unedited model: they lose object_acc_s, and the"
        " rank."
    ),
)
