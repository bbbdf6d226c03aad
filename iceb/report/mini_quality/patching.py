"""Activation patching of the text encoder (arXiv:2202.05262, section 2), and the spread of its states."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from iceb.models.bundle import ModelBundle
from iceb.models.conditioning import Condition, TextReader
from iceb.models.drawing import draw_pass, initial_latents

PATCHED_LAYER = 10  # counted from 0; the last layer but one
AT_ONCE = 32
CLASS_TEMPLATE = "a photo of a {}"
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Swap:
    """A patch: the source's prompt is read with the state of the destination's last token in its place.

    Attributes:
        template: a text that ends with the name, as `{}`.
    """

    template: str
    source: str
    dest: str
    seed: int


def patched_images(bundle: ModelBundle, swaps: Sequence[Swap], layer: int = PATCHED_LAYER) -> Pixels:
    """Draw each source's image with the destination's state at its last token after `layer`."""
    sampling, away = bundle.family.sampling, TextReader(bundle).negative("")
    drawn = []
    for start in range(0, len(swaps), AT_ONCE):
        part = swaps[start : start + AT_ONCE]
        noise = initial_latents(bundle, [swap.seed for swap in part], sampling)
        with torch.inference_mode():
            states = torch.cat([_patched_states(bundle, swap, layer) for swap in part])
            drawn.append(draw_pass(bundle, away, Condition(states, None), noise, sampling))
    return np.concatenate(drawn)


def _patched_states(bundle: ModelBundle, swap: Swap, layer: int) -> Tensor:
    """States of the source's prompt, (1, 77, d), with the destination's patched in after `layer`.

    Both readers are new: one that kept a text's states would not run the encoder, and the hook would see nothing.
    """
    module, tokenizer = bundle.pipeline.text_encoder.encoder.layers[layer], bundle.pipeline.tokenizer
    source, dest = swap.template.format(swap.source), swap.template.format(swap.dest)
    seen: list[Tensor] = []
    with _output_hook(module, lambda state: seen.append(state[0, _last(tokenizer, dest)].clone())):
        TextReader(bundle)([dest])
    with _output_hook(module, lambda state: state[0, _last(tokenizer, source)].copy_(seen[0])):
        return TextReader(bundle)([source]).states


@contextmanager
def _output_hook(module: torch.nn.Module, change: Callable[[Tensor], Any]) -> Iterator[None]:
    """Pass a copy of the module's output to `change`, which may modify it in place, inside the block."""

    def hook(_: torch.nn.Module, __: Any, output: Tensor) -> Tensor:
        output = output.clone()
        change(output)
        return output

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _last(tokenizer: Any, text: str) -> int:
    """Return the index of a text's last token before the end token."""
    return len(tokenizer(text).input_ids) - 2


class Ratios(NamedTuple):
    """Participation ratios over the classes at the last subject token."""

    states: float  # of the states after the layer
    keys: float  # of the inputs of the layer's second MLP matrix, where edits write


@torch.inference_mode()
def class_ratios(bundle: ModelBundle, names: Sequence[str], layer: int = PATCHED_LAYER) -> Ratios:
    """Measure in how many directions the states and keys of classes differ, in the prompt of a photo."""
    encoder, tokenizer = bundle.pipeline.text_encoder, bundle.pipeline.tokenizer
    module = encoder.encoder.layers[layer]
    seen: dict[str, list[Tensor]] = {"states": [], "keys": []}
    places: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda _, __, output: seen["states"].append(output)),
        module.mlp.fc2.register_forward_pre_hook(lambda _, inputs: seen["keys"].append(inputs[0])),
    ]
    try:
        for start in range(0, len(names), AT_ONCE):
            texts = [CLASS_TEMPLATE.format(name) for name in names[start : start + AT_ONCE]]
            read = tokenizer(texts, padding=True, return_tensors="pt").to(bundle.device)
            encoder(read.input_ids)
            places.append(read.attention_mask.sum(dim=1) - 2)  # the token before the end token
    finally:
        for hook in hooks:
            hook.remove()
    rows = {
        name: torch.cat([found[torch.arange(len(at)), at] for found, at in zip(parts, places, strict=True)])
        for name, parts in seen.items()
    }
    return Ratios(participation_ratio(rows["states"]), participation_ratio(rows["keys"]))


def participation_ratio(rows: Tensor) -> float:
    """(Σλ)² / Σλ² of the covariance of vectors, (N, d): the number of directions they differ in."""
    centred = (rows - rows.mean(dim=0)).double()
    covariance = centred.T @ centred
    return float(covariance.trace() ** 2 / covariance.square().sum())
