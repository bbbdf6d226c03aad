"""Task: a dataset, the metrics that score it, and the roles of its prompts."""

from dataclasses import dataclass
from typing import Literal, get_args

from iceb.base.errors import SpecError
from iceb.specs.checks import check_part
from iceb.specs.prompts import check_role

Kind = Literal["replace", "rectify", "erase", "balance"]
Cluster = Literal["request", "destination", "attribute"]
MOST_LOST = 0.2  # of the unedited model's value of what a task says must be kept; a row that loses more has no rank


@dataclass(frozen=True)
class Axes:
    """The two metrics by which it is told how many concepts a method can edit at once.

    Attributes:
        efficacy: says how well edits work; the unedited model is 0 on its scale, and the ceiling 1.
        preservation: says what is left of all else: the share of its value on the unedited model that is kept. Higher
            is better, and that value is above 0.
        ceiling: the control whose efficacy is 1; or that value itself, where it is the best by definition.
    """

    efficacy: str
    preservation: str
    ceiling: str | float


@dataclass(frozen=True)
class Task:
    """A declaration: what is edited, what is measured, and which number ranks.

    Attributes:
        dataset: a registered dataset's name.
        kind: what its requests ask of a method.
        metrics: registered names of the metrics that every run computes.
        headline: the metric that ranks.
        kept: one of its metrics. A row has no rank where what that reads falls, from before the edit to after, by more
            than `MOST_LOST` of its value before. The metric's own value is the side after or the rise, higher being
            better, or that fall itself, lower being better. "" where the headline itself falls with what an edit was to
            leave alone.
        edit_counts: numbers of edits at which rows are ranked, a column each.
        roles: what its prompts may be drawn for; prompts of another role are refused.
        edited_roles: those of them whose images an edit is meant to change; one that changes none of these has had no
            effect. (): source and train, else the prompts that name a request, else all.
        optional_metrics: registered names of metrics that are computed on request; they may need prompts of their own.
        headline_note: what to know of the headline's scale; leaderboards say it.
        sensitive: grids and reports show its images blurred.
        cluster: what was drawn at random, and is the unit of tests between results: each request; or each destination,
            where several requests were given the same at random; or each attribute, where several requests give their
            sources the same words. A destination that all requests share is no draw.
        ceiling: the control whose headline is the best that can be had; `unedited` is 0 on its scale, and it is 1.
        axes: two of its metrics by which capacities are taken; None where there are no such metrics, or where its edits
            are made one at a time.
        photographs_only: its measures read photographs, so that it is refused on the embedded model.
    """

    name: str
    version: int
    title: str
    paper: str
    dataset: str
    kind: Kind
    metrics: tuple[str, ...]
    headline: str
    edit_counts: tuple[int, ...]
    roles: tuple[str, ...]
    optional_metrics: tuple[str, ...] = ()
    headline_note: str = ""
    kept: str = ""
    sensitive: bool = False
    photographs_only: bool = False
    edited_roles: tuple[str, ...] = ()
    cluster: Cluster = "request"
    ceiling: str = ""
    axes: Axes | None = None

    def __post_init__(self) -> None:
        check_part(self.name, "task")
        if self.kind not in get_args(Kind):
            raise SpecError(f"task {self.name}: kind {self.kind!r} must be one of {', '.join(get_args(Kind))}")
        if self.cluster not in get_args(Cluster):
            raise SpecError(f"task {self.name}: cluster {self.cluster!r} must be one of {', '.join(get_args(Cluster))}")
        if self.version < 1:
            raise SpecError(f"task {self.name}: version {self.version} must be at least 1")
        if self.headline not in self.metrics:
            raise SpecError(f"task {self.name}: headline {self.headline!r} must be one of its metrics")
        if self.kept and self.kept not in {*self.metrics} - {self.headline}:
            raise SpecError(f"task {self.name}: kept {self.kept!r} must be one of its metrics, and not its headline")
        for name in (self.axes.efficacy, self.axes.preservation) if self.axes else ():
            if name not in self.metrics:
                raise SpecError(f"task {self.name}: axes name {name!r}, must be among its metrics")
        if not self.edit_counts or min(self.edit_counts) < 1 or list(self.edit_counts) != sorted(set(self.edit_counts)):
            raise SpecError(f"task {self.name}: edit_counts {self.edit_counts} must be ascending, each at least 1")
        if not self.roles:
            raise SpecError(f"task {self.name}: declares no roles: name what its prompts are drawn for")
        for role in self.roles:
            check_role(role, f"task {self.name}")
        if unknown := sorted(set(self.edited_roles) - set(self.roles)):
            raise SpecError(f"task {self.name}: edited_roles name {unknown[0]!r}, must be among its roles")
