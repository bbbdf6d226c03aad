"""Sample inputs for checking measures: images of soft colour patches, all different, with prompts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from iceb.base.digest import digest
from iceb.specs.metrics import MeasureInput, text_and_choices
from iceb.specs.prompts import Prompt
from iceb.stores.images import Pixels

PATCHES = 4  # patches per side of an image
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")
OFFERED = 3  # choices of a prompt


def sample_images(
    count: int, height: int = 64, width: int = 64, plain: tuple[int, ...] | None = None, first: int = 0
) -> list[MeasureInput]:
    """Make `count` images, each with an image before and a prompt that offers three colours.

    Args:
        plain: grey values, taken in turn, of images of one value; None: colour patches.
        first: index of the first image; an image and its prompt depend on their index alone.
    """
    found = []
    for place in range(first, first + count):
        image = _patches(2 * place, height, width)
        if plain is not None:
            image = np.full_like(image, plain[place % len(plain)])
        found.append(MeasureInput(image, _patches(2 * place + 1, height, width), _prompt(place)))
    return found


def _patches(seed: int, height: int, width: int) -> Pixels:
    """(height, width, 3) uint8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (PATCHES, PATCHES, 3), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.array(smooth)


def _prompt(place: int) -> Prompt:
    shift = place + place // len(COLOURS)  # so that a place and its partner in `_pairs`, six later, offer others
    choices = tuple(COLOURS[(shift + step) % len(COLOURS)] for step in range(OFFERED))
    text, answer = f"a {choices[0]} ball, no. {place}", 0
    return Prompt(text, place, "probe", label=place, target=place + 1, concept="ball", choices=choices, answer=answer)


def reduce_to_inputs(given: MeasureInput, reads: str) -> MeasureInput:
    """Keep only what a run passes to a measure that reads these inputs."""
    prompt = text_and_choices(given.prompt) if reads == "image+text" and given.prompt is not None else None
    return MeasureInput(given.image, given.before if reads == "pair" else None, prompt)


def content_digest(seen: Sequence[MeasureInput]) -> str:
    """Digest everything that some inputs hold."""
    arrays = [array.tobytes().hex() for each in seen for array in (each.image, each.before) if array is not None]
    return digest([arrays, [repr(each.prompt) for each in seen]])


def vary_unread(count: int, reads: str) -> dict[str, list[MeasureInput]]:
    """Vary each thing that a measure does not read; return what was varied → sample images."""
    found = {}
    if reads != "pair":
        found["image before"] = [replace(one, before=other.image) for one, other in _pairs(count, reads)]
    if reads != "image+text":
        found["prompt"] = [replace(one, prompt=other.prompt) for one, other in _pairs(count, reads)]
    else:
        found["seed, role, class or answer"] = [
            replace(one, prompt=_other_facts(one.prompt)) for one, _ in _pairs(count, reads)
        ]
    return found


def vary_read(count: int, reads: str) -> dict[str, list[MeasureInput]]:
    """Vary each thing that a measure reads; return what was varied → sample images."""
    found = {"image": [replace(one, image=other.image) for one, other in _pairs(count, reads)]}
    if reads == "pair":
        found["image before"] = [replace(one, before=other.image) for one, other in _pairs(count, reads)]
    if reads == "image+text":
        moved = _pairs(count, reads)
        found["text and choices"] = [replace(one, prompt=reduce_to_inputs(other, reads).prompt) for one, other in moved]
    return found


def _pairs(count: int, reads: str) -> list[tuple[MeasureInput, MeasureInput]]:
    """Pair each sample image, reduced to these inputs, with a different one."""
    return [
        (reduce_to_inputs(one, reads), other)
        for one, other in zip(sample_images(count), sample_images(count, first=count), strict=True)
    ]


def _other_facts(prompt: Prompt | None) -> Prompt | None:
    """Return a prompt with the same text and choices but other metadata."""
    if prompt is None:
        return None
    return replace(prompt, seed=99, role="elsewhere", label=1, target=2, concept="else", answer=2)
