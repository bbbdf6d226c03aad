"""`iceb tune`: search a method's settings by trials on mini, and write the best as a recipe."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.cli import options, values
from iceb.cli.option_names import with_options
from iceb.cli.quiet import silence_libraries

if TYPE_CHECKING:
    from iceb.tuning.asking import PlannedTuning, TuneAsk, Tuned
    from iceb.tuning.estimates import TrialEstimate

MISSING = "–"


@dataclass(frozen=True)
class Tried:
    """Options that say what is tried, and on how much."""

    space: Annotated[
        Path | None, typer.Option(help="What to try, instead of --set: a TOML file with why, [start] and [grid].")
    ] = None
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=V1,V2…", help="Values of a setting to try; may be repeated."),
    ] = None
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Settings of the first trial: published, tuned, or a recipe file. Default: published where there are "
            "some, else the method's own defaults."
        ),
    ] = None
    num_edits: Annotated[
        str, typer.Option(metavar="N,N…", help="Score each trial at these numbers of edits and take the mean.")
    ] = "10,50,150"
    trials: Annotated[int, typer.Option(help="Try at most this many settings.")] = 8
    limit: Annotated[
        int | None,
        typer.Option(help="Draw at most this many prompts of the concepts and holdout classes, for a first look."),
    ] = None
    limit_seconds: Annotated[
        float | None,
        typer.Option(help="Start no new edit after this many seconds; run the command again to go on."),
    ] = None

    def ask(self, method: str, device: str, cache: Path | None, out: Path) -> "TuneAsk":
        """The tuning as it is planned."""
        tried, counts = values.value_lists(self.settings or []), values.counts(self.num_edits, "--num-edits")
        silence_libraries()
        from iceb.tuning.asking import TuneAsk

        return TuneAsk(
            method=method,
            space=self.space,
            settings=tried,
            recipe=self.recipe,
            num_edits=counts,
            trials=self.trials,
            limit=self.limit,
            limit_seconds=self.limit_seconds,
            device=device,
            cache=cache,
            out=out,
        )


@options.expand_groups
def tune(
    *,
    method: Annotated[str, typer.Argument(help="A registered method: iceb list methods.")],
    tried: Tried,
    device: options.Device = "auto",
    cache: options.Cache = None,
    out: Annotated[Path, typer.Option(help="The folder for the record of trials and the recipe.")] = Path("tuning"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the trials that would be made, and stop.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Search a method's settings on mini and write a recipe.

    Each trial edits validation concepts, which the leaderboard of AICE does not score; the settings of the best trial
    become the recipe.
    """
    ask = tried.ask(method, device, cache, out)
    from iceb.tuning.asking import plan_tuning

    planned = plan_tuning(ask)
    if dry_run and as_json:
        typer.echo(json.dumps(plan_document(planned), indent=2, ensure_ascii=False))
        return
    for line in _plan_lines(planned):
        typer.echo(with_options(line), err=True)
    if dry_run:
        typer.echo("nothing was made (--dry-run)")
        return
    _tune(planned, as_json=as_json)


def _tune(planned: "PlannedTuning", *, as_json: bool) -> None:
    from iceb.cli.progress import show_progress
    from iceb.tuning.asking import carry_out

    with show_progress():
        tuned = carry_out(planned, lambda line: typer.echo(with_options(line), err=True))
    typer.echo(json.dumps(document(tuned), indent=2, ensure_ascii=False) if as_json else "\n".join(result_lines(tuned)))


def _plan_lines(planned: "PlannedTuning") -> Iterator[str]:
    search = planned.search
    protocol, name = search.protocol, search.given_method.entry.public_name
    yield (
        f"{name}: {len(search.trial_plan)} trials at {', '.join(map(str, protocol.edits))} validation concepts, "
        f"{protocol.prompts} prompts and {protocol.holdout} holdout classes at each"
    )
    for number, each in enumerate(search.trial_plan):
        settings = ", ".join(f"{name}={value}" for name, value in each.settings.items())
        yield f"  trial {number} ({each.what}): {settings or 'defaults'}"


def plan_document(planned: "PlannedTuning") -> dict[str, Any]:
    """The trials of a tuning before any is made, as plain JSON."""
    search = planned.search
    return {
        "method": search.given_method.entry.public_name,
        "protocol": search.protocol.document(),
        "trials": [
            {"number": number, "what": each.what, "settings": dict(each.settings)}
            for number, each in enumerate(search.trial_plan)
        ],
        "record": str(search.path),
    }


def document(tuned: "Tuned") -> dict[str, Any]:
    """The trials of a tuning as plain JSON."""
    import dataclasses

    rows = []
    for each in tuned.trials:
        rest = {"what": each.trial.what, "settings": dict(each.trial.settings), "score": each.score, "p": each.p}
        found = {name: getattr(each, name) for name in ("estimate", "below")}
        plain = {name: None if value is None else dataclasses.asdict(value) for name, value in found.items()}
        rows.append({"number": each.number, **rest, **plain})
    failed = {place: trial.error for place, trial in enumerate(tuned.tuning.trials) if trial.error}
    return {
        "method": tuned.tuning.method,
        "score": tuned.tuning.score,
        "protocol": dict(tuned.tuning.protocol),
        "trials": rows,
        "failed": failed,
        "best": None if tuned.best is None else tuned.best.number,
        "record": str(tuned.record),
        "recipe": None if tuned.recipe is None else str(tuned.recipe),
    }


def result_lines(tuned: "Tuned") -> Iterator[str]:
    """The trials as a table, the best first, with errors and paired tests; then what to conclude."""
    tuning = tuned.tuning
    heading = f"{tuning.score}, mean over {', '.join(map(str, tuning.edits))} edits [95 % interval]"
    yield f"{'trial':<15} {heading:<48} {'below the best':>22} {'Holm p':>8}"
    for each in sorted(tuned.trials, key=lambda each: -each.score):
        yield _row(each)
        yield f"    {_changed_settings(each, tuned)}"
    yield from (f"trial {place} failed {trial.error}" for place, trial in enumerate(tuning.trials) if trial.error)
    yield from map(with_options, _verdict(tuned))
    yield f"record: {tuned.record}"
    if tuned.recipe is not None:
        yield f"recipe: {tuned.recipe}; use it: iceb evaluate --method {tuning.method} … --recipe {tuned.recipe}"


def _row(each: "TrialEstimate") -> str:
    value, below = each.estimate, each.below
    score = f"{each.score:+.3f}"
    if value is not None:
        score += f" ± {value.stderr:.3f} [{value.low:+.3f}, {value.high:+.3f}]"
    apart = MISSING if below is None else f"{below.value:.3f} [{below.low:+.3f}, {below.high:+.3f}]"
    p = MISSING if each.p is None else "<0.0001" if each.p < 0.0001 else f"{each.p:.4f}"
    return f"{f'{each.number} ({each.trial.what})':<15} {score:<48} {apart:>22} {p:>8}"


def _changed_settings(each: "TrialEstimate", tuned: "Tuned") -> str:
    """The settings in which a trial differs from the first."""
    first = tuned.tuning.trials[0].settings
    found = [f"{name}={value}" for name, value in each.trial.settings.items() if first.get(name) != value]
    return ", ".join(found) or "the first trial's settings"


def _verdict(tuned: "Tuned") -> Iterator[str]:
    """Say which trial is best, by how much, and from which it cannot be told apart."""
    tuning, best = tuned.tuning, tuned.best
    if not tuning.is_complete:
        yield "not complete: the same command goes on; no recipe was written"
    if best is None:
        yield "no trial has a score"
        return
    rest = sorted((each for each in tuned.trials if each is not best), key=lambda each: -each.score)
    if not rest:
        yield f"best: trial {best.number}, the only one with a score"
        return
    yield f"best: trial {best.number}, by {best.score - rest[0].score:.3f} before trial {rest[0].number}{_test(rest)}"
    yield (
        f"the largest of {len(tuned.trials)} scores is too high by its choice: take what the recipe scores on a task"
    )


def _test(rest: Sequence["TrialEstimate"]) -> str:
    """The paired test against the second, and the trials that are not told apart from the best."""
    second = rest[0]
    if second.below is None or second.p is None:
        return "; fewer than ten classes, or an older record: no test"
    alike = [str(each.number) for each in rest if each.p is not None and each.p >= 0.05]
    rest_text = (
        f"not told apart from the best: {', '.join(alike)}" if alike else "the best is told apart from every other"
    )
    return f" (paired over classes, p = {second.below.p:.4f}, Holm's over all {second.p:.4f}); {rest_text}"
