"""Try methods on a user's own requests: a run of each, all at the same prompts and seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.base.wording import count_text
from iceb.datasets.conflicts import conflict_lines
from iceb.datasets.own_requests import Amounts, OwnRequests
from iceb.running.judge_answers import JudgeAnswers
from iceb.running.method_settings import settings_by_method
from iceb.running.plan import Ask, plan
from iceb.running.planned import Plan
from iceb.running.run_folder import run
from iceb.runs.ledger import ImageRow, read_ledger
from iceb.runs.table import TABLE, TableRow, read_table
from iceb.specs.outside import OWN
from iceb.specs.prompts import ImageKey, Prompt
from iceb.specs.results import Result
from iceb.specs.runs import Scalar

FEW = Amounts(tests=2, near=1, unrelated=12, each=1)  # images that are enough for a first look
SIZES = ("pixels", "resolution")  # settings that hold the size of training images


@dataclass(frozen=True)
class TrialAsk:
    """A trial as requested; the fields are the options of `iceb try`.

    Attributes:
        methods: registered names.
        settings: by METHOD.NAME, or by NAME where there is one method.
        common: fields of `Ask` that all methods share.
    """

    own: OwnRequests
    methods: tuple[str, ...]
    model: str = "mini"
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    common: Mapping[str, Any] = field(default_factory=dict)

    def asks(self) -> list[Ask]:
        """Make what is asked of each method.

        Raises:
            SpecError: no method, one twice, or a setting of none of them.
        """
        if not self.methods or len(set(self.methods)) != len(self.methods):
            raise SpecError(
                f"`method` {quote(','.join(self.methods))}: name one or more, each once, separated by commas"
            )
        settings = settings_by_method(self.methods, self.settings)
        named = {"task": OWN, "num_edits": len(self.own.concepts), "own": self.own, "model": self.model, **self.common}
        return [Ask(method=method, settings=settings[method], **named) for method in self.methods]


@dataclass(frozen=True)
class TriedMethod:
    """One method's run of a trial.

    Attributes:
        after: image of each prompt by the edited model.
        answers: what the judges say of these images, where the prompt has a judge.
        table: the statistics behind the scores.
    """

    plan: Plan
    result: Result
    folder: Path
    before: Mapping[Prompt, ImageKey]
    after: Mapping[Prompt, ImageKey]
    answers: Mapping[Prompt, str]
    table: tuple[TableRow, ...]


@dataclass(frozen=True)
class Trial:
    """A finished trial: a run of each method, and the destinations as the unedited model draws them.

    Attributes:
        dests: of each source prompt the image of the same text and seed with the destination's name.
        unedited_answers: what the judges say of the images before.
        dest_answers: and of those of the destinations.
    """

    own: OwnRequests
    methods: tuple[TriedMethod, ...]
    dests: Mapping[Prompt, ImageKey]
    unedited_answers: Mapping[Prompt, str]
    dest_answers: Mapping[Prompt, str]


def make_plans(ask: TrialAsk) -> list[Plan]:
    """Plan the run of each method, before any weight is loaded.

    Raises:
        IcebError: anything asked wrongly, or missing.
    """
    return [plan(each) for each in ask.asks()]


def cautions(own: OwnRequests, plans: Sequence[Plan]) -> Iterator[str]:
    """List what to know before the trial starts, a line each."""
    for each in plans:
        method, ref = each.parts.method, each.spec.model
        yield f"{each.spec.method}: {method.origin}; {count_text(len(own.concepts), 'request')} at once"
        for line in (*method.advice(ref), *size_notes(each), *each.retained_notes()):
            yield f"warning: {each.spec.method}: {line}"
    yield from (f"warning: {line}" for line in conflict_lines(plans[0].conflicts))  # all methods edit the same
    yield from dict.fromkeys(line for each in plans for line in each.empty_notes())
    if lonely := own.without_neighbours():
        names = ", ".join(lonely[:3]) + (" …" if len(lonely) > 3 else "")
        yield f"note: no neighbour is known of {names}: name some in a column neighbours, to see what else changes"


def size_notes(each: Plan) -> Iterator[str]:
    """Warn of training images whose size is far from what the model draws."""
    drawn = each.spec.sampling.height
    for name in SIZES:
        asked = each.spec.params.get(name)
        if isinstance(asked, int) and not drawn / 2 <= asked <= drawn * 2:
            yield f"it trains on images of {asked} pixels and the model draws {drawn}: set `{name}={drawn}`"


def carry_out(ask: TrialAsk, plans: Sequence[Plan], out: Path) -> Trial:
    """Carry out the plans one after the other; images before the edit are drawn once for all.

    Raises:
        IcebError: a method, the model or a measure failed, or a folder cannot be written.
    """
    methods = tuple(_carry_out(each, out) for each in plans)
    dests, judges = _destinations(plans[0], methods[0]), JudgeAnswers(plans[0].parts.scorer)
    return Trial(ask.own, methods, dests, judges.of(methods[0].before), judges.of(dests))


def _carry_out(each: Plan, out: Path) -> TriedMethod:
    result, path = run(each, out)
    rows = read_ledger(path.parent, result.images)
    table = read_table(path.parent / TABLE, result.per_concept) if result.per_concept else []
    before, after = (_side(rows, side) for side in ("before", "after"))
    answers = JudgeAnswers(each.parts.scorer).of(after)
    return TriedMethod(each, result, path.parent, before, after, answers, tuple(table))


def _side(rows: Sequence[ImageRow], side: str) -> dict[Prompt, ImageKey]:
    return {row.prompt: key for row in rows if (key := row.key(side)) is not None}


def _destinations(each: Plan, first: TriedMethod) -> dict[Prompt, ImageKey]:
    """Draw what each source prompt would show if its destination stood there, by the unedited model."""
    dests = {request.id: request.dests for batch in each.batches for request in batch.requests}
    found: dict[Prompt, Prompt] = {}
    for batch in each.batches:
        own = each.parts.dataset.prompts(batch)
        sources = [prompt for prompt in own if prompt.role == "source" and dests[prompt.request or ""]]
        named = {(prompt.request, prompt.seed): prompt for prompt in own if prompt.role == "dest"}
        pairs = ((prompt, named.get((prompt.request, prompt.seed))) for prompt in sources if prompt in first.before)
        found.update({source: dest for source, dest in pairs if dest is not None})
    keys = each.parts.generator.draw(
        each.parts.bundle, list(found.values()), each.spec.sampling, "drawing destinations"
    )
    return dict(zip(found, keys, strict=True))


def few(own: OwnRequests) -> OwnRequests:
    """Reduce the requests' prompts to as many as a first look needs."""
    return replace(own, amounts=FEW)
