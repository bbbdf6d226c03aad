"""Neighbours: how similar to an edited concept others must be to be damaged."""

from iceb.specs.tasks import Task

NEIGHBOURS = Task(
    name="neighbours",
    version=2,
    title="Damage to bystanders by their distance to what is edited",
    paper="",
    dataset="neighbours",
    kind="replace",
    metrics=(
        "source2dest",
        "subclass2dest",
        "neighbours_near",
        "neighbours_middle",
        "neighbours_far",
        "damage_radius",
        "superclass_change",
    ),
    headline="source2dest",  # by damage the unedited model would be near the best
    edit_counts=(1, 10),  # of the 366 embedded bystanders 59 are 9 hops away or more at 10 edits, 24 at 50, two at 300
    roles=("source", "superclass", "subclass", "bystander"),
    edited_roles=("source", "subclass"),
    kept="neighbours_middle",  # a model that draws the destination whatever is asked reaches it best
    optional_metrics=("lookalikes", "damage_radius_look", "damage_radius_text"),
    ceiling="prompt_swap",
    cluster="destination",  # the requests are AICE's, which share destinations
    headline_note="Ranks say how well the sources were edited; how far the damage reaches stands beside it. By damage "
    "the unedited model is near the best, for it has none but by chance.",
)
