"""Edit your own concepts: try methods, save an edit, and apply it to a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from iceb.api.arguments import Computing, Drawing, Place, Settings, command_of, path_or_none
from iceb.api.evaluating import LOG
from iceb.api.reading import Run
from iceb.api.signatures import takes
from iceb.base.comma_lists import split_list
from iceb.base.errors import SpecError
from iceb.specs.runs import Scalar

if TYPE_CHECKING:
    from iceb.datasets.own_requests import OwnRequests
    from iceb.delivery.apply import WrittenModel
    from iceb.running.given_method import GivenMethod
    from iceb.running.trial import Trial
    from iceb.specs.deltas import Form, Manifest


@dataclass(frozen=True, kw_only=True)
class Trying(Settings, Drawing, Computing):
    """Arguments of a trial; with several methods, `settings` are by METHOD.NAME, as in "uce.ridge".

    Attributes:
        method: a name, or several.
        requests: a file of your own requests, JSON or CSV; or instead of it
        source: concepts to edit, and
        dest: what each becomes, in the same order; () erases.
        full: as many images as a run of own requests draws.
        out: the folder for sheet.png, table.md and the runs.
    """

    method: str | Sequence[str]
    requests: Place | None = None
    source: Sequence[str] = ()
    dest: Sequence[str] = ()
    full: bool = False
    out: Place = "trial"

    def concepts(self) -> "OwnRequests":
        """The requests.

        Raises:
            SpecError: nothing was named, or a file and pairs.
        """
        from iceb.datasets.own_requests import named_concepts

        return named_concepts(path_or_none(self.requests), list(self.source), list(self.dest))

    def common(self) -> Mapping[str, Any]:
        """The fields of `Ask` that all methods share."""
        return {
            "recipe": self.recipe,
            "sampling": self.sampling(),
            "dtype": self.number_format(),
            "execution": self.execution(),
            "cache": path_or_none(self.cache),
            "command": command_of("try", self),
        }


@dataclass(frozen=True)
class TriedEdit:
    """A trial on disk.

    Attributes:
        runs: one for each method, in the order in which they were named.
        sheet: images side by side: unedited, each method, destination.
        page: a table to decide by, markdown.
        trial: prompts, images and judges' answers.
    """

    runs: tuple[Run, ...]
    sheet: Path
    page: Path
    trial: "Trial"


@takes(Trying)
def try_edit(asked: Trying) -> TriedEdit:
    """Edit your own concepts with one or more methods, and draw them side by side, as `iceb try` does.

    Raises:
        IcebError: asked wrongly, or a method, the model or a measure failed.
    """
    from iceb.report.trial_sheet import write_trial
    from iceb.running.trial import TrialAsk, carry_out, cautions, few, make_plans

    methods = split_list(asked.method) if isinstance(asked.method, str) else tuple(asked.method)
    concepts, out = asked.concepts(), Path(asked.out)
    ask = TrialAsk(concepts if asked.full else few(concepts), methods, asked.model, asked.settings, asked.common())
    plans = make_plans(ask)
    for line in cautions(ask.own, plans):
        LOG.info("%s", line)
    trial = carry_out(ask, plans, out / "runs")
    sheet, page = write_trial(trial, out, plans[0].parts.cache)
    return TriedEdit(tuple(Run(each.folder / "result.json", each.result) for each in trial.methods), sheet, page, trial)


@dataclass(frozen=True, kw_only=True)
class Editing(Settings, Computing):
    """Arguments of an edit that is saved.

    Attributes:
        method: a registered name; or a class, or an object with its settings, that implements `iceb.EditMethod`.
        task: whose requests, with `num_edits`; or whose recipe, with your own.
        num_edits: how many of the task's concepts are edited at once.
        requests: a file of your own, JSON or CSV.
        source: concepts to edit, instead of a file, and
        dest: what each becomes, in the same order; () erases.
        data: "embedded", "upstream" or a folder.
        form: "full" tensors, or "matrix": W' = W M where the method has one.
        out: the folder to write; it must not exist.
    """

    method: "GivenMethod"
    task: str | None = None
    num_edits: int | None = None
    requests: Place | None = None
    source: Sequence[str] = ()
    dest: Sequence[str] = ()
    data: str | None = None
    form: str = "full"
    out: Place = "edit"


@takes(Editing)
def edit(asked: Editing) -> "Manifest":
    """Make an edit and save it, as `iceb edit` does; return its manifest.

    Raises:
        IcebError: asked wrongly, a method that failed, or a folder that exists.
    """
    from iceb.datasets.user_requests import own_requests
    from iceb.delivery.save import EditAsk, order, save

    own = own_requests(path_or_none(asked.requests), list(asked.source), list(asked.dest), asked.task, asked.num_edits)
    if asked.form not in ("full", "matrix"):
        raise SpecError(f"`form` {asked.form}: must be one of full, matrix")
    ask = EditAsk(
        method=asked.method,
        task=asked.task,
        num_edits=asked.num_edits,
        requests=own,
        model=asked.model,
        data=asked.data,
        settings=asked.settings,
        recipe=asked.recipe,
        dtype=asked.number_format(),
        execution=asked.execution(),
        cache=path_or_none(asked.cache),
        form=cast("Form", asked.form),
        command=command_of("edit", asked),
    )
    checked = order(ask)
    for line in checked.lines():
        LOG.info("%s", line)
    return save(checked, Path(asked.out))


def apply(
    base: str,
    delta: Place,
    *,
    out: Place,
    without: Sequence[str] = (),
    settings: Mapping[str, Scalar] | None = None,
    device: str = "auto",
    cache: Place | None = None,
) -> "WrittenModel":
    """Make a model folder, which diffusers loads, of a saved edit and its base, as `iceb apply` does.

    Args:
        base: the model that the edit was made for: a family or a folder.
        delta: the folder that `iceb.edit` wrote.
        out: the folder to write; it must not exist.
        without: requests to take back out, by source or id: the others are edited again.
        settings: with `without`, files that the edit's settings named.
        device: where the others are edited again.
        cache: the cache's folder; None: ICEB_CACHE, else ~/.cache/iceb.

    Raises:
        IcebError: the edit was made for other weights, changes prompts, or is damaged.
    """
    from iceb.delivery import apply as applying
    from iceb.delivery.undo import UndoAsk, apply_without

    if settings and not without:
        raise SpecError("`settings` are for `without`: a delta is applied as it was saved")
    if not without:
        return applying.apply(base, Path(delta), Path(out))
    ask = UndoAsk(base, Path(delta), tuple(without), settings or {}, device, path_or_none(cache))
    return apply_without(ask, Path(out)).model
