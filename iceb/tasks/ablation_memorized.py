"""Ablate memorised images one by one: a caption is to bring up its training image no more.

The captions of these images alone are drawn, and nothing that should stay.
"""

from iceb.specs.tasks import Task

ABLATION_MEMORIZED = Task(
    name="ablation_memorized",
    version=1,
    title="Concept ablation, memorised images one by one",
    paper="arXiv:2303.13516",
    dataset="ablation_memorized",
    kind="erase",
    metrics=("memorized_share", "memorized_clip"),
    headline="memorized_share",
    edit_counts=(8,),
    roles=("memorized",),
    edited_roles=("memorized",),
    headline_note="Eight concepts are never ranked: fewer than ten.",
    kept="memorized_clip",  # an image that ignores its caption copies nothing
)
