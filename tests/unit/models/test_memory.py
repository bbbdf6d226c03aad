"""Where memory does not suffice, a pass is halved until it fits; nothing is lost, and what fits is remembered."""

import logging

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from iceb.base.errors import ModelError
from iceb.base.out_of_memory import out_of_memory
from iceb.models import drawing
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import initial_latents, texts_to_images
from iceb.models.memory import PassSize, PassSizes
from iceb.models.threads import parallel_map, worker_threads
from iceb.specs.runs import Sampling

SAMPLING = Sampling("ddim", 2, 4.0, 32, 32)
SHORTAGES = [
    MemoryError("Unable to allocate 2 GiB for an array"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory: you tried"),
]


class Small:
    """Work that has room for so many items."""

    def __init__(self, room, error=SHORTAGES[1]):
        self.room, self.error, self.passes = room, error, []

    def __call__(self, items, size):
        if size > self.room:
            raise self.error
        self.passes.append(len(items))
        return list(items)


@given(items=st.lists(st.integers(), max_size=40), asked=st.integers(1, 64), room=st.integers(1, 64))
def test_every_item_is_worked_on_once_and_in_order_in_passes_that_fit(items, asked, room):
    size, work = PassSize("images_per_pass", asked), Small(room)
    assert [item for part in size.run(work, items) for item in part] == items
    assert max(work.passes, default=0) <= room
    assert size.size == asked or (size.size <= room and items)


@given(asked=st.integers(1, 64), room=st.integers(1, 64))
def test_a_fitting_pass_size_is_remembered(asked, room):
    sizes, work = PassSizes(), Small(room)
    sizes.of("concepts_at_once", asked).run(work, range(asked))
    first, work.passes = sizes.of("concepts_at_once", asked).size, []
    sizes.of("concepts_at_once", asked).run(work, range(asked))
    assert sizes.of("concepts_at_once", asked).size == first == work.passes[0]
    assert sizes.in_use == {"concepts_at_once": first}


@pytest.mark.parametrize("error", SHORTAGES, ids=lambda error: type(error).__name__)
def test_a_shortage_of_memory_is_known_by_its_kind_or_its_words(error):
    assert out_of_memory(error)
    assert PassSize("images_per_pass", 8).run(Small(2, error), range(4)) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("error", [RuntimeError("shapes cannot be multiplied"), ValueError("out of memory")])
def test_any_other_error_goes_through_at_once(error):
    assert not out_of_memory(error)
    size = PassSize("images_per_pass", 8)
    with pytest.raises(type(error), match=str(error)):
        size.run(Small(2, error), range(4))
    assert size.size == 8


def test_tried_and_fitting_pass_sizes_are_reported_once(caplog):
    with caplog.at_level(logging.WARNING):
        PassSize("images_per_pass", 8).run(Small(2), range(9))
    assert caplog.messages == ["out of memory with `images_per_pass` 8, 4: fits with `images_per_pass` 2"]


def test_items_of_several_images_are_reported_in_images(caplog):
    sizes = PassSizes()
    with caplog.at_level(logging.WARNING):
        sizes.of("images_per_pass", 4, each=3).run(Small(2), range(9))
    assert caplog.messages == ["out of memory with `images_per_pass` 12: fits with `images_per_pass` 6"]
    assert sizes.in_use == {"images_per_pass": 6}


def test_too_little_for_one_is_one_line_that_says_what_was_tried():
    with pytest.raises(
        ModelError, match=r"with `concepts_at_once` 6, 3, 1 \(CUDA out of memory.*\): use `dtype=float16`"
    ):
        PassSize("concepts_at_once", 6).run(Small(0), range(6))


def test_threads_share_one_size():
    size = PassSize("images_per_pass", 16)
    with worker_threads(4):
        found = list(parallel_map(lambda group: size.run(Small(3), group), [range(8)] * 12))
    assert [[item for part in parts for item in part] for parts in found] == [list(range(8))] * 12
    assert size.size == 2


def test_images_are_drawn_in_smaller_passes_and_are_those_of_that_size(tiny_sd, monkeypatch):
    texts, whole = [f"a photo of thing {place}" for place in range(5)], drawing.draw_pass
    latents = initial_latents(tiny_sd, range(5), SAMPLING)
    small = ModelBundle.of_pipeline(tiny_sd.pipeline)
    small._images_per_pass = 2
    wanted = texts_to_images(small, texts, latents, SAMPLING)

    def with_room_for_two(bundle, away, toward, noise, sampling):
        if len(noise) > 2:
            raise SHORTAGES[0]
        return whole(bundle, away, toward, noise, sampling)

    monkeypatch.setattr(drawing, "draw_pass", with_room_for_two)
    short = ModelBundle.of_pipeline(tiny_sd.pipeline)
    assert np.array_equal(texts_to_images(short, texts, latents, SAMPLING), wanted)
    assert short.images_per_pass.size == 2
    with short.applied(_edit(short)) as edited:
        assert edited.images_per_pass.size == 2


def _edit(bundle):
    from iceb.specs.methods import Edit

    name, weight = next(iter(bundle.parameters_named("*fc2.weight").items()))
    return Edit({name: weight + 1})


def test_workers_are_torchs_threads_while_they_are_wanted():
    before = torch.get_num_threads()
    with worker_threads(before + 2):
        assert torch.get_num_threads() == before + 2
    with worker_threads(None):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before
