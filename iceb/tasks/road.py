"""RoAD: roles get other holders and things other appearances, one edit at a time."""

from iceb.specs.tasks import Task

METRICS = (
    "f1_harmonic",
    "f1_geometric",
    "efficacy",
    "generality",
    "generality_75",
    "generality_90",
    "specificity",
    "efficacy_adaptive",
    "generality_adaptive",
    "specificity_adaptive",
)
ROLES = ("source", "positive", "negative", "oracle_source", "oracle_positive", "oracle_negative")
EDITED = ("source", "positive")
KEPT = "specificity_adaptive"  # images that lean to neither text pass as specific by the published criterion
NOTE = (
    "The number of edits counts single edits, each alone in the model and judged with four draws of noise; what is "
    "trained is trained from four seeds. The control oracle draws the destination's own prompt. Noise and plain "
    "images score about 0.5, far above unedited, and the destination drawn everywhere scores near 0: a row that "
    "loses specificity_adaptive has no rank. That metric reads only prompts that should stay: an edit that makes its "
    "own prompts show a third thing scores up to about 0.65 and may rank; generality_adaptive tells it."
)
ROAD = Task(
    name="road",
    version=1,
    title="Roles and appearances",
    paper="arXiv:2306.00738",
    dataset="road",
    kind="replace",
    metrics=METRICS,
    headline="f1_harmonic",  # what EMCID's code calls F1; ReFACT's table prints the geometric mean
    edit_counts=(10, 90),  # single edits, each alone in the model
    roles=ROLES,
    kept=KEPT,
    edited_roles=EDITED,
    ceiling="oracle",
    headline_note=NOTE,
)
