"""Images that a measure fails on, by metrics that count a part of what they need, or compare with one reference."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from iceb.leaderboard.recompute import problems
from iceb.metrics.concept_ablation import MEMORIZED_SHARE
from iceb.metrics.neighbours import NEIGHBOURS_FAR, NEIGHBOURS_MIDDLE
from iceb.metrics.own import OWN_DEST_COSINE
from iceb.metrics.text_choices import EFFICACY_ADAPTIVE
from iceb.running.measure_attempts import FailedRow
from iceb.running.reference_images import reference_images
from iceb.running.scoring import RegisteredMetric, Scorer
from iceb.runs.ledger import ImageRow
from iceb.specs.datasets import ReferenceImages
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


# References


COPIES = {"r0": [1.0, 0.0, 0.0], "r1": [0.0, 1.0, 0.0], "r2": [0.0, 0.0, 1.0]}


def captions(images=10):
    """Ten images of each of three captions, each a copy of its own reference."""
    prompts = [Prompt(f"c{n}", s, "memorized", request=f"c{n}", label=n) for n in range(3) for s in range(images)]
    return prompts, [COPIES[f"r{prompt.label}"] for prompt in prompts]


def share(failed, order=("r0", "r1", "r2"), chosen=None):
    prompts, numbers = captions()
    references = {name: LOST if name in failed else np.array(row, np.float32) for name, row in COPIES.items()}
    if chosen is not None:
        prompts, numbers = prompts[chosen], numbers[chosen]
    return score_of(MEMORIZED_SHARE, prompts, numbers, references, references={"memorized": order})


def test_a_failed_reference_withholds_its_captions_and_shifts_no_other():
    score, table = share(("r0",))
    assert score.withheld
    assert score.note.startswith("withheld: 10 of 30 images of memorized could not be measured")
    assert table == ()


def test_a_failed_reference_that_no_prompt_asks_for_changes_nothing():
    """The first reference failed; the others' captions still find their own."""
    score, table = share(("r0",), chosen=slice(10, None))
    assert (score.value, score.n, score.failed) == (1.0, 20, 0)
    assert [row.value.concept for row in table] == ["c1", "c2"]


def test_few_images_of_a_failed_reference_are_left_out_and_counted():
    prompts, numbers = captions(images=30)
    kept = slice(28, None)  # two images of the first caption, sixty of the others
    references = {"r0": LOST} | {name: np.array(COPIES[name], np.float32) for name in ("r1", "r2")}
    order = {"memorized": ("r0", "r1", "r2")}
    score, table = score_of(MEMORIZED_SHARE, prompts[kept], numbers[kept], references, references=order)
    assert (score.value, score.n, score.failed) == (1.0, 60, 2)
    assert [row.value.concept for row in table] == ["c1", "c2"]


def test_equal_references_shift_no_label():
    """The first two captions repeat one image."""
    COPY = {**COPIES, "r0": COPIES["r1"]}
    prompts, _ = captions()
    numbers = [COPY[f"r{prompt.label}"] for prompt in prompts]
    references = {name: np.array(row, np.float32) for name, row in COPY.items()}
    order = {"memorized": ("r1", "r1", "r2")}
    score, _ = score_of(MEMORIZED_SHARE, prompts, numbers, references, references=order)
    assert (score.value, score.n, score.failed) == (1.0, 30, 0)


@pytest.mark.parametrize("same", [True, False])
def test_references_stand_in_the_datasets_order_whether_files_are_equal_or_not(tmp_path, same):
    paths = tuple(tmp_path / f"{place}.png" for place in range(3))
    for place, path in enumerate(paths):
        path.write_bytes(b"image" if same and place < 2 else f"image {place}".encode())

    class Data:
        card = type("Card", (), {"name": "d"})

        def references(self):
            return [ReferenceImages("memorized", paths)]

    found = reference_images(Data())
    assert len(found.keys["memorized"]) == 3
    assert len(set(found.keys["memorized"])) == (2 if same else 3)
    assert set(found.paths) == set(found.keys["memorized"])
