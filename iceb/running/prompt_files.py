"""The prompts of a task for other programs: an id for each image, and the files to hand in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from iceb.base.digest import digest
from iceb.base.errors import SpecError
from iceb.running.task_data import TaskData
from iceb.specs.metrics import AFTER, BEFORE
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest
from iceb.specs.runs import slug
from iceb.specs.schedules import Checkpoint, edit_batches

DIGITS = 16  # of a prompt's id


@dataclass(frozen=True)
class PromptFiles:
    """One prompt at one checkpoint, and the names of its images' files without their ending.

    Attributes:
        id: of text and seed: prompts that ask for the same image share it.
        before: below `before/`; None where no metric reads the unedited model's image.
        after: below `after/`, likewise; of a task with several checkpoints in a folder for each.
    """

    id: str
    step: Checkpoint
    prompt: Prompt
    before: str | None
    after: str | None


def prompt_id(prompt: Prompt) -> str:
    """Return the id of a prompt's image: the same text, seed and noise give the same one."""
    return digest({"text": prompt.text, "seed": prompt.seed, "noise": prompt.noise})[:DIGITS]


def prompt_files(data: TaskData) -> Iterator[PromptFiles]:
    """Return the prompts that the task's metrics read, checkpoint by checkpoint.

    Raises:
        SpecError: the dataset makes its prompts from the edited model, which nobody else can.
    """
    if hasattr(data.dataset, "prepare"):
        raise SpecError(
            f"dataset {data.card} makes its prompts from the edited model (it has a method prepare()), so they "
            "cannot be drawn elsewhere: hand in the edited model with `checkpoint`"
        )
    several = len(data.checkpoints) > 1
    for checkpoint in data.checkpoints:
        for prompt in checkpoint.prompts:
            name, sides = prompt_id(prompt), data.selection.sides(prompt)
            after = f"{slug(checkpoint.step.id)}/{name}" if several else name
            yield PromptFiles(
                name, checkpoint.step, prompt, name if BEFORE in sides else None, after if AFTER in sides else None
            )


def prompt_list(data: TaskData) -> dict[str, Any]:
    """Return everything that another program needs to edit a model and to draw, as plain JSON."""
    batches = edit_batches(data.schedule)
    return {
        "task": data.name,
        "dataset": data.card,
        "batches": [
            {"id": batch.id, "requests": [_plain_request(request) for request in batch.requests]} for batch in batches
        ],
        "prompts": [_plain_prompt(each) for each in prompt_files(data)],
    }


def _plain_request(request: EditRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "source": request.source,
        "dests": list(request.dests),
        "templates": list(request.templates),
        "aliases": list(request.aliases),
        "seed": request.seed,
    }


def _plain_prompt(files: PromptFiles) -> dict[str, Any]:
    prompt = files.prompt
    return {
        "id": files.id,
        "text": prompt.text,
        "seed": prompt.seed,
        "role": prompt.role,
        "request": prompt.request,
        "checkpoint": files.step.id,
        "before": None if files.before is None else f"before/{files.before}.png",
        "after": None if files.after is None else f"after/{files.after}.png",
    }
