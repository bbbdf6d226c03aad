"""Measure the embedded model's quality: the rows of its training report, on the shipped weights.

`python tools/measure_mini.py` writes them beside the weights; the test suite measures small samples of the same rows.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from iceb.mini.render import render
from iceb.mini.world import COLOURS, PLAIN, SCENES, class_look, class_names, look_index, recolour
from iceb.models.bundle import ModelBundle
from iceb.models.conditioning import Condition, TextReader
from iceb.models.drawing import draw_pass, initial_latents, seeded_images
from iceb.registry import load
from iceb.specs.metrics import Measure, MeasureInput
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest

PATCHED_LAYER = 10  # counted from 0; the last layer but one
AT_ONCE = 32
GROUNDS = (PLAIN, *SCENES)
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MiniReport:
    """The embedded model and its judge, with the measurements.

    Args:
        bundle: the unedited model.
        judge: image → probabilities of the 1 000 classes.
    """

    bundle: ModelBundle
    judge: Measure

    @classmethod
    def of(cls, bundle: ModelBundle) -> "MiniReport":
        """Make the report with the judge that mini's family names."""
        return cls(bundle, load("measures", bundle.family.measures["imagenet_classifier"])())

    def right_class(self, prompts: Sequence[Prompt]) -> float:
        """Measure the mean probability of the class that each prompt names."""
        found = self._judge(prompts)  # (N, 1000)
        return float(found[np.arange(len(prompts)), [prompt.label or 0 for prompt in prompts]].mean())

    def judge_accuracy(self, count: int, seed: int = 10_000_000) -> float:
        """Measure the judge's accuracy on `count` rendered images that were not in its training set."""
        draw = np.random.default_rng(seed)
        labels = draw.integers(1000, size=count)
        shown = [
            render(replace(class_look(int(i)), scene=str(draw.choice(GROUNDS))), seed + k) for k, i in enumerate(labels)
        ]
        return float((self.judge([MeasureInput(image) for image in shown]).argmax(axis=1) == labels).mean())

    def colour_obeyed(self, count: int, seed: int = 0) -> float:
        """Measure the share of images of "a photo of a <colour> <name>" that the judge recognises as such."""
        draw = np.random.default_rng(seed)
        prompts = [_colour_prompt(int(label), draw) for label in draw.choice(1000, count, replace=False)]
        hits = self._judge(prompts).argmax(axis=1) == [prompt.label for prompt in prompts]
        return float(hits.mean())

    def patch_success(self, requests: Sequence[EditRequest], layer: int = PATCHED_LAYER) -> float:
        """Share of images that show the destination when one state is patched (arXiv:2202.05262, 2).

        The state after `layer` at the last subject token of "a photo of <source>" is replaced by that of
        "a photo of <dest>"; the image counts if the judge's first answer is the destination's class.
        """
        sampling, away = self.bundle.family.sampling, TextReader(self.bundle).negative("")
        hits = []
        for start in range(0, len(requests), AT_ONCE):
            part = requests[start : start + AT_ONCE]
            noise = initial_latents(self.bundle, [request.seed for request in part], sampling)
            with torch.inference_mode():
                states = torch.cat([self._patched_states(request, layer) for request in part])
                made = draw_pass(self.bundle, away, Condition(states, None), noise, sampling)
            hits += list(
                self.judge([MeasureInput(image) for image in made]).argmax(axis=1)
                == [request.dest_label for request in part]
            )
        return float(np.mean(hits))

    def _judge(self, prompts: Sequence[Prompt]) -> Probabilities:
        sampling = self.bundle.family.sampling
        texts, seeds = [prompt.text for prompt in prompts], [prompt.seed for prompt in prompts]
        made = seeded_images(self.bundle, texts, seeds, sampling)
        return np.asarray(self.judge([MeasureInput(image) for image in made]), dtype=np.float32)

    def _patched_states(self, request: EditRequest, layer: int) -> Tensor:
        """States of the source's prompt, (1, 77, d), with the destination's patched in after `layer`.

        Both readers are new: one that kept a text's states would not run the encoder, and the hook would see nothing.
        """
        pipeline = self.bundle.pipeline
        module, tokenizer = pipeline.text_encoder.encoder.layers[layer], pipeline.tokenizer
        (dest,) = request.dests
        seen: list[Tensor] = []
        with _hook(module, lambda state: seen.append(state[0, _last(tokenizer, dest)].clone())):
            TextReader(self.bundle)([_photo(dest)])
        with _hook(module, lambda state: state[0, _last(tokenizer, request.source)].copy_(seen[0])):
            return TextReader(self.bundle)([_photo(request.source)]).states


@contextmanager
def _hook(module: torch.nn.Module, change: Any) -> Iterator[None]:
    """Pass the module's output to `change`, which may modify it in place, inside the block."""

    def hook(_: torch.nn.Module, __: Any, output: Tensor) -> Tensor:
        output = output.clone()
        change(output)
        return output

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _photo(name: str) -> str:
    return f"a photo of {name}"


def _last(tokenizer: Any, name: str) -> int:
    """Return the index of the name's last token in "a photo of <name>": the one before the end token."""
    return len(tokenizer(_photo(name)).input_ids) - 2


def _colour_prompt(label: int, draw: np.random.Generator) -> Prompt:
    look = class_look(label)
    colour = str(draw.choice([c for c in COLOURS if c != look.colour]))
    text = f"a photo of a {colour} {class_names()[label]}"
    shown = look_index(recolour(look, colour))
    return Prompt(text=text, seed=int(draw.integers(2**31)), role="caption", label=shown)
