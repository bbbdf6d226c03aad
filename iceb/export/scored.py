"""The runs of an export with the scores that have a value, and what is left out and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iceb.base.errors import SpecError
from iceb.export.asking import ExportAsk, LeftOutScore
from iceb.leaderboard.finding import row_name
from iceb.report.site.boards import Board, part_text
from iceb.report.site.read_runs import ReadRun
from iceb.specs.records import ScoreRecord
from iceb.specs.results import Result

UNSAID = "no reason is recorded"


@dataclass(frozen=True)
class ScoredRun:
    """One run and its scores that have a value.

    Attributes:
        label: the method with its settings in words.
    """

    run: ReadRun
    label: str
    scores: tuple[ScoreRecord, ...]

    @property
    def result(self) -> Result:
        """The run's result."""
        return self.run.result


def scored_runs(boards: Sequence[Board], ask: ExportAsk) -> tuple[list[ScoredRun], list[LeftOutScore]]:
    """Take every run of some boards with its scores; list the scores without a value."""
    found, left_out = [], []
    for run in (run for board in boards for run in board.runs.values()):
        scores = [score for score in run.result.scores if ask.reads(score.metric)]
        valued = tuple(score for score in scores if score.value is not None)
        found.append(ScoredRun(run, row_name(run.result), valued))
        left_out += [
            LeftOutScore(run.result.id, score.metric, score.note or UNSAID) for score in scores if score.value is None
        ]
    return found, left_out


def published_runs(boards: Sequence[Board], ask: ExportAsk) -> tuple[list[ScoredRun], list[LeftOutScore]]:
    """Take the runs that may stand on a hub as a task's results; list all other scores.

    Raises:
        SpecError: there is no such score.
    """
    runs, left_out = scored_runs(boards, ask)
    kept = [run for run in runs if run.scores and not why_kept_back(run.result)]
    left_out += [
        LeftOutScore(run.result.id, score.metric, why)
        for run in runs
        if (why := why_kept_back(run.result))
        for score in run.scores
    ]
    if not kept:
        example = f" ({left_out[0].text})" if left_out else ""
        raise SpecError(f"nothing to write: no score with a value is of a task's own complete run{example}")
    return kept, left_out


def why_kept_back(result: Result) -> str:
    """Say why a run is none of a task's own, or not a whole one; "" where it is both."""
    part, mark = part_text(result), result.outside.words if result.outside else ""
    missing = len(result.outside.missing) if result.outside else 0
    lacks = f"{missing} of the images were not handed in" if missing else ""
    partial = f"a partial run ({part})" if part else ""
    why = "; ".join(text for text in (partial, mark, lacks) if text)
    return why or ("" if result.status == "complete" else "a partial run")


def marks_of(result: Result) -> Mapping[str, Any]:
    """The fields that tell partial runs and those of own requests, images or models from a task's own."""
    return {
        "status": result.status,
        "limit": result.limit,
        "share": result.share,
        "outside": result.outside.words if result.outside else "",
    }
