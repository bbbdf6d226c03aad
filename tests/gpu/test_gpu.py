"""Each path that has code for a GPU, on one: drawing, training, measuring, and memory that does not suffice."""

import numpy as np
import pytest
import torch

from iceb.methods.emcid import EMCID
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import initial_latents, texts_to_images
from iceb.models.generator import Generator
from iceb.models.sources import find
from iceb.registry import load
from iceb.specs.execution import Execution
from iceb.specs.methods import Edit, MethodContext
from iceb.specs.metrics import MeasureInput
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest
from iceb.specs.runs import Sampling
from iceb.stores.images import ImageStore
from tests.memory import Memory

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
SAMPLING = Sampling("ddim", 5, 3.0, 32, 32)
TEXTS = [f"a photo of a {name}" for name in ("hen", "boat", "golden retriever", "lemon", "violin")]
REQUESTS = [EditRequest("g/0", "hen", ("lemon",), ("a {}",), 1), EditRequest("g/1", "boat", ("hen",), ("a {}",), 2)]


@pytest.fixture(scope="module")
def mini():
    """mini on both devices."""
    return {device: ModelBundle(find("mini"), device) for device in ("cpu", "cuda")}


def draw(bundle, count=5):
    return texts_to_images(bundle, TEXTS[:count], initial_latents(bundle, range(count), SAMPLING), SAMPLING)


def test_images_on_a_gpu_are_those_of_a_processor_but_for_rounding(mini):
    apart = np.abs(draw(mini["cuda"]).astype(int) - draw(mini["cpu"]).astype(int))
    assert apart.mean() < 1.0  # of 255; convolutions may use TF32


def test_an_image_does_not_depend_on_what_is_drawn_beside_it(mini):
    together, alone = draw(mini["cuda"]), [draw(mini["cuda"], count)[-1] for count in range(1, len(TEXTS) + 1)]
    assert all(np.array_equal(one, other) for one, other in zip(together, alone, strict=True))


def test_images_are_stored_whole_beside_drawing_in_passes_that_fit_the_card(tmp_path):
    bundle, store = ModelBundle(find("mini"), "cuda"), ImageStore(tmp_path)
    prompts = [Prompt(text, seed, "source") for seed, text in enumerate(TEXTS * 60)]
    generator = Generator(store)
    keys = generator.draw(bundle, prompts, SAMPLING)
    size = bundle.images_per_pass.size
    assert size & (size - 1) == 0
    assert generator.tally.drawn == len(prompts)
    latents = initial_latents(bundle, range(len(prompts)), SAMPLING)
    again = texts_to_images(bundle, [prompt.text for prompt in prompts], latents, SAMPLING)
    assert all(np.array_equal(store.load(key), image) for key, image in zip(keys, again, strict=True))


def test_weights_lie_as_kernels_read_them_and_so_do_an_edits(mini):
    name = "unet.conv_in.weight"
    before = mini["cuda"].parameter(name)
    assert before.is_contiguous(memory_format=torch.channels_last)
    plain = draw(mini["cuda"])
    with mini["cuda"].applied(Edit({name: before.cpu().contiguous()})) as edited:
        assert edited.parameter(name).stride() == before.stride()
        assert np.array_equal(draw(edited), plain)


def test_large_images_in_slices_do_not_depend_on_what_is_decoded_beside_them(mini):
    large = Sampling("ddim", 2, 3.0, 512, 512)
    latents = initial_latents(mini["cuda"], range(5), large)
    bundle = ModelBundle(find("mini"), "cuda", images_per_pass=4)
    together = texts_to_images(bundle, TEXTS, latents, large)
    alone = [texts_to_images(bundle, [text], latents[[row]], large)[0] for row, text in enumerate(TEXTS)]
    assert all(np.array_equal(one, other) for one, other in zip(together, alone, strict=True))


def make_edit(bundle, precision="float32"):
    method = EMCID(layers=(10,), steps=5, caption_count=200)
    return method.edit(bundle, REQUESTS, context=MethodContext(Memory(), Execution(precision=precision))).weights


@pytest.fixture(scope="module")
def edited_on_a_processor(mini):
    return make_edit(mini["cpu"])


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_value_vectors_are_trained_on_a_gpu(mini, edited_on_a_processor, precision):
    flags = torch.backends.cuda.matmul.fp32_precision
    found = make_edit(mini["cuda"], precision)
    for name, weight in edited_on_a_processor.items():
        change = (weight - mini["cpu"].parameter(name)).norm()
        assert (found[name].cpu() - weight).norm() < (0.05 if precision == "float32" else 0.5) * change
    assert torch.backends.cuda.matmul.fp32_precision == flags


def test_a_measure_on_a_gpu_gives_a_processors_numbers(mini):
    inputs = [MeasureInput(image) for image in draw(mini["cpu"])]
    one, other = (load("measures", "vit_mini")(device=device)(inputs) for device in ("cpu", "cuda"))
    assert np.abs(one - other).max() < 1e-2


def test_a_pass_that_does_not_fit_on_a_gpu_is_halved():
    bundle, count = ModelBundle(find("mini"), "cuda", images_per_pass=4096), 4096
    texts, latents = [TEXTS[0]] * count, initial_latents(bundle, range(count), SAMPLING)
    torch.cuda.set_per_process_memory_fraction(min(1.0, 2 * 2**30 / torch.cuda.mem_get_info()[1]))
    try:
        assert len(texts_to_images(bundle, texts, latents, SAMPLING)) == count
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert bundle.images_per_pass.size < count
