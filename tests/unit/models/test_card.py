"""What a GPU decides about drawing, tried without one: the size of passes, of slices, and the order of weights."""

import pytest
import torch

from iceb.base import gpu_peak
from iceb.models import bundle
from iceb.models.card import fitting_size
from iceb.models.drawing import _slice_of
from iceb.models.loading import lay_out
from iceb.models.memory import PassSizes
from iceb.running import cost
from iceb.specs.methods import Edit
from iceb.specs.runs import Sampling

LARGE = Sampling("ddim", 2, 3.0, 512, 512)


@pytest.fixture
def card_of_sixteen(tiny_sd, monkeypatch):
    """A bundle that takes itself for one on a GPU, which holds sixteen images; with the passes that found it out."""
    measured = []

    def images_that_fit(known):
        measured.append(known.images_per_pass.size)  # the passes that find it out have the family's number
        return 16

    monkeypatch.setattr(bundle, "images_that_fit", images_that_fit)
    monkeypatch.setattr(tiny_sd, "device", torch.device("cuda"))
    monkeypatch.setattr(tiny_sd, "_images_per_pass", None)
    monkeypatch.setattr(tiny_sd, "pass_sizes", PassSizes())
    return tiny_sd, measured


@pytest.mark.parametrize(("room", "size"), [(1000, 32), (319, 16), (80, 8), (79, 4), (9, 1), (-5, 1)])
def test_a_pass_is_the_familys_doubled_or_halved_until_it_fits(room, size):
    assert fitting_size(8, room=room, each=10) == size


def test_passes_are_fitted_once_for_a_model_and_its_edits(card_of_sixteen):
    known, measured = card_of_sixteen
    edited = known.named_under({}, {}, "")
    assert [each.images_per_pass.size for each in (edited, known, edited)] == [16] * 3
    assert measured == [known.family.images_per_pass("cuda")]
    assert known.pass_sizes.in_use == {"images_per_pass": 16}


def test_a_fitted_pass_that_memory_does_not_suffice_for_stays_halved(card_of_sixteen):
    known, _ = card_of_sixteen

    def work(_, size):
        if size > 4:
            raise RuntimeError("CUDA out of memory")

    known.images_per_pass.run(work, range(8))
    assert known.images_per_pass.size == 4


def test_a_number_that_was_asked_for_is_not_fitted(card_of_sixteen, monkeypatch):
    known, measured = card_of_sixteen
    monkeypatch.setattr(known, "_images_per_pass", 3)
    assert (known.images_per_pass.size, measured) == (3, [])


def test_nothing_is_fitted_on_a_processor(tiny_sd, monkeypatch):
    monkeypatch.setattr(bundle, "images_that_fit", lambda _: pytest.fail("measured a processor"))
    assert tiny_sd.images_per_pass.size


def test_a_runs_peak_outlives_the_reset_that_a_fitted_pass_needs(monkeypatch):
    highest = {"bytes": 700}
    monkeypatch.setattr(gpu_peak.GPU, "earlier", 0)
    for name, value in {"is_available": True, "is_initialized": True}.items():
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: highest["bytes"])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: highest.update(bytes=100))
    read, reset = torch.cuda.max_memory_allocated, torch.cuda.reset_peak_memory_stats
    assert gpu_peak.GPU.within(read, reset, lambda: highest.update(bytes=300)) == 300
    assert cost.peak_gpu_bytes() == 700
    cost.reset_peaks()
    assert cost.peak_gpu_bytes() == 100


def latents_on_a_gpu(count):
    return type("Latents", (), {"is_cuda": True, "__len__": lambda _: count})()


@pytest.mark.parametrize(("count", "size"), [(32, 4), (6, 3), (7, 1), (2, 2)])
def test_large_images_are_decoded_in_slices_of_one_shape(count, size):
    assert _slice_of(latents_on_a_gpu(count), LARGE) == size


def test_large_images_are_decoded_alone_on_a_processor_and_where_they_are_larger():
    assert _slice_of(torch.zeros(8, 4, 2, 2), LARGE) == 1
    assert _slice_of(latents_on_a_gpu(8), Sampling("ddim", 2, 3.0, 1024, 1024)) == 1


def test_weights_of_an_edit_lie_as_those_that_they_replace(tiny_sd):
    name = "unet.conv_in.weight"
    plain = tiny_sd.pipeline.unet.conv_in.weight.stride()
    lay_out(tiny_sd.pipeline, torch.device("cpu"))
    assert tiny_sd.pipeline.unet.conv_in.weight.stride() == plain
    lay_out(tiny_sd.pipeline, torch.device("cuda"))  # the order alone; the weights stay where they are
    before = tiny_sd.parameter(name)
    assert before.stride() != plain
    tiny_sd._core.take(tiny_sd.pipeline)
    new = torch.randn_like(before).contiguous()
    with tiny_sd.applied(Edit({name: new})) as edited:
        assert edited.parameter(name).stride() == before.stride()
        assert torch.equal(edited.parameter(name), new)
        edited.verify()
    assert tiny_sd.parameter(name).data_ptr() == before.data_ptr()
