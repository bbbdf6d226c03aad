"""Cost of a task on a family of models: arithmetic, memory and disk, without any weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from iceb.base.cache import cache_root
from iceb.base.errors import DataError, SpecError
from iceb.datasets import EMBEDDED
from iceb.models.families import FAMILIES
from iceb.models.passes import PassName, pass_cost
from iceb.models.sources import find
from iceb.running.memory_need import MemoryNeed
from iceb.running.method_work import Scale, images, work_of
from iceb.running.plan import Ask
from iceb.running.recipe_settings import with_recipe
from iceb.running.task_data import TaskData, read_task, task_of
from iceb.specs.families import Family
from iceb.specs.metrics import AFTER, BEFORE
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import edit_batches


@dataclass(frozen=True)
class Images:
    """Numbers of images that a task draws, before and after an edit.

    Attributes:
        card: the data that they were counted on.
        continued: whether there are more edits than the data holds, so that its mean per request is continued.
    """

    before: int
    after: int
    card: str
    continued: bool

    @property
    def total(self) -> int:
        """Of both sides."""
        return self.before + self.after


class TaskScale:
    """Numbers of requests, prompts and images of a task by the number of edits.

    They come from its declarations and data: upstream data where it is there, else the embedded set of its structure.
    """

    def __init__(self, task: str, family: Family) -> None:
        self.family = family
        ask = Ask(task, "unedited", 1)
        declared = task_of(ask)
        source, root = find(family.name), cache_root(None)

        def read(num_edits: int) -> TaskData:
            given = replace(ask, num_edits=num_edits)
            try:
                return read_task(given, declared, source, root, may_fetch=False)
            except DataError:
                return read_task(replace(given, data=EMBEDDED), declared, source, root, may_fetch=False)

        first = read(1)
        self.kind = declared.kind
        self.most = first.dataset.card.counts.get("requests", max(declared.edit_counts))
        self._read = read

    @cached_property
    def _whole(self) -> TaskData:
        return self._read(self.most)

    @cached_property
    def _requests(self) -> Sequence[EditRequest]:
        return [request for batch in edit_batches(self._whole.schedule) for request in batch.requests]

    def scale(self, num_edits: int) -> Scale:
        """Return the numbers that a method's work depends on."""
        chosen = self._requests[:num_edits]
        dests = len({dest for request in chosen for dest in request.dests})
        templates = sum(len(request.templates) for request in chosen) / len(chosen)
        return Scale(num_edits, templates, max(1, dests), self.family)

    def images(self, num_edits: int) -> Images:
        """Count the images of either side."""
        data = self._read(num_edits) if num_edits <= self.most else self._whole
        found = [self._side(data, side) for side in (BEFORE, AFTER)]
        totals = [round(own * max(1.0, num_edits / self.most)) + shared for own, shared in found]
        return Images(totals[0], totals[1], data.card, num_edits > self.most)

    @staticmethod
    def _side(data: TaskData, side: str) -> tuple[int, int]:
        """The images of requests and the images that all edits share."""
        prompts = dict.fromkeys(prompt for each in data.checkpoints for prompt in each.prompts)
        drawn = [prompt for prompt in prompts if side in data.selection.sides(prompt)]
        own = sum(prompt.request is not None and prompt.request != "" for prompt in drawn)
        return own, len(drawn) - own


@dataclass(frozen=True)
class Cost:
    """Cost of a run of a method; None where its settings do not say how much work it is.

    Attributes:
        edit_flops: of the edit.
        draw_flops: of all images on both sides.
        images: on both sides.
        peak_bytes: memory at the most: weights in float32, trained state and the largest pass.
        together: concepts that are trained together at that peak; None: they take turns, or nothing is trained.
        fits: how many of them fit into the card's memory, None likewise; 0: not even one.
        fits_checkpointed: likewise with activation checkpointing.
        notes: what is not counted.
    """

    method: str
    num_edits: int
    edit_flops: int | None
    draw_flops: int
    images: Images
    peak_bytes: int | None
    together: int | None
    fits: int | None
    fits_checkpointed: int | None
    notes: tuple[str, ...]

    @property
    def flops(self) -> int | None:
        """Of edit and images."""
        return None if self.edit_flops is None else self.edit_flops + self.draw_flops


def cost_of(method: str, scales: TaskScale, num_edits: int, task: str, card_bytes: int) -> Cost:
    """Count the cost of one run.

    Args:
        card_bytes: memory of the GPU, for what fits.

    Raises:
        SpecError, MethodError: no such method or recipe.
        ModelError: no shapes are written out for the family.
    """
    family = scales.family
    chosen = with_recipe(method, task, find(family.name), {}, None, num_edits)
    counted = scales.images(num_edits)
    drawn = _flops(images(counted.total, family.sampling.steps), family, None, half=False)
    work = work_of(chosen.method, scales.scale(num_edits))
    if work is None:
        why = "its work cannot be told from its settings: the method has no entry in `iceb.running.method_work`"
        return Cost(method, num_edits, None, drawn, counted, None, None, None, None, (why,))
    memory = MemoryNeed(family, work)
    edit = _flops(work.passes, family, work.side, half=work.half) + _flops(work.drawn, family, None, half=False)
    return Cost(
        method,
        num_edits,
        edit,
        drawn,
        counted,
        memory.peak(min(work.together or 1, num_edits)),
        None if work.together is None else min(work.together, num_edits),
        memory.fits(card_bytes),
        memory.fits(card_bytes, checkpointed=True),
        work.notes,
    )


def _flops(passes: Mapping[PassName, int], family: Family, side: int | None, *, half: bool) -> int:
    own = None if side == family.sampling.height else side
    return sum(rows * pass_cost(family.name, name, own).flops for name, rows in passes.items() if rows)


def known_family(name: str) -> Family:
    """The family of a name, of those with shapes.

    Raises:
        SpecError: there is none.
    """
    if name not in FAMILIES:
        raise SpecError(f"`model` {name}: must be one of sd14, sd15 and sdxl")
    return FAMILIES[name]
