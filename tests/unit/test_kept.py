"""No rank for a model that draws one sound image for every prompt, nor for one that was not edited."""

from dataclasses import replace

import numpy as np
import pytest

from iceb import registry
from iceb.base.errors import SpecError
from iceb.leaderboard.kept import LOST, UNTOLD
from iceb.leaderboard.rank import NO_BETTER, tables
from iceb.leaderboard.render import render
from iceb.metrics.nudenet_labels import LABELS
from iceb.specs.metrics import Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values

IMAGES = 40
TEXTS = ("a female nurse", "a male nurse", "a female cook", "a male cook")
WRONG, RIGHT, FITS = 0.10, 0.24, 0.26  # cosines: of an image of something else, of a good edit, of the unedited model
GATED = (
    *("ablation_memorized", "artists", "celebrities", "debias", "debias_single", "neighbours", "nudity", "objects"),
    *("preservation", "road", "styles", "timed", "timed147"),
)


def nudenet(bare):
    """Rows of NudeNet: one detection of a bare label in each of the first `bare` images."""
    rows = np.zeros((IMAGES, 2 * len(LABELS)))
    rows[:bare, LABELS.index("FEMALE_BREAST_EXPOSED")] = 1
    return rows


def genders(women, own=0.78):
    """Cosines with the own two texts and another profession's: the first `women` images are nearer to the female ones.

    On mini images fit their own texts by 0.78 and another profession's by 0.42; of a woman or a man in place of the
    profession the own texts have 0.43, and which is the nearest is chance.
    """
    rows = np.tile([own, own, 0.42, 0.44], (IMAGES, 1))
    rows[:women, (1, 3)] -= 0.1
    rows[women:, (0, 2)] -= 0.1
    return rows


def copies(share):
    """Descriptors, of which a share equals the memorised image's, (1, 0)."""
    rows = np.tile([0.0, 1.0], (IMAGES, 1))
    rows[: int(share * IMAGES)] = [1.0, 0.0]
    return rows


def fits(cosine):
    return np.full((IMAGES, 1), cosine)


# What the measures see of the unedited model, of a good edit, and of a model that draws one image for every prompt (of
# debias: of a person who is a woman half of the time and has no profession), as rows of headline and of what is kept.
SEEN = {
    "nudity": ((nudenet(20), fits(FITS)), (nudenet(4), fits(RIGHT)), (nudenet(0), fits(WRONG))),
    "debias": ((genders(38),) * 2, (genders(24),) * 2, (genders(20, own=0.43),) * 2),
    "ablation_memorized": ((copies(0.9), fits(FITS)), (copies(0.1), fits(RIGHT)), (copies(0.0), fits(WRONG))),
}


def score_of(metric, before, after):
    """The score of a metric by rows of both sides."""
    (need,) = metric.needs
    choices = TEXTS if need.role == "profession" else ()
    prompts = tuple(
        Prompt(f"p{n}", n, need.role, request=f"r{n % 4}", label=0, choices=choices, concept=f"c{n % 4}")
        for n in range(IMAGES)
    )
    sides = {"before": before, "after": after}
    measured = {name: Measured("m@1", np.asarray(rows, np.float32), prompts) for name, rows in sides.items()}
    references = {side: Measured("m@1", np.array([[1.0, 0.0]], np.float32), ()) for side in need.sides if ":" in side}
    return reduce_values(metric({need.key: {**measured, **references}}), metric.reduction)


def result_of(make_result, task, method, before, after, **named):
    """A result whose scores are those of the task's two metrics."""
    metrics = [registry.load("metrics", name) for name in (task.headline, task.kept)]
    scores = {}
    for metric, was, now in zip(metrics, before, after, strict=True):
        scores[metric.name] = (metric, score_of(metric, was, now))
    made = make_result(method, 10, dict.fromkeys(scores, 0.0), **named).result
    records = tuple(
        record.model_copy(
            update={
                "value": scores[record.metric][1].value,
                "before": scores[record.metric][1].before,
                "after": scores[record.metric][1].after,
                "stderr": 0.001,
                "higher_is_better": scores[record.metric][0].higher_is_better,
            }
        )
        for record in made.scores
    )
    return made.model_copy(update={"scores": records})


def as_aice(task):
    """The task under the name that results of the tests have."""
    return replace(task, name="aice", edit_counts=(10,))


@pytest.mark.parametrize("name", SEEN)
def test_neither_one_image_for_every_prompt_nor_no_edit_has_a_rank(make_result, name):
    task = as_aice(registry.load("tasks", name))
    before, good, collapsed = SEEN[name]
    results = [
        result_of(make_result, task, "emcid", before, good),
        result_of(make_result, task, "uce", before, collapsed),
        result_of(make_result, task, "mace", before, before),
        result_of(make_result, task, "unedited", before, before, paper=""),
    ]
    (table,) = tables(results, task)
    gains = {each.row.method: each.row.score(table.headline, 10).value for each in table.ranked[10]}
    assert gains["uce"] < gains["emcid"] < gains["unedited"]  # lower is better: by the headline alone it would win
    places = {each.row.method: each.place for each in table.ranked[10]}
    assert places == {"emcid": "1", "uce": LOST, "mace": NO_BETTER, "unedited": "control"}
    said = f"loses, from before the edit to after, more than 20 % of what {task.kept} reads has no rank: {LOST}"
    assert said in render("t", [table])


def test_a_row_without_the_number_has_no_rank(make_result):
    task = as_aice(registry.load("tasks", "nudity"))
    before, good, _ = SEEN["nudity"]
    found = result_of(make_result, task, "emcid", before, good)
    lacking = found.model_copy(update={"scores": [each for each in found.scores if each.metric == task.headline]})
    (table,) = tables([lacking], task)
    assert [each.place for each in table.ranked[10]] == [UNTOLD]


@pytest.mark.parametrize("name", GATED)
def test_what_must_be_kept_has_both_sides_and_is_lost_where_it_falls(name):
    task = registry.load("tasks", name)
    metric = registry.load("metrics", task.kept)
    assert any({"before", "after"} <= set(need.sides) for need in metric.needs)
    (change,) = {part.change for part in metric.reduction.parts.values()}
    assert change in (("after", "rise") if metric.higher_is_better else ("fall",))


@pytest.mark.parametrize("kept", ["no_such", "exposed_images"])
def test_what_is_kept_is_another_metric_of_the_task(kept):
    with pytest.raises(SpecError, match="must be one of its metrics, and not its headline"):
        replace(registry.load("tasks", "nudity"), kept=kept)
