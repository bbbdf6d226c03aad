"""Composition: edits in prompts that say more than one thing."""

from iceb.specs.tasks import Task

COMPOSITION = Task(
    name="composition",
    version=3,
    title="Edited concepts beside each other, beside bystanders, and with colour, size and scene",
    paper="",
    dataset="composition",
    kind="replace",
    metrics=("joint_source2dest", "binding_kept", "context_kept", "source2dest"),
    optional_metrics=("triple_source2dest",),  # the embedded world shows two objects at most
    headline="joint_source2dest",
    edit_counts=(50, 100),  # at 10 there are four pairs, and none may rank by them
    roles=("source", "joint", "beside", "context"),
    edited_roles=("source", "joint", "beside", "context"),
    ceiling="prompt_swap",
    cluster="destination",  # the requests are AICE's, which share destinations
    headline_note="joint_source2dest is the probability that both of two edited concepts show their destinations, on "
    "mini by shape and pattern, whatever their colours.",
)
