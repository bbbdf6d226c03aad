"""Preservation: captions become prompts with their seeds, from the embedded file, a made-up one and the real one."""

import numpy as np
import pytest

from iceb.base.digest import digest_file
from iceb.base.errors import DataError, SpecError
from iceb.datasets import EMBEDDED, load_card, open_dataset
from iceb.datasets.preservation import Preservation
from iceb.metrics.preservation import (
    PRESERVATION_CHANGE,
    PRESERVATION_CLIP,
    PRESERVATION_FRECHET,
    PRESERVATION_KERNEL,
)
from iceb.mini.captions import corpus
from iceb.mini.mentions import every_class
from iceb.mini.unseen import unseen_classes
from iceb.running.joining import JoinedDataset, extend_task, join_task
from iceb.running.plan import Ask, plan
from iceb.specs.metrics import AFTER, BEFORE, Measured
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values
from iceb.specs.schedules import edit_batches
from iceb.specs.tasks import Task
from iceb.tasks.aice import AICE as AICE_TASK
from iceb.tasks.preservation import PRESERVATION as TASK
from tests.outside import upstream_data
from tools.mini.make_preservation import FILE, text_of_file

DATA = upstream_data()
CSV = "case_number,source,prompt,evaluation_seed,coco_id\n0,coco-30k,A dog. ,7,203564\n1,coco-30k,A cat,99,4\n"


@pytest.fixture
def small_captions(small):
    """Tiny AICE files with two captions."""
    small.counts.update(captions=2, distinct_photographs=2)
    return {**small.paths, "captions": small.write_text("captions.csv", CSV)}


def test_a_caption_is_one_prompt_with_the_files_seed_and_its_own_concept(small, small_captions):
    first, second = Preservation(small.card, small_captions).shared_prompts(1)
    assert (first.text, first.seed, first.role, first.concept) == ("A dog. ", 7, "preservation", "caption 203564")
    assert (second.request, second.label) == (None, None)


def test_another_number_of_captions_than_the_card_declares_is_refused(small, small_captions):
    small.counts["captions"] = 3
    with pytest.raises(DataError, match="has 2 captions, its data card declares 3"):
        Preservation(small.card, small_captions)


@pytest.mark.parametrize(
    "row", ["x,coco-30k,A dog,7,1", "0,coco-30k,,7,1", "0,coco-30k,A dog,-1,1", "0,coco-30k,A dog,7"]
)
def test_a_wrong_row_is_named(small, small_captions, row):
    small.write_text("captions.csv", CSV + row + "\n")
    with pytest.raises(DataError, match=r"captions\.csv, row 2: .*name a folder that holds the declared file"):
        Preservation(small.card, small_captions)


def test_the_embedded_captions_follow_their_rule():
    texts = [prompt.text for prompt in open_dataset("preservation", EMBEDDED).shared_prompts(1)]
    named = [every_class().classes(text) for text in texts]
    assert len(texts) == 500
    assert all(named)
    assert not set().union(*named) & unseen_classes()
    assert not set(texts) & set(corpus())
    assert FILE.read_text(encoding="utf-8") == text_of_file()


def test_the_requests_are_aices_to_the_letter_so_that_edits_are_shared():
    mine, aices = open_dataset("preservation", EMBEDDED), open_dataset("aice", EMBEDDED)
    (batch,), (other,) = edit_batches(mine.schedule(10)), edit_batches(aices.schedule(10))
    assert batch == other
    assert {prompt.role for prompt in mine.prompts(batch)} == {"source"}


@pytest.mark.skipif(not (DATA / "coco").is_dir(), reason=f"the upstream files are not below {DATA}")
def test_the_upstream_file_has_the_counts_of_the_card():
    card = load_card("preservation")
    assert digest_file(DATA / "coco" / "coco_30k.csv") == card.files["captions"].sha256
    prompts = open_dataset("preservation", str(DATA)).shared_prompts(1)
    seeds = {prompt.seed for prompt in prompts}
    assert (len(prompts), min(seeds), max(seeds), len(seeds)) == (30000, 10, 99998, card.counts["distinct_seeds"])
    assert len({prompt.text for prompt in prompts}) == card.counts["distinct_texts"]
    assert len({prompt.concept for prompt in prompts}) == 30000


# Metrics


def rows_of(values, count):
    prompts = tuple(Prompt(f"caption {at}", at, "preservation", concept=f"caption {at}") for at in range(count))
    return Measured("m@1", np.asarray(values, np.float32).reshape(count, -1), prompts)


def test_the_mean_change_is_the_mean_of_the_measures_rows():
    values = PRESERVATION_CHANGE({"preservation": {AFTER: rows_of(np.arange(20) / 20, 20)}})
    assert reduce_values(values, PRESERVATION_CHANGE.reduction).value == pytest.approx(np.mean(np.arange(20) / 20))


def test_the_fit_to_the_caption_is_the_change_of_a_hundred_cosines():
    draw = np.random.default_rng(0)
    before, after = draw.uniform(0.2, 0.4, (2, 30))
    values = PRESERVATION_CLIP({"preservation": {BEFORE: rows_of(before, 30), AFTER: rows_of(after, 30)}})
    score = reduce_values(values, PRESERVATION_CLIP.reduction)
    assert score.value == pytest.approx(100 * (after - before).mean(), abs=1e-5)
    assert score.before == pytest.approx(100 * before.mean(), abs=1e-5)


def test_a_shift_of_features_by_a_vector_has_its_squared_length_as_frechet_distance():
    draw = np.random.default_rng(1)
    before = draw.normal(size=(40, 3))
    sides = {BEFORE: rows_of(before, 40), AFTER: rows_of(before + np.array([3, 0, 4]), 40)}
    score = reduce_values(PRESERVATION_FRECHET({"preservation": sides}), PRESERVATION_FRECHET.reduction)
    assert score.value == pytest.approx(25, abs=1e-3)
    same = {BEFORE: rows_of(before, 40), AFTER: rows_of(before, 40)}
    assert reduce_values(PRESERVATION_KERNEL({"preservation": same}), PRESERVATION_KERNEL.reduction).value < 1e-6


# Joining


def open_joined(asked="preservation=20", tmp_path=None):
    return join_task(asked, 1, mini=True, data=None, cache=tmp_path, may_fetch=False)


def test_a_joined_task_brings_its_shared_prompts_and_the_metrics_that_read_them(tmp_path):
    found = open_joined(tmp_path=tmp_path)
    assert (len(found.prompts), found.roles) == (20, ("preservation",))
    assert found.metrics == ("preservation_frechet", "preservation_kernel", "preservation_change", "preservation_clip")
    task = extend_task(AICE_TASK, [found])
    assert task.headline == "edit_score"
    assert task.roles[-1] == "preservation"
    aice = open_dataset("aice", EMBEDDED)
    both = JoinedDataset(aice, [found]).shared_prompts(1)
    assert both == [*aice.shared_prompts(1), *found.prompts]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("preservation=", "must be a task, or TASK=COUNT"),
        ("preservation=0", "must be a task, or TASK=COUNT"),
        ("preservation=501", "has 500 shared prompts: ask for fewer"),
        ("nothing", "nothing"),
    ],
)
def test_a_wrong_joined_task_is_refused(tmp_path, asked, said):
    with pytest.raises(SpecError, match=said):
        open_joined(asked, tmp_path)


def test_a_task_with_a_role_of_the_joined_one_is_refused(tmp_path):
    with pytest.raises(SpecError, match="task preservation has the role preservation itself"):
        extend_task(TASK, [open_joined(tmp_path=tmp_path)])


def test_a_joined_run_is_another_one_than_the_run_without(tmp_path):
    ask = {"task": "aice", "method": "unedited", "num_edits": 1, "cache": tmp_path}
    alone, both = plan(Ask(**ask)), plan(Ask(**ask, with_tasks=("preservation=20",)))
    fewer = plan(Ask(**ask, with_tasks=("preservation=10",)))
    assert len({each.spec.id for each in (alone, both, fewer)}) == 3
    drawn = [prompt for checkpoint in both.checkpoints for prompt in checkpoint.prompts]
    assert sum(prompt.role == "preservation" for prompt in drawn) == 20
    assert [each.metric.name for each in both.parts.scorer.metrics][-1] == "preservation_clip"
    assert isinstance(both.parts.task, Task)
