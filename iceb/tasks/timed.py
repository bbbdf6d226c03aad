"""TIMED: what a text leaves unsaid becomes something else, one edit at a time; 104 rows, and all 147."""

from iceb.specs.tasks import Task
from iceb.tasks.road import EDITED, KEPT, METRICS, ROLES
from iceb.tasks.road import NOTE as NOTE_OF_ROAD

PAPER = "arXiv:2303.08084"
NOTE = (
    NOTE_OF_ROAD
    + " Tests and intervals count rows of one colour, size or gender once: an edit may reach them together or not, and "
    "on mini 104 rows have 14 such words."
)
TIMED = Task(
    name="timed",
    version=1,
    title="Implicit assumptions",
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
    cluster="attribute",  # rows that become the same colour, size or gender
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
    cluster="attribute",  # rows that become the same colour, size or gender
    headline_note=NOTE,
)
