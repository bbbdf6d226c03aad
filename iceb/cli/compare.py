"""`iceb compare`: paired differences of two runs, or of two rows of a leaderboard."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.base.numbers import DECIMALS, decimals_of, number_text
from iceb.base.wording import count_text, edits_text

if TYPE_CHECKING:
    from iceb.leaderboard.compared import Comparison, MetricComparison

MISSING = "–"
DEFAULT = Path("leaderboards")
Named = Annotated[
    str, typer.Argument(help="A run's folder, a result's file, or a row of a leaderboard: 'uce, published'.")
]


def compare(
    first: Named,
    second: Named,
    metric: Annotated[
        str | None,
        typer.Option(
            help="List the ten concepts that differ most in this metric. Default: the task's headline metric."
        ),
    ] = None,
    folder: Annotated[Path, typer.Option(help="The leaderboards folder that rows are taken from.")] = DEFAULT,
    task: Annotated[str, typer.Option(help="The task, when you name rows of a leaderboard.")] = "aice",
    num_edits: Annotated[
        int | None,
        typer.Option(
            help="The number of edits, when you name rows of a leaderboard. Default: the largest that both have."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The comparison as JSON on stdout, nothing else.")] = False,
) -> None:
    """Test the difference between two runs.

    Per metric, on the same prompts and seeds: the second minus the first, its interval and paired test.
    """
    from iceb.api.comparing import compare as compare_results
    from iceb.api.comparing import headline_of

    found = compare_results(first, second, folder=folder, task=task, num_edits=num_edits)
    if as_json:
        typer.echo(json.dumps(document(found), indent=2, ensure_ascii=False))
        return
    typer.echo("\n".join(_lines(found, metric or headline_of(found.first))))


def document(found: "Comparison") -> dict[str, Any]:
    """The comparison as plain JSON."""
    sides = {name: getattr(found, name) for name in ("first", "second")}
    return {
        **{
            name: {"path": str(filed.path), "id": filed.result.id, "method": filed.result.method.label}
            for name, filed in sides.items()
        },
        "metrics": [_metric_document(each) for each in found.metrics],
        "left_out": list(found.left_out),
    }


def _metric_document(found: "MetricComparison") -> dict[str, Any]:
    whole = dataclasses.asdict(found)
    of_difference = whole.pop("difference") or dict.fromkeys(("value", "stderr", "freedom", "low", "high"))
    of_difference.pop("p", None)
    if of_difference["value"] is None and None not in (found.first, found.second):
        of_difference["value"] = (found.second or 0.0) - (found.first or 0.0)
    concepts = [{**dataclasses.asdict(each), "difference": each.difference} for each in found.concepts]
    return {**whole, "difference": of_difference, "concepts": concepts}


def _lines(found: "Comparison", shown: str) -> list[str]:
    from iceb.leaderboard.finding import row_name

    one, other = found.first.result, found.second.result
    lines = [
        f"first  {row_name(one)}  ({one.id})",
        f"second {row_name(other)}  ({other.id})",
        f"{one.task.name} at {edits_text(one.num_edits, one.draws)}; second minus first on the same prompts and seeds; "
        "p is Student's t over clusters, Holm's over all metrics below",
        "",
        f"{'metric':<26} {'first':>7} {'second':>7} {'difference [95 % interval]':>28} {'p':>7} {'Holm p':>7} "
        f"{'images':>6} {'clusters':>8}",
        *(_metric_line(each) for each in found.metrics),
    ]
    lines += [f"  {each.metric}: {each.note}" for each in found.metrics if each.note]
    lines += [
        f"  {each.metric}: without {count_text(len(each.unpaired), 'concept')} that one of the two lacks: "
        f"{', '.join(each.unpaired[:10])}{' …' if len(each.unpaired) > 10 else ''}"
        for each in found.metrics
        if each.unpaired
    ]
    lines += [f"  not compared: {each}" for each in found.left_out]
    return [*lines, *_concept_lines(found, shown)]


def _metric_line(found: "MetricComparison") -> str:
    arrow = "↑" if found.higher_is_better else "↓"
    gap = found.difference
    if gap is not None:
        decimals = decimals_of(gap.stderr or gap.value)
        value, low, high = (number_text(each, decimals, signed=True) for each in (gap.value, gap.low, gap.high))
        apart = f"{value} [{low}, {high}]"
    elif found.first is not None and found.second is not None:
        decimals = decimals_of(found.second - found.first)
        apart = number_text(found.second - found.first, decimals, signed=True)
    else:
        decimals, apart = DECIMALS, MISSING
    numbers = [MISSING if each is None else number_text(each, decimals) for each in (found.first, found.second)]
    return (
        f"{found.metric + ' ' + arrow:<26} {numbers[0]:>7} {numbers[1]:>7} {apart:>28} {_p_text(found.p):>7} "
        f"{_p_text(found.p_holm):>7} {found.n:>6} {found.clusters:>8}"
    )


def _p_text(p: float | None) -> str:
    if p is None:
        return MISSING
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _concept_lines(found: "Comparison", shown: str) -> list[str]:
    """The concepts that differ most in one metric."""
    from iceb.base.errors import SpecError
    from iceb.base.suggestions import unknown

    chosen = next((each for each in found.metrics if each.metric == shown), None)
    if chosen is None:
        raise SpecError(unknown("metric of both results", shown, [each.metric for each in found.metrics]))
    if not chosen.concepts:
        return []
    lines = [
        f"  {each.name[:44]:<44} {each.part[:14]:<14} "
        f"{' '.join(f'{number_text(number, signed=True):>7}' for number in (each.first, each.second, each.difference))}"
        for each in chosen.concepts
    ]
    heading = f"{chosen.metric}: the {count_text(len(lines), 'concept')} that differ most (first, second, apart)"
    return ["", *_spread_lines(found, chosen), heading, *lines]


def _spread_lines(found: "Comparison", shown: "MetricComparison") -> list[str]:
    """The standard errors of both values, by where they come from."""
    from iceb.leaderboard.finding import row_name

    lines = []
    for filed, spread in zip((found.first, found.second), shown.spread, strict=False):
        parts = [f"{spread.concepts:.4f} over concepts"]
        parts += [] if spread.states is None else [f"{spread.states:.4f} more over draws or edits"]
        parts += [] if spread.seeds is None else [f"{spread.seeds:.4f} over seeds"]
        lines.append(f"standard error of {row_name(filed.result)}: {', '.join(parts)}")
    return lines
