"""Batches of concepts that follow a card's free memory."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from iceb.models.bundle import ModelBundle
from iceb.running.memory_need import MemoryNeed, memory_need
from iceb.specs.execution import Execution
from iceb.specs.methods import EditMethod
from iceb.specs.requests import EditRequest

LEFT_FREE = 0.1  # of the free memory, for what libraries take and what an allocator loses in gaps
MOST_TOGETHER = 32  # concepts; more at once are hardly faster


def fit_execution(
    execution: Execution, method: EditMethod, bundle: ModelBundle, requests: Sequence[EditRequest]
) -> Execution:
    """Choose how many concepts are trained together by a GPU's free memory, unless it was asked for.

    On a CPU nothing changes. Concepts do not see each other, so that the choice moves last bits and nothing else; a
    pass that does not fit after all is halved as any other (`iceb.models.memory`).
    """
    if execution.concepts_at_once is not None or bundle.device.type != "cuda":
        return execution
    need = memory_need(method, bundle.family, requests)
    if need is None or need.work.together is None:
        return execution
    _ = bundle.pipeline  # its weights are on the card from here on
    return replace(execution, concepts_at_once=concepts_in(need, free_bytes(bundle.device)))


def concepts_in(need: MemoryNeed, free: int) -> int:
    """Return the number of concepts, 1 to `MOST_TOGETHER`, whose pass fits beside the weights."""
    usable = round(free * (1 - LEFT_FREE))
    sizes = range(MOST_TOGETHER, 1, -1)
    return next((size for size in sizes if need.training(size) <= usable), 1)


def free_bytes(device: torch.device) -> int:
    """The GPU memory that a new tensor can take: what is free, and what torch holds unused."""
    free, _ = torch.cuda.mem_get_info(device)
    return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
