"""TIMED: what a text leaves unsaid becomes something else, one edit at a time; 104 rows, and all 147."""

from iceb.specs.tasks import Task
from iceb.tasks.road import EDITED, KEPT, METRICS, ROLES

PAPER = "arXiv:2303.08084"
NOTE = (
    "The number of edits counts single edits, each made and judged alone, four times. The oracle row is the "
    "control of that name. Images that lean to neither text score about 0.5, where no edit scores near 0.1: the "
    "adaptive metrics do not pass them, and a row that loses specificity_adaptive has no rank."
)
TIMED = Task(
    name="timed",
    version=1,
    title="Implicit assumptions, the rows that Stable Diffusion 1.4 can draw",
    paper=PAPER,
    dataset="timed",
    kind="replace",
    metrics=METRICS,
    headline="f1_harmonic",  # what EMCID's code calls F1; ReFACT's table prints the geometric mean
    edit_counts=(10, 104),  # single edits, each alone in the model
    roles=ROLES,
    kept=KEPT,
    edited_roles=EDITED,
    ceiling="oracle",
    headline_note=NOTE,
)
TIMED147 = Task(
    name="timed147",
    version=1,
    title="Implicit assumptions, all rows",
    paper=PAPER,
    dataset="timed147",
    kind="replace",
    metrics=METRICS,
    headline="f1_harmonic",
    edit_counts=(10, 147),
    roles=ROLES,
    kept=KEPT,
    edited_roles=EDITED,
    ceiling="oracle",
    headline_note=NOTE,
)
