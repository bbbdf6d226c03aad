"""Refuse a task or its prompts on a model whose images could not be judged."""

from iceb.base.errors import SpecError
from iceb.datasets.locate import EMBEDDED, UPSTREAM
from iceb.models.sources import Source
from iceb.specs.datasets import ConceptDataset
from iceb.specs.tasks import Task


def refuse_drawings(task: Task, source: Source) -> None:
    """Refuse the embedded model where the task's measures read photographs.

    Raises:
        SpecError: as it says.
    """
    if task.photographs_only and source.family.name == "mini":
        raise SpecError(
            f"task {task.name} on `model=mini`: its detector reads photographs only, and mini draws none, so that "
            "nothing could be counted: name another `model`"
        )


def refuse_other_models(dataset: ConceptDataset, source: Source) -> None:
    """Refuse prompts for mini alone on other models, and prompts for other models on mini.

    Raises:
        SpecError: as it says.
    """
    for_mini: bool | None = getattr(dataset, "for_mini", None)
    if for_mini is None or for_mini == (source.family.name == "mini"):
        return
    kind, data = ("mini", EMBEDDED) if source.family.name == "mini" else ("models of photographs", UPSTREAM)
    raise SpecError(
        f"dataset {dataset.card.name} on `model` {source.family.name}: its prompts are for other models, and images of "
        f"this one could not be judged: name `data` {data}, whose prompts are for {kind}, or another `model`"
    )
