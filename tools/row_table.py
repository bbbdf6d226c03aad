"""The rows on mini: which methods on which task, at which numbers of edits, and how often repeated.

Numbers of edits are the task's own, as far as two cores make them in an evening: every image after an edit takes about
35 ms, and ESD or MACE train each edit or concept for ten seconds and more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from iceb import registry
from iceb.baselines.recipes import shipped_recipe
from iceb.specs.methods import MethodCard
from iceb.specs.recipes import Which
from iceb.specs.tasks import Task

FAMILY = "mini"
CURVES = ("emcid", "uce", "time", "refact", "esd")  # first, for docs/order_on_mini.md is made of them
OTHERS = ("emcid-ns", "uce-emcid", "rece", "speed", "mace", "ablation", "finetune")
CONTROLS = ("unedited", "prompt_swap", "negative_prompt", "embedding_swap")
FOUR = ("emcid", "uce", "mace", "esd")  # on every task whose kind they can
TRAINED = ("emcid", "emcid-ns", "esd", "mace", "ablation")  # edits that depend on the requests' seeds
EDITS, MORE_EDITS = (1, 10, 50, 100, 300), 200  # of AICE; the second of EMCID and the controls too
FEW, DRAWS = 10, 5
SEEDS, SEEDED = 3, (10, 100)


@dataclass(frozen=True)
class TaskRows:
    """The rows of one task.

    Attributes:
        methods: beside the controls, in order; those that cannot do what the task asks are left out.
        controls: likewise.
        most: the largest number of edits of a method, where it is not the task's own.
    """

    methods: tuple[str, ...] = FOUR
    controls: tuple[str, ...] = CONTROLS
    most: Mapping[str, int] = field(default_factory=dict)


SINGLE = TaskRows((*FOUR, "refact", "time"), (*CONTROLS, "oracle"), {"mace": 10, "esd": 10})  # four edits a row
ROWS: Mapping[str, TaskRows] = {
    "celebrities": TaskRows((*FOUR, "speed")),
    "artists": TaskRows(most={"mace": 100, "esd": 100}),  # training a concept takes them seconds, a thousand an hour
    "styles": TaskRows(),
    "objects": TaskRows(),
    "objects10": TaskRows((*FOUR, "rece")),
    "ablation": TaskRows((*FOUR, "ablation")),
    "rectification": TaskRows((*FOUR, "uce-emcid")),
    "road": SINGLE,
    "timed": SINGLE,
    "debias": TaskRows(("emcid", "uce-debias")),
    "debias_single": TaskRows(("emcid", "uce-debias")),
    "composition": TaskRows(),
    "neighbours": TaskRows(),
    "preservation": TaskRows(most={"mace": 100, "esd": 100}),
}


def methods_of(task: Task) -> tuple[str, ...]:
    """The methods with rows on a task, in order: those that can do what it asks."""
    if task.name == "aice":
        return (*CURVES, *CONTROLS, *OTHERS)
    rows = ROWS[task.name]
    return tuple(name for name in (*rows.controls, *rows.methods) if task.kind in _card(name).kinds)


def counts_of(task: Task, method: str) -> Iterator[int]:
    """The numbers of edits of a method's row on a task, ascending."""
    if task.name == "aice":
        yield from sorted({*EDITS, MORE_EDITS}) if method in (CURVES[0], *CONTROLS) else EDITS
        return
    rows = ROWS[task.name]
    most = rows.most.get(method, max(task.edit_counts))
    yield from (count for count in task.edit_counts if count <= most)


def recipes_of(method: str, task: str) -> tuple[Which | None, ...]:
    """The settings of a method that are rows: published and tuned ones, where they differ."""
    recipe = shipped_recipe(method, task)
    if recipe is None:
        return (None,)
    if not recipe.has_published:
        return ("tuned",)
    same = recipe.settings(FAMILY, "published") == recipe.settings(FAMILY, "tuned")
    return ("published",) if same else ("published", "tuned")


def _card(method: str) -> MethodCard:
    card: MethodCard = registry.load("methods", method).card
    return card
