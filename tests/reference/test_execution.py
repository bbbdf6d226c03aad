"""How a method computes changes its edit by rounding alone, no key, and nothing that outlives the edit."""

from contextlib import suppress
from dataclasses import replace

import pytest
import torch

from iceb.methods.ablation import Ablation
from iceb.methods.common.denoiser import Condition, Denoiser
from iceb.methods.common.training import training_passes
from iceb.methods.emcid import EMCID, value_vectors
from iceb.methods.esd import ESD, training_samples
from iceb.methods.mace import MACE
from iceb.methods.mace import editing as mace_editing
from iceb.models.bundle import ModelBundle
from iceb.specs.execution import Execution
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import Sampling
from tests.memory import Memory

NAMES = ("golden retriever", "bee", "steam locomotive", "lemon", "violin")
REQUESTS = [EditRequest(f"t/{i}", name, (NAMES[i - 1],), ("a photo of {}", "{}"), i) for i, name in enumerate(NAMES)]
PRECISIONS = ("float32", "tf32", "bfloat16")


@pytest.fixture
def bundle(tiny_sd):
    """A bundle with sizes of its own, whose training images take two steps."""
    own = ModelBundle.of_pipeline(tiny_sd.pipeline)
    own.family = replace(tiny_sd.family, sampling=Sampling("ddim", 2, 4.0, 32, 32))
    return own


def method(name, captions):
    if name == "emcid":
        return EMCID(layers=(1, 2), steps=3, captions=str(captions))
    if name == "mace":
        small = {"prompts": 2, "images": 2, "draw_steps": 2, "segmenter": "none", "steps": 3}
        return MACE(captions=str(captions), ridge=1.0, **small)
    if name == "ablation":
        return Ablation(steps=2, images=4, draw_scheduler="ddim", draw_steps=2, batch=2, augment=False, flip=False)
    return ESD(iterations=3, sampling_steps=4, precision="float32")


@pytest.fixture
def captions(tmp_path):
    file = tmp_path / "captions.txt"
    file.write_text("\n".join(f"a {name} on a table" for name in NAMES))
    return file


def make_edit(bundle, chosen, memory=None, **execution):
    return chosen.edit(bundle, REQUESTS, context=MethodContext(memory or Memory(), Execution(**execution)))


def gap(one, other, bundle):
    """How far two edits are from each other, relative to what they change."""
    apart = sum(float((one.weights[name] - other.weights[name]).double().square().sum()) for name in one.weights)
    change = sum(float((one.weights[n] - bundle.parameter(n)).double().square().sum()) for n in one.weights)
    return (apart / change) ** 0.5


SIZES = {"emcid": "concepts_at_once", "mace": "concepts_at_once", "esd": "images_per_pass"}


@pytest.mark.parametrize("name", SIZES)
def test_a_pass_of_one_and_one_of_all_differ_by_rounding(bundle, captions, name):
    chosen = method(name, captions)
    one, all_ = (make_edit(bundle, chosen, **{SIZES[name]: size}) for size in (1, 16))
    assert gap(one, all_, bundle) < 1e-3


@pytest.mark.parametrize("name", SIZES)
def test_parts_made_at_one_pass_size_are_found_at_another(bundle, captions, name):
    chosen, memory = method(name, captions), Memory()
    first = make_edit(bundle, chosen, memory, **{SIZES[name]: 2})
    kept = len(memory.kept)
    again = make_edit(bundle, chosen, memory, **{SIZES[name]: 3})
    assert len(memory.kept) == kept
    assert all(torch.equal(first.weights[each], again.weights[each]) for each in first.weights)


WORK = {
    "emcid": (value_vectors, "optimise_values", lambda given: len(given[2])),
    "mace": (mace_editing, "train_terms", lambda given: len(given[2])),
    "esd": (training_samples.SampleMaker, "sample_latents", lambda given: len(given[1])),
}


@pytest.mark.parametrize("name", WORK)
def test_out_of_memory_halves_the_pass_and_the_edit_is_made(bundle, captions, name, monkeypatch):
    chosen, (place, word, count) = method(name, captions), WORK[name]
    real, sizes = getattr(place, word), []

    def with_room_for_two(*given, **more):
        sizes.append(count(given))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return real(*given, **more)

    whole = make_edit(bundle, chosen)
    monkeypatch.setattr(place, word, with_room_for_two)
    own = ModelBundle.of_pipeline(bundle.pipeline)
    own.family = bundle.family
    short = make_edit(own, chosen, **{SIZES[name]: 8})
    assert gap(whole, short, bundle) < 1e-3
    assert sizes[:2] == ([5, 4] if name != "esd" else [8, 4])
    assert set(sizes[3:]) <= {1, 2}
    assert own.pass_sizes.in_use[SIZES[name]] == 2


@pytest.mark.parametrize("name", ["emcid", "mace", "esd", "ablation"])
def test_bfloat16_passes_round_and_tf32_changes_nothing_on_a_processor(bundle, captions, name):
    chosen = method(name, captions)
    plain, tf32, coarse = (make_edit(bundle, chosen, precision=precision) for precision in PRECISIONS)
    assert gap(plain, tf32, bundle) == 0
    assert 0 < gap(plain, coarse, bundle) < 0.5
    assert all(weight.dtype == bundle.dtype for weight in coarse.weights.values())


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_training_leaves_the_arithmetic_of_a_gpu_as_it_was(precision):
    backends = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [backend.fp32_precision for backend in backends]
    with suppress(KeyboardInterrupt), training_passes(precision):
        assert {backend.fp32_precision for backend in backends} == {"tf32" if precision == "tf32" else "ieee"}
        raise KeyboardInterrupt
    assert [backend.fp32_precision for backend in backends] == before


def test_a_loss_is_in_float32_whatever_the_passes_are(tiny_sd):
    pipeline = tiny_sd.pipeline
    noised, text = torch.randn(2, 4, 8, 8, requires_grad=True), torch.randn(2, 77, 32)
    outs = {}
    for precision in PRECISIONS:
        denoiser = Denoiser(pipeline.unet, pipeline.vae, pipeline.scheduler, precision)
        outs[precision] = denoiser.output(noised, torch.tensor([3, 700]), Condition(text))
        (slope,) = torch.autograd.grad(outs[precision].square().mean(), noised)
        assert outs[precision].dtype == slope.dtype == torch.float32
    assert torch.equal(outs["float32"], outs["tf32"])
    gap, largest = (each.detach().abs().max() for each in (outs["float32"] - outs["bfloat16"], outs["float32"]))
    assert 0 < gap < 0.1 * largest
