"""Treat a model that was edited elsewhere as an edit: its weights that differ from the base's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from iceb.base.errors import ModelError, SpecError
from iceb.base.messages import shorten
from iceb.base.progress import stage
from iceb.base.readers import is_folder
from iceb.models.bundle import ModelBundle
from iceb.models.sources import Source, find
from iceb.registry import Registered
from iceb.running.method_runner import ChosenMethod
from iceb.running.task_data import TaskData
from iceb.specs.checks import check_part
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.outside import ELSEWHERE, WORDS
from iceb.specs.requests import EditRequest
from iceb.specs.schedules import edit_batches
from iceb.specs.tasks import Kind

ERASER_KINDS: tuple[Kind, ...] = ("erase", "replace")  # as of methods that only erase; of the second the erasure alone
PLACE = "iceb.running.checkpoint_method:EditedCheckpoint"
VERSION = "0"  # of the package that others' models stand under


@dataclass(frozen=True)
class EditedCheckpoint:
    """The difference between an edited model's folder and its base; the requests are not read.

    Attributes:
        folder: of the edited model, as diffusers saves it.
    """

    folder: str

    card: ClassVar[MethodCard] = MethodCard(
        name="checkpoint",
        version=1,
        paper="",
        kinds=("replace", "rectify", "erase", "balance"),
        touches=("text_encoder*", "unet.*", "vae.*"),
        models=("folder",),
        title="A model that was edited elsewhere",
    )

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return the weights of the folder that are not the base model's.

        Raises:
            ModelError: the folder has other parameters than the base, or the same weights.
        """
        edited = ModelBundle(find(self.folder, bundle.ref.dtype), "cpu")
        with stage("reading the edited model"):
            weights = changed_weights(self.folder, edited.parameters_named(), bundle.parameters_named("*"))
        if not weights:
            raise ModelError(
                f"`checkpoint` {self.folder}: its weights are those of {bundle.ref.repo}, bit for bit: nothing was "
                "edited; name the edited model, and its base with `model`"
            )
        return Edit({name: tensor.to(bundle.device) for name, tensor in weights.items()})


def changed_weights(folder: str, edited: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the edited model's weights that differ from the base's.

    Raises:
        ModelError: a parameter is missing on one of the two sides, or has another shape.
    """
    if odd := sorted(set(edited) ^ set(base)):
        side = "lacks" if odd[0] in base else "has"
        more = f" (and {len(odd) - 1} more differences)" if len(odd) > 1 else ""
        raise ModelError(
            f"`checkpoint` {folder}: {side} the parameter {odd[0]}{more}, unlike the base: name its base with `model`, "
            "and merge adapters such as LoRA into the weights before"
        )
    for name, tensor in edited.items():
        if tensor.shape != base[name].shape:
            raise ModelError(
                f"`checkpoint` {folder}: parameter {name} has shape {tuple(tensor.shape)}, the base has "
                f"{tuple(base[name].shape)}: name its base with `model`"
            )
    return {name: tensor for name, tensor in edited.items() if not tensor.equal(base[name].cpu())}


def checkpoint_method(folder: Path, name: str, source: Source, *, erases: bool = False) -> ChosenMethod:
    """Make the method that stands for a model from elsewhere, under the name that its maker gave it.

    Args:
        erases: it has no destinations: tasks that need them refuse it, and metrics that ask for them have no value.

    Raises:
        ModelError: the folder is no model, or one of another layout.
        SpecError: the name cannot name a folder.
    """
    check_part(name, "`name`")
    if not is_folder(folder):
        raise ModelError(f"`checkpoint` {shorten(str(folder))}: names no folder: name that of the edited model")
    found = find(str(folder), source.ref.dtype)
    if found.family.layout != source.family.layout:
        raise ModelError(
            f"`checkpoint` {folder}: is laid out as {found.family.layout}, its base as {source.family.layout}: "
            "name its base with `model`"
        )
    if found.folder is None:
        raise SpecError(f"`checkpoint` {folder}: names a model of ours: name the folder of an edited one")
    return ChosenMethod(
        Registered("methods", name, ELSEWHERE, VERSION, PLACE),
        _class_of(card_of(name, erases=erases))(str(found.folder)),
        "",
        part=WORDS["checkpoint"],
    )


def refuse_several_edits(data: TaskData) -> None:
    """Refuse a task that edits more than once: one model cannot stand for several edits.

    Raises:
        SpecError: as it says.
    """
    if (edits := len(edit_batches(data.schedule))) != 1:
        raise SpecError(
            f"`checkpoint`: task {data.name} judges {edits} separate edits here, and one edited model is one of them: "
            "use `draws=1` and `replicates=1`, or hand in images instead (`images`)"
        )


def card_of(name: str, *, erases: bool) -> MethodCard:
    """Return the card of what was edited elsewhere: the maker's name, and whether it only erases."""
    card = replace(EditedCheckpoint.card, name=name)
    return replace(card, kinds=ERASER_KINDS, reaches_dest=False) if erases else card


def _class_of(card: MethodCard) -> type[EditedCheckpoint]:
    """Make the class that has a card of its own."""
    return type("EditedCheckpoint", (EditedCheckpoint,), {"card": card, "__module__": __name__})
