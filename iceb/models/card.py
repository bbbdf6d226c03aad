"""Fit drawing passes to a GPU: as many images as its memory holds, by what a small pass takes."""

from dataclasses import replace
from functools import partial

import torch

from iceb.base.gpu_peak import GPU
from iceb.base.out_of_memory import out_of_memory
from iceb.models.conditioning import TextReader
from iceb.models.drawing import draw_pass, initial_latents
from iceb.specs.methods import Bundle

MORE = 4  # a pass holds at most so many times the family's number: beyond, a GPU draws no faster
SHARE = 0.8  # of the memory; the rest is for what allocators and libraries keep
PROBE = 2  # images of the pass that is measured
STEPS = 2  # of its loop; further ones take no more memory


def fitting_size(usual: int, room: float, each: float) -> int:
    """The images of one pass: the family's number, doubled up to `MORE` times it or halved down to one.

    >>> fitting_size(8, room=17e9, each=0.6e9)
    16
    >>> fitting_size(8, room=1e9, each=0.6e9)
    1

    Args:
        usual: the family's number.
        room: bytes beside the weights.
        each: bytes that one image takes.
    """
    size = usual * MORE
    while size > 1 and size * each > room:
        size //= 2
    return size


def images_that_fit(bundle: Bundle) -> int:
    """The number of images of the family's size that a drawing pass of a model on a GPU holds.

    It goes by the card's whole memory, not by what is free now: cards of one name give passes of one size, and so, the
    name being part of an image's key, the same bytes. Where less is free, a pass is halved as any other.
    """
    usual = bundle.family.images_per_pass(bundle.device.type)
    weights = sum(tensor.nbytes for tensor in bundle.parameters_named("*").values())
    room = torch.cuda.get_device_properties(bundle.device).total_memory * SHARE - weights
    try:
        return fitting_size(usual, room, _bytes_an_image(bundle))
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
    return 1  # not in the handler, so that what the failed pass held is free


@torch.inference_mode()
def _bytes_an_image(bundle: Bundle) -> float:
    """The most memory that an image of a small pass takes, weights apart."""
    short = replace(bundle.family.sampling, steps=STEPS)
    noise = initial_latents(bundle, range(PROBE), short).to(bundle.device, bundle.dtype)
    reader = TextReader(bundle)
    toward = reader([""] * PROBE)
    away = reader.negative("") if short.guidance > 1 else None
    before = torch.cuda.memory_allocated(bundle.device)
    peak = GPU.within(
        partial(torch.cuda.max_memory_allocated, bundle.device),
        partial(torch.cuda.reset_peak_memory_stats, bundle.device),
        partial(draw_pass, bundle, away, toward, noise, short),
    )
    return (peak - before) / PROBE
