"""The table of rows on mini: which methods on which task, at which counts, repeated how often.

Rows are those that a question needs: ranks, at numbers of edits where ten clusters or more are tested, and the order of
published tables, with published settings at the numbers that were published. On two cores every image after an edit
takes about 35 ms, and ESD or MACE train each edit or concept for ten seconds and more, so a row that could answer
neither is not made: of a method without destinations where the headline asks for one, of settings that do nothing on a
task, of controls at numbers that rank nobody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from iceb import registry
from iceb.baselines.recipes import shipped_recipe
from iceb.specs.methods import MethodCard
from iceb.specs.recipes import PUBLISHED, Which
from iceb.specs.tasks import Task

FAMILY = "mini"
CURVES = ("emcid", "uce", "time", "refact", "esd")  # first, for docs/order_on_mini.md is made of them
OTHERS = ("emcid-ns", "uce-emcid", "rece", "speed", "mace", "ablation", "finetune")
CONTROLS = ("unedited", "prompt_swap", "negative_prompt", "embedding_swap")
ENDS = ("unedited", "prompt_swap")  # floor and ceiling, beside published settings
FOUR = ("emcid", "uce", "mace", "esd")  # on every task whose kind they can and whose headline they reach
REACHING = ("emcid", "uce", "mace")  # where the headline asks for the destination, which ESD has none of
SINGLE = ("emcid", "uce", "refact", "time")  # one edit at a time, four times a row: MACE would train 360 or 416
DEBIASING = ("emcid", "uce-debias")
TRAINED = ("emcid", "emcid-ns", "esd", "mace", "ablation")  # edits that depend on the requests' seeds
EDITS, MORE_EDITS = (1, 10, 50, 100, 300), 200  # of AICE; the second of EMCID and the controls too
FEW, DRAWS = 10, 5
SEEDS, SEEDED = 3, (10, 100)
IDLE = frozenset({("mace", "tuned")})  # by edit_score: its best trial leaves AICE's sources as they are


@dataclass(frozen=True)
class TaskRows:
    """The rows of one task.

    Attributes:
        edits: numbers of edits of its rows; controls have them too.
        methods: beside the controls, in order; those that cannot do what the task asks are left out.
        controls: likewise.
        printed: further numbers that a paper prints, of published settings and `ENDS` alone.
        printed_of: the methods that it prints them of.
        most: the largest number of edits of a method, where it is not the task's own.
        left_out: settings of methods that have no row.
        images_per_pass: images through the denoiser at once, where mini's own number leaves passes half empty: those of
            an edit that is judged alone, or of a method's search.
        before: the task whose images before the edit these are, where another has the same prompts and seeds.
    """

    edits: tuple[int, ...]
    methods: tuple[str, ...] = FOUR
    controls: tuple[str, ...] = CONTROLS
    printed: tuple[int, ...] = ()
    printed_of: tuple[str, ...] = ()
    most: Mapping[str, int] = field(default_factory=dict)
    left_out: frozenset[tuple[str, Which]] = frozenset()
    images_per_pass: int | None = None
    before: str = ""


ROWS: Mapping[str, TaskRows] = {
    # MACE's figure has 1, 5, 10 and 100 (at 1 and 5 no row can rank), SPEED's table 10 and 100 with Concept Ablation
    # and RECE; of MACE's methods FMN and SLD are none of ours, and ESD-u's settings are no recipe
    "celebrities": TaskRows(
        (10, 100), (*FOUR, "speed", "rece", "ablation"), printed=(1, 5), printed_of=("uce", "mace", "esd", "ablation")
    ),
    # EMCID's curves have seven numbers; MACE trains a hundred concepts in minutes and a thousand in an hour, and ESD's
    # steps, whose number is no concept's, reach 300 to 632 of a thousand
    "artists": TaskRows(
        (10, 100, 1000), printed=(1, 5, 50, 500), printed_of=("emcid", "uce"), most={"mace": 100, "esd": 100}
    ),
    "styles": TaskRows((10, 100)),
    "objects": TaskRows((10,)),  # of the ten, each erased alone; one alone is no rank
    "objects10": TaskRows((10,), (*FOUR, "rece")),
    "ablation": TaskRows((11,), (*FOUR, "ablation")),
    "rectification": TaskRows((50, 100, 140), ("emcid", "uce", "uce-emcid")),  # ten requests have seven destinations
    "road": TaskRows((90,), SINGLE, (*CONTROLS, "oracle"), images_per_pass=11),  # an edit's images, not 16
    "timed": TaskRows((104,), SINGLE, (*CONTROLS, "oracle"), images_per_pass=11),
    "debias": TaskRows((37,), DEBIASING, images_per_pass=25),  # searches draw 25 or 50 images of a model's state
    # uce-debias as published draws 50 images of each text for up to 30 rounds: one row of it, with all in one edit
    "debias_single": TaskRows(
        (37,),
        DEBIASING,
        left_out=frozenset({("uce-debias", "published")}),
        images_per_pass=25,
        before="debias",
    ),
    "composition": TaskRows((50, 100), REACHING, left_out=IDLE),
    "neighbours": TaskRows((10,), REACHING, left_out=IDLE),
    "preservation": TaskRows((10, 100, 300), REACHING, most={"mace": 100}, left_out=IDLE),
}


def methods_of(task: Task) -> tuple[str, ...]:
    """The methods with rows on a task, in order: those that can do what it asks."""
    if task.name == "aice":
        return (*CURVES, *CONTROLS, *OTHERS)
    rows = ROWS[task.name]
    return tuple(name for name in (*rows.controls, *rows.methods) if task.kind in _card(name).kinds)


def counts_of(task: Task, method: str, which: Which | None) -> Iterator[int]:
    """The numbers of edits of a method's row on a task with these settings, ascending."""
    if task.name == "aice":
        yield from sorted({*EDITS, MORE_EDITS}) if method in (CURVES[0], *CONTROLS) else EDITS
        return
    rows = ROWS[task.name]
    in_paper = method in ENDS or (which == "published" and method in rows.printed_of)
    further = rows.printed if in_paper else ()
    counts = sorted({*rows.edits, *further})
    most = rows.most.get(method, max(counts))
    yield from (count for count in counts if count <= most)


def recipes_of(method: str, task: str) -> tuple[Which | None, ...]:
    """The settings of a method that are rows: published ones, and tuned ones where others were chosen."""
    found = _recipes_of(method, task)
    left_out = ROWS[task].left_out if task in ROWS else frozenset()
    return tuple(which for which in found if which is None or (method, which) not in left_out)


def _recipes_of(method: str, task: str) -> tuple[Which | None, ...]:
    recipe = shipped_recipe(method, task)
    if recipe is None:
        return (None,)
    if not recipe.has_published:
        return ("tuned",)
    same = recipe.settings(FAMILY, "published") == recipe.settings(FAMILY, "tuned")
    own = recipe.label(FAMILY).startswith(PUBLISHED)  # of SPEED on celebrities: AICE's, by erase_score its best trial
    return ("published",) if same or own else ("published", "tuned")


def _card(method: str) -> MethodCard:
    card: MethodCard = registry.load("methods", method).card
    return card
