"""Explain how to read a table: ranking metric, numbers of edits, ties and dashes."""

from collections.abc import Sequence

from iceb.baselines.recipes import SAME_REQUESTS
from iceb.leaderboard.ceiling import OF_CEILING, anchors_at
from iceb.leaderboard.columns import Column
from iceb.leaderboard.edits_made import ALONE, controls_line, edits_lines
from iceb.leaderboard.failed_images import EXPLAINED as FAILED_EXPLAINED
from iceb.leaderboard.failed_images import FAILED
from iceb.leaderboard.kept import LOST, UNTOLD
from iceb.leaderboard.known_floor import FLOOR
from iceb.leaderboard.markdown import MISSING, cell
from iceb.leaderboard.rank import NO_BETTER, TOO_FEW, Table
from iceb.leaderboard.twins import twins_lines
from iceb.leaderboard.unranked import ALLOWED, DEGENERATE, EXPLAINED, UNNAMED, explain_unranked
from iceb.registry import OWN
from iceb.specs.outside import ELSEWHERE, WORDS
from iceb.specs.shown_intervals import records_intervals, shown_interval
from iceb.specs.tasks import MOST_LOST


def reading(table: Table) -> str:
    """Make the list above a table's scores."""
    edits = edits_lines(table)
    over = "concepts and edits" if ALONE in edits else "concepts"  # edits made alone differ beside their concepts
    lines = [
        *_definitions(table),
        *twins_lines(table),
        f"↑ more is better, ↓ less is better. ± is one standard error over {over}; [low, high] is the 95 % interval, "
        "given from ten concepts of equal weight on, and where draws or seeds are pooled from ten of those. A number "
        f"without ± rests on one concept, is the same for every concept, or is a mean with a part of 0"
        f"{_denial_note(table)}.{_intervals(table)}",
        *_ranking(table),
        *_elsewhere(table),
        controls_line(table),
        *edits,
        *_settings_of(table),
        "A row of published settings is named so, with what they were published for where that is another task; on "
        "AICE “published” alone also stands for the defaults of UCE's and ESD's programs and for TIME's and ReFACT's "
        "settings for their own tasks ([the names](../baselines/README.md)). They are the authors' except counts tied "
        "to a model's size, stand-ins for what the model lacks, and the model's own sampling where the method draws "
        "images, each named below. A row of settings chosen for this model says so; where those make another "
        "algorithm, its name ends in “with …” and its fidelity is “variant”. Settings in brackets are of neither.",
        "A recipe's text below is that of the row's commit; today's recipe may word the same settings otherwise.",
        "fidelity is the row's to its authors' code ([what the words mean](../docs/methods/README.md)); ‖ΔW‖/‖W‖ is "
        "the change of the weights that the edit changes, against their own size.",
        "Every number follows from the per-concept table beside its result, and is computed again from it. A "
        "reproduction is another run of the same row whose numbers agree ([what this proves](../docs/results.md)).",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _settings_of(table: Table) -> list[str]:
    """Say whose settings the rows have, where the task edits another's requests and has its recipes."""
    other = SAME_REQUESTS.get(table.identity.task)
    if other is None:
        return []
    return [
        f"The requests are {other.upper()}'s, and so are the settings: “published” is what was published for "
        f"{other.upper()}, “tuned for mini” what was tuned by its scores."
    ]


def _intervals(table: Table) -> str:
    """Say by which method the intervals are; nothing where there are none."""
    results = [found.first for row in table.order for found in row.cells.values()]
    some = [each for each in results if any(shown_interval(score, each) for score in each.scores)]
    recorded = {records_intervals(each) for each in some}
    if not recorded:
        return ""
    chosen = (
        "BCa over what was drawn at random, and by Student's t where draws, seeds or edits with concepts in common are "
        "pooled and of sets' scores"
    )
    dated = "Student's t over concepts{whose}, and too short where few concepts stand apart from the rest"
    said = {
        (True,): chosen,
        (False,): dated.format(whose=", which is all that these results record"),
        (False, True): f"{chosen}; of results that record no such interval, {dated.format(whose='')}",
    }[tuple(sorted(recorded))]
    return f" Intervals are by {said} ([which holds where](../docs/statistics.md#which-interval))."


def _denial_note(table: Table) -> str:
    """Name the columns of steps whose halves may deny them, where the table has some."""
    scores = [score for row in table.order for found in row.cells.values() for score in found.scores]
    names = dict.fromkeys(score.metric for score in scores if score.reduction.steps)
    return f", or, of {', '.join(map(cell, names))}, halves of the concepts mostly have another value" if names else ""


def _definitions(table: Table) -> list[str]:
    """Link to what the task asks and what each of our metrics is."""
    task = table.identity.task
    if "/" in task:  # another package's, of which no page stands here
        return []
    return [
        f"What is edited, drawn and asked, and what the task does not tell: [{task}](../docs/tasks/{task}.md). What a "
        "column is: [metrics](../docs/metrics/README.md)."
    ]


def _ranking(table: Table) -> list[str]:
    if table.headline is None:
        return ["No row has the task's headline, so nothing is ranked."]
    declared = ", ".join(map(str, table.declared))
    shared = "" if table.evidence.task.cluster == "request" else f"{table.evidence.task.cluster} or a "
    lines = [
        f"{_headline_link(table.headline)} ranks, at each number of edits that the task declares ({declared}). Results "
        "at other numbers are listed and rank nothing. In brackets behind a score stands its rank.",
        "A rank is the range of ranks that the row may have, “2–4”: it begins after all rows that are proven better "
        "and ends before those that are proven worse. Every pair of rows that may rank is tested on the same concepts "
        f"and seeds (a paired t test; what shares a {shared}draw counts once), and Holm's rule holds the chance that "
        "any rank of a number of edits is wrong below 5 %, as far as t holds: over fewer than a hundred concepts it "
        "may fail where a few of them make the difference ([how often](../docs/claims.md)).",
        "Rows with a letter in common under “ties” are not told apart: each letter is a largest group without a proven "
        "difference, so a row may have several ([statistics](../docs/statistics.md)).",
        "A score without an error, which rests on one concept, has no rank, and none has a score of fewer than ten "
        f"concepts of equal weight: {TOO_FEW}.",
        *_degenerate(table),
        *_no_effect(table),
        *explain_unranked(found for row in table.order for found in row.cells.values()),
        *([FAILED_EXPLAINED] if any(each.reason == FAILED for at in table.ranked.values() for each in at) else []),
        *_loss_note(table),
        *_seen_note(table),
        f"`{FLOOR}` is the floor, the model as it was. A row that the same tests do not prove better than it has no "
        f"rank and is marked “{NO_BETTER}”, which does not prove it equal. In brackets, ({MISSING}) is no rank for "
        f"whatever reason; the tables say which.{_without_floor(table)}",
    ]
    return [*lines, *_ceiling(table), *([cell(table.note)] if table.note else [])]


def _headline_link(headline: Column) -> str:
    label, key = cell(headline.label), headline.key
    return f"[{label}](../docs/metrics/{key.metric}.md)" if key.package == OWN else label


def _ceiling(table: Table) -> list[str]:
    """Explain the column of anchored scores, where some number of edits has it."""
    if not any(anchors_at(table, count) for count in table.counts):
        return []
    return [
        f"{OF_CEILING}: the headline between `{FLOOR}`, 0, and `{table.ceiling}`, 1. These two are fixed points and no "
        "contenders, so no other row moves it."
    ]


def _elsewhere(table: Table) -> list[str]:
    """Say of rows of other programs who answers for them, where some row is one."""
    marks = (found.first.outside for row in table.order for found in row.cells.values())
    made = {each.made_by for each in marks if each is not None}
    lines = []
    if "images" in made:
        lines.append(
            f"A row ({ELSEWHERE}) of {WORDS['images']} rests on its maker's word that they are the edited model's, "
            "drawn as asked: nobody else can make them again ([how it is marked](../docs/scoring_images.md))."
        )
    if "checkpoint" in made:
        lines.append(f"A row ({ELSEWHERE}) of a {WORDS['checkpoint']} was drawn here; its edit was made by its maker.")
    return lines


def _degenerate(table: Table) -> list[str]:
    """Explain the column of degenerate images, where some row has it."""
    if all(found.first.degenerate is None for row in table.order for found in row.cells.values()):
        return ["Images that show nothing were not counted when these rows were made, so none lost its rank by them."]
    return [
        "degenerate counts images that show nothing (blank, noise, blobs of colour), after the edit and in brackets of "
        f"the same prompts before. {EXPLAINED[DEGENERATE]}"
        + (f" {ALLOWED}" if any(row.control and row.method == UNNAMED for row in table.order) else "")
    ]


def _no_effect(table: Table) -> list[str]:
    """Explain the column of edits without effect, where some row has it."""
    if not any(found.has_idle_edits for row in table.order for found in row.cells.values()):
        return []
    return [
        "no effect counts edits that changed no image of what they edit, byte by byte, of those that could be judged. "
        "Their images count in the scores as they are; a run of which no edit has an effect is a failed one."
    ]


def _loss_note(table: Table) -> list[str]:
    """Explain the metric that withholds ranks, where the task has one."""
    if not table.kept.metric:
        return []
    return [
        "The headline alone would let a row win by damage, so a row that "
        f"loses, from before the edit to after, more than {100 * MOST_LOST:g} % of what {table.kept.metric} reads has "
        f"no rank: {LOST}; nor has one without that number: {UNTOLD}."
    ]


def _seen_note(table: Table) -> list[str]:
    """Say what else parts seen from unseen classes, where both are columns."""
    if not {"holdout_seen", "holdout_unseen"} <= {column.key.metric for column in table.columns}:
        return []
    return [
        "holdout_seen and holdout_unseen part the holdout by whether preserved captions name a class. Every "
        "destination of a request is among the seen classes and none among the unseen ones, so the two differ in that "
        "too: [the holdout by captions](../docs/corpus.md) parts them."
    ]


def _without_floor(table: Table) -> str:
    missing = [count for count in table.counts if count in table.declared and count not in table.floors]
    if not missing:
        return ""
    edits = "edit" if missing == [1] else "edits"
    return f" At {_join_counts(missing)} {edits} it was not run: every row with a score is ranked there."


def _join_counts(counts: Sequence[int]) -> str:
    first = ", ".join(map(str, counts[:-1]))
    return f"{first} and {counts[-1]}" if first else str(counts[-1])
