"""Memory that a method's training needs, from the shapes of a model."""

from collections.abc import Sequence

from iceb.models.architectures import parameter_count, shapes_of
from iceb.models.passes import pass_cost
from iceb.running.method_work import ADAM, Scale, Work, work_of
from iceb.specs.families import Family
from iceb.specs.methods import EditMethod
from iceb.specs.requests import EditRequest

FLOAT, HALF = 4, 2  # bytes of a parameter


class MemoryNeed:
    """Memory of a method's training on a family: weights, trained state, and the largest pass.

    Weights of all parts are held in float32; memory that libraries take for themselves (a few hundred MB of CUDA, and
    what an allocator loses in gaps) is not in it.
    """

    def __init__(self, family: Family, work: Work) -> None:
        self.family, self.work = family, work
        self.weights = FLOAT * sum(parameter_count(family.name).values())

    def training(self, together: int, *, checkpointed: bool = False) -> int:
        """A training pass over so many concepts, beside the weights."""
        work = self.work
        side = None if work.side == self.family.sampling.height else work.side
        found = pass_cost(self.family.name, work.trains, side, half=work.half, checkpointed=checkpointed)
        state = found.trained * (HALF if work.half else FLOAT) * (ADAM - 1)  # gradients are in the pass
        copy = HALF * parameter_count(self.family.name)["unet"] if work.half else 0
        return found.bytes_at(together * work.rows) + state + copy

    def drawing(self, images: int) -> int:
        """A drawing pass of so many images, beside the weights; guidance doubles the denoiser's rows."""
        denoiser, decoder = (pass_cost(self.family.name, name) for name in ("unet", "decode"))
        return max(denoiser.bytes_at(2 * images), decoder.bytes_at(images))

    def peak(self, together: int = 1, *, images: int | None = None, checkpointed: bool = False) -> int:
        """The peak with so many concepts in a training pass.

        Args:
            images: in a drawing pass; None: the family's number.
        """
        drawing = self.drawing(self.family.images_per_pass("cuda") if images is None else images)
        return self.weights + max(self.training(together, checkpointed=checkpointed), drawing)

    def fits(self, card_bytes: int, *, checkpointed: bool = False) -> int | None:
        """Return the number of concepts, at most the default, that fit; None where they take turns."""
        if self.work.together is None:
            return None
        sizes = range(self.work.together, 0, -1)
        return next((size for size in sizes if self.peak(size, checkpointed=checkpointed) <= card_bytes), 0)


def memory_need(method: EditMethod, family: Family, requests: Sequence[EditRequest]) -> MemoryNeed | None:
    """Return the memory that a method's training needs; None where it is not known."""
    if shapes_of(family.name) is None or not requests:
        return None
    templates = sum(len(request.templates) for request in requests) / len(requests)
    dests = len({dest for request in requests for dest in request.dests})
    work = work_of(method, Scale(len(requests), templates, max(1, dests), family))
    return None if work is None else MemoryNeed(family, work)
