"""Preservation: how far images of captions move that have nothing to do with the edit."""

from iceb.specs.tasks import Axes, Task

PRESERVATION = Task(
    name="preservation",
    version=1,
    title="Images of unrelated captions under AICE's edits",
    paper="arXiv:2403.13807",
    dataset="preservation",
    kind="replace",
    metrics=("source2dest", "preservation_frechet", "preservation_kernel", "preservation_change", "preservation_clip"),
    headline="source2dest",  # by the captions the unedited model would be best by construction
    edit_counts=(1, 10, 50, 100, 200, 300),
    axes=Axes("source2dest", "preservation_clip", ceiling="prompt_swap"),
    roles=("source", "preservation"),
    edited_roles=("source",),
    kept="preservation_clip",  # a model that draws the destination whatever is asked reaches it best
    ceiling="prompt_swap",
    cluster="destination",  # the requests are AICE's, which share destinations
    headline_note="Ranks say how well the sources were edited; what that costs the captions' images stands beside it. "
    "By those the unedited model is best by construction.",
)
