"""EfficientNet-Lite0: the network, with the names that published PyTorch weights have.

The layout is TensorFlow's: no squeeze-and-excitation, ReLU6, "same" padding that puts the odd pixel below and to the
right, and stem and head of full width.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES, STEM, HEAD = 1000, 32, 1280
EPSILON = 1e-3  # of TensorFlow's batch norms


class Stage(NamedTuple):
    """Blocks alike but for the first one's stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    width: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class SameConvolution(nn.Conv2d):
    """A convolution with TensorFlow's padding "same"."""

    def forward(self, input: Tensor) -> Tensor:
        """Pad, the odd pixel last, and convolve."""
        (tall, wide), (step, _) = self.kernel_size, self.stride
        rows, columns = (
            max((-(-n // step) - 1) * step + k - n, 0) for n, k in zip(input.shape[2:], (tall, wide), strict=True)
        )
        padded = functional.pad(input, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return super().forward(padded)


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=EPSILON)


class Block(nn.Module):
    """An inverted residual: expand, convolve each channel, project; the input is added where shapes agree."""

    def __init__(self, inside: int, stage: Stage, stride: int) -> None:
        super().__init__()
        wide = inside * stage.expansion
        self.expands, self.adds = stage.expansion > 1, stride == 1 and inside == stage.width
        if self.expands:
            self._expand_conv, self._bn0 = SameConvolution(inside, wide, 1, bias=False), _norm(wide)
        self._depthwise_conv = SameConvolution(wide, wide, stage.kernel, stride, groups=wide, bias=False)
        self._bn1 = _norm(wide)
        self._project_conv, self._bn2 = SameConvolution(wide, stage.width, 1, bias=False), _norm(stage.width)

    def forward(self, x: Tensor) -> Tensor:
        """The block's features."""
        inner = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        inner = functional.relu6(self._bn1(self._depthwise_conv(inner)))
        found: Tensor = self._bn2(self._project_conv(inner))
        return found + x if self.adds else found


class EfficientNetLite0(nn.Module):
    """Prepared images (N, 3, 224, 224) → logits (N, 1000)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConvolution(3, STEM, 3, 2, bias=False), _norm(STEM)
        blocks, inside = [], STEM
        for stage in STAGES:
            for number in range(stage.repeats):
                blocks.append(Block(inside, stage, stage.stride if number == 0 else 1))
                inside = stage.width
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = SameConvolution(inside, HEAD, 1, bias=False), _norm(HEAD)
        self._fc = nn.Linear(HEAD, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = functional.relu6(self._bn1(self._conv_head(x)))
        found: Tensor = self._fc(x.mean(dim=(2, 3)))
        return found


def new_lite0() -> EfficientNetLite0:
    """The network without weights."""
    with torch.no_grad():
        return EfficientNetLite0()
