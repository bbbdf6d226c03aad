"""A model that was edited elsewhere and only erases: tasks that need a destination refuse it, others take it."""

from pathlib import Path
from typing import get_args

import pytest

from iceb import registry
from iceb.base.errors import MethodError
from iceb.methods.esd import ESD
from iceb.models.sources import find
from iceb.running.checkpoint_method import card_of, checkpoint_method
from iceb.running.plan import Ask, refuse_kinds
from iceb.specs.tasks import Kind, Task

TASKS = [entry.name for entry in registry.entries_of("tasks") if entry.package == registry.OWN]
NEEDS_DEST: tuple[Kind, ...] = ("rectify", "balance")


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("erases", [True, False])
def test_an_eraser_takes_part_where_no_destination_is_needed_and_only_there(name, erases):
    task: Task = registry.load("tasks", name)
    ask, card = Ask(name, "mine", 1), card_of("mine", erases=erases)
    if erases and task.kind in NEEDS_DEST:
        with pytest.raises(MethodError, match=f"method mine cannot {task.kind}, which task {name} asks for"):
            refuse_kinds(ask, task, card)
    else:
        refuse_kinds(ask, task, card)


def test_its_card_declares_what_the_card_of_a_method_that_erases_does():
    card = card_of("mine", erases=True)
    assert (set(card.kinds), card.reaches_dest) == (set(ESD.card.kinds), ESD.card.reaches_dest)
    assert set(card_of("mine", erases=False).kinds) == set(get_args(Kind))


def test_the_mark_is_in_the_identity_of_the_run(tiny_sd_folder: Path):
    source = find(str(tiny_sd_folder))
    made = [checkpoint_method(tiny_sd_folder, "mine", source, erases=erases) for erases in (False, True)]
    assert made[0].code != made[1].code
    assert [each.record.reaches_dest for each in made] == [True, False]
