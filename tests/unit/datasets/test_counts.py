"""A number of edits beyond a task's data is refused with the largest one and a task that goes further."""

import re

import pytest

from iceb import registry
from iceb.base.errors import DataError
from iceb.datasets import EMBEDDED, open_dataset
from iceb.datasets.counts import FURTHER, check_asked

UPSTREAM_ONLY = {"ablation_memorized", "nudity", "timed147"}  # tested with small files of their own
TASKS = sorted({entry.name for entry in registry.entries_of("tasks")} - UPSTREAM_ONLY)
LARGEST = 1000


@pytest.mark.parametrize("task", TASKS)
def test_beyond_its_largest_number_every_task_names_one_that_goes_further(task):
    dataset = open_dataset(registry.load("tasks", task).dataset, EMBEDDED)
    with pytest.raises(DataError, match=f"`num_edits` asked for {LARGEST + 1}: choose 1 to ") as caught:
        dataset.schedule(LARGEST + 1)
    most = int(re.search(r"choose 1 to (\d+)", str(caught.value))[1])
    assert dataset.schedule(most)
    assert str(caught.value).endswith(f"; {FURTHER}") == (most < LARGEST)
    with pytest.raises(DataError, match=f"`num_edits` asked for 0: choose 1 to {most}$"):
        dataset.schedule(0)


def test_the_task_that_is_named_goes_as_far_as_the_message_says():
    assert f"task artists goes to {LARGEST} at once" == FURTHER
    assert open_dataset("artists", EMBEDDED).schedule(LARGEST)


def test_a_number_that_is_there_passes_and_one_beyond_says_what_to_do():
    check_asked("it has 3", 3, 3)
    with pytest.raises(DataError, match=f"^it has 3, `num_edits` asked for 4: choose 1 to 3; {FURTHER}$"):
        check_asked("it has 3", 4, 3)
