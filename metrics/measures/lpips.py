"""LPIPS (arXiv:1801.03924, version 0.1): a learned distance of an image and the one before the edit.

The network is torchmetrics'; trunk and heads are pinned (`iceb.metrics.measures.lpips_weights`). At 64 pixels the
images are first made that small by Pillow's bilinear filter, as the published artists' numbers have them (EMCID, UCE
and ESD agree in this); the two others take images at their own size.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from iceb.metrics.measures.lpips_weights import Net, revision_of, state_of
from iceb.metrics.measures.networks import Floats, NetworkMeasure, Pixels, images_before
from iceb.specs.metrics import Inputs, MeasureInput

LAYERS = 5  # whose features are compared


class Lpips(NetworkMeasure):
    """LPIPS of an image and the one before the edit: one number, 0 where they are equal."""

    inputs: ClassVar[Inputs] = "pair"
    width = 1
    batch = 16
    net: ClassVar[Net]
    side: ClassVar[int] = 0  # pixels to which images are resized; 0 for their own size

    def _rows(self, inputs: Sequence[MeasureInput]) -> npt.NDArray[Any]:
        import torch

        after = self._prepare([each.image for each in inputs])
        before = self._prepare(images_before(self.id, inputs))
        with torch.inference_mode():
            found = self.network(before.to(self.device), after.to(self.device))
        rows: Floats = found.float().reshape(len(inputs), 1).cpu().numpy()
        return rows

    def _prepare(self, images: Sequence[Pixels]) -> Any:
        import torch

        sized = np.stack([self._resize(image) for image in images])
        scaled = np.ascontiguousarray(sized.transpose(0, 3, 1, 2), dtype=np.float32) / 127.5 - 1
        return torch.from_numpy(scaled)

    def _resize(self, image: Pixels) -> Pixels:
        if not self.side or image.shape[:2] == (self.side, self.side):
            return image
        return np.asarray(Image.fromarray(image).resize((self.side, self.side), Image.Resampling.BILINEAR))

    def _load(self) -> Any:
        return load_lpips(self.net, state_of(self.net)).to(self.device)

    def _pin(self) -> str:
        return revision_of(self.net)


def load_lpips(net: Net, state: dict[str, Any]) -> Any:
    """The network with the given tensors: (N, 3, H, W) in [-1, 1], twice → (N, 1, 1, 1) float32."""
    import torch
    from torchmetrics.functional.image import lpips

    with torch.device("meta"):  # no random start: it would take seconds and move the process's generator
        network = lpips._LPIPS(pretrained=False, net=net, pnet_rand=True)
    network.scaling_layer = lpips.ScalingLayer()  # its constants are no weights
    trunk = {
        name: state["features." + name.split(".", 2)[2]]  # net.slice1.0.weight
        for name in network.state_dict()
        if name.startswith("net.")
    }
    heads = {
        name: state[f"heads.{layer}"]
        for layer in range(LAYERS)
        for name in (f"lin{layer}.model.1.weight", f"lins.{layer}.model.1.weight")  # one module, listed twice
    }
    network.load_state_dict(trunk | heads, assign=True)
    return network.float().eval().requires_grad_(False)


class LpipsAlex64(Lpips):
    """LPIPS by AlexNet on images of 64 pixels, as artists are scored."""

    id = "lpips_alex_64@1"
    net = "alex"
    side = 64


class LpipsAlex(Lpips):
    """LPIPS by AlexNet at an image's own size."""

    id = "lpips_alex@1"
    net = "alex"


class LpipsVgg(Lpips):
    """LPIPS by VGG-16 at an image's own size."""

    id = "lpips_vgg@1"
    net = "vgg"
    batch = 4
