"""Images that a measure fails on, by metrics that count a part of what they need."""

from dataclasses import dataclass, field, replace

import numpy as np

from iceb.leaderboard.recompute import problems
from iceb.metrics.neighbours import NEIGHBOURS_FAR, NEIGHBOURS_MIDDLE
from iceb.metrics.own import OWN_DEST_COSINE
from iceb.metrics.text_choices import EFFICACY_ADAPTIVE
from iceb.running.measure_attempts import FailedRow
from iceb.running.scoring import RegisteredMetric, Scorer
from iceb.runs.ledger import ImageRow
from iceb.specs.prompts import Prompt

LOST = FailedRow("measure m@1 raised ValueError: not this one")


@dataclass(frozen=True)
class Judge:
    """A measure of a run, whose numbers are known."""

    id: str = "m@1"
    revision: str = "8" * 64
    inputs: str = "image"


@dataclass
class Known:
    """Numbers by image key."""

    numbers: dict = field(default_factory=dict)

    def rows(self, measure, wanted, what=""):
        return {image.key(measure): self.numbers[image.key(measure)] for image in wanted}


def key(place, side="after"):
    return f"{place:03d}".ljust(64, "a" if side == "after" else "b")


def image_rows(prompts):
    return [ImageRow("end", "", prompt, key(place, "before"), key(place)) for place, prompt in enumerate(prompts)]


def score_of(metric, prompts, numbers, others=None, **options):
    """The score and table of some prompts' images; `numbers` by place hold both sides, or what failed after."""
    known = {}
    for place, row in enumerate(numbers):
        sound = np.asarray(numbers[0] if isinstance(row, FailedRow) else row, np.float32)
        known |= {key(place, "before"): sound, key(place): row if isinstance(row, FailedRow) else sound}
    known |= others or {}
    (need, *_) = metric.needs
    scorer = Scorer([RegisteredMetric(metric, "iceb")], {need.measure: Judge()}, Known(known), **options)
    found = scorer.scores(image_rows(prompts))
    return found.groups[""][0], found.table


# Rings


def bystanders(near=180, far=20):
    hops = ["hops=1"] * near + ["hops=5"] * far
    return [
        Prompt(f"a {n}", n, "bystander", label=0, concept=f"c{n // 2}", tags=("by_hops", h)) for n, h in enumerate(hops)
    ]


def result_of(make_result, score, table):
    """A result that holds this score."""
    made = make_result(scores={score.metric: 0.1})
    return replace(made.with_fields(scores=(score,)), rows=table).with_rows(tuple(table))


def test_a_failed_image_beyond_a_ring_is_none_of_the_rings(make_result):
    """Four of 200 bystanders failed: more than 5 % of the ring's 20, which has all of its own."""
    numbers = [LOST] * 4 + [[0.5]] * 196
    numbers[0], numbers[10] = [0.5], LOST
    score, table = score_of(NEIGHBOURS_MIDDLE, bystanders(), numbers)
    assert (score.n, score.failed, score.withheld) == (20, 0, False)
    made = result_of(make_result, score, table)
    assert problems(made.result, made.rows) == []


def test_a_failed_image_of_a_ring_counts_against_its_images(make_result):
    numbers = [[0.5]] * 199 + [LOST]
    score, table = score_of(NEIGHBOURS_MIDDLE, bystanders(), numbers)
    assert (score.n, score.failed) == (19, 1)
    made = result_of(make_result, score, table)
    assert problems(made.result, made.rows) == []
    few, _ = score_of(NEIGHBOURS_MIDDLE, bystanders(), [[0.5]] * 198 + [LOST] * 2)
    assert few.note.startswith("withheld: 2 of 20 images of bystander could not be measured")
    nobody, _ = score_of(NEIGHBOURS_FAR, bystanders(), numbers)
    assert (nobody.value, nobody.failed) == (None, 0)


def test_a_count_of_failed_images_that_no_run_writes_is_found(make_result):
    score, table = score_of(NEIGHBOURS_MIDDLE, bystanders(), [[0.5]] * 200)
    made = result_of(make_result, score.model_copy(update={"failed": 3, "failed_why": "m raised"}), table)
    assert "3 images beside 20 failed, more than 5 %" in " ".join(problems(made.result, made.rows))


def test_a_prompt_that_has_no_destination_is_none_that_failed():
    tags = [("text",)] * 20 + [("text", "erased")] * 4
    prompts = [Prompt(f"a {n}", n, "source", request=f"r{n}", tags=each) for n, each in enumerate(tags)]
    score, _ = score_of(OWN_DEST_COSINE, prompts, [[0.2, 0.1]] * 20 + [LOST] * 4)
    assert (score.n, score.failed) == (20, 0)


def test_images_that_are_a_yardstick_may_outnumber_those_that_are_judged(make_result):
    """One of 40 oracle images failed, which is more than 5 % of the four that are judged."""
    texts = {"choices": ("a door", "an ivory door"), "answer": 1, "request": "r"}
    prompts = [Prompt("a door", n, "source", **texts) for n in range(4)]
    prompts += [Prompt("an ivory door", n, "oracle_source", **texts) for n in range(40)]
    rows = image_rows(prompts)
    known = {each: np.array([0.2, 0.3], np.float32) for row in rows for each in (row.before, row.after)}
    known[rows[-1].before] = LOST
    scorer = Scorer([RegisteredMetric(EFFICACY_ADAPTIVE, "iceb")], {"clip_bigg": Judge()}, Known(known))
    found = scorer.scores(rows)
    (score,) = found.groups[""]
    assert (score.n, score.failed, score.value) == (4, 1, 1.0)
    made = result_of(make_result, score, found.table)
    assert problems(made.result, made.rows) == []
