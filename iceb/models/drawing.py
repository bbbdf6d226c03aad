"""Draw images from texts and noise: a short denoising loop on the pipeline's own parts.

It gives what the diffusers pipeline gives for the same latents (a test compares them), without its per-call work: each
distinct text is encoded once and its keys and values projected once, guidance is one doubled pass whose halves share
what they have in common, and every pass has one fixed shape, so that an image's bytes depend on nothing but its own
text and noise.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from iceb.models.conditioning import Condition, TextReader, join_conditions
from iceb.models.equal_halves import equal_halves, halves_computed_once
from iceb.models.kept_projections import kept_projections
from iceb.models.text_memory import KeptTexts
from iceb.models.threads import run_passes, single_threaded
from iceb.specs.methods import Bundle
from iceb.specs.prompts import NoiseDraw
from iceb.specs.runs import Sampling

Item = TypeVar("Item")
Result = TypeVar("Result")
Pixels = npt.NDArray[np.uint8]
Group: TypeAlias = tuple[Sequence[str], Tensor]  # texts and latents of some images
States = dict[tuple[int, tuple[int, ...]], Tensor]  # (seed, calls) → the generator's state after them
LARGE = 256  # pixels; larger images are decoded one by one, which keeps the decoder's memory small
SLICE = 4 * 512 * 512  # pixels that a GPU decodes at once, of such images


def texts_to_images(
    bundle: Bundle,
    texts: Sequence[str],
    latents: Tensor,
    sampling: Sampling,
    negative: str = "",
    kept: KeptTexts | None = None,
) -> Pixels:
    """Draw one image for each text.

    Args:
        texts: N prompts as they are; the bundle's rewrites are not applied here.
        latents: initial noise, (N, *latent_shape(bundle, sampling)), as `initial_latents` makes it.
        negative: the text that guidance steers away from.
        kept: what is known of texts already; only for a model that was verified just now.

    Returns:
        (N, height, width, 3) uint8.

    Raises:
        ValueError: texts and latents differ in number.
    """
    if len(texts) != len(latents):
        raise ValueError(f"{len(texts)} texts for {len(latents)} latents: must be as many")
    size = bundle.images_per_pass.size
    groups = [(texts[at : at + size], latents[at : at + size]) for at in range(0, len(texts), size)]
    with without_repeats(bundle.pipeline.unet):
        drawn = list(run_passes(bundle.device, group_drawer(bundle, sampling, negative, kept), groups))
    return np.concatenate(drawn) if drawn else np.zeros((0, sampling.height, sampling.width, 3), np.uint8)


def seeded_images(
    bundle: Bundle,
    texts: Sequence[str],
    seeds: Sequence[NoiseDraw | int],
    sampling: Sampling,
    negative: str = "",
    kept: KeptTexts | None = None,
) -> Pixels:
    """Draw one image for each text, from the noise of the seed beside it; else as `texts_to_images`."""
    return texts_to_images(bundle, texts, initial_latents(bundle, seeds, sampling), sampling, negative, kept)


@contextmanager
def without_repeats(unet: Any) -> Iterator[None]:
    """Within the block, have the denoiser compute once what steps, and halves of guidance, have in common.

    Nothing may change weights or states in place inside the block.
    """
    with kept_projections(unet), halves_computed_once(unet):
        yield


def group_drawer(
    bundle: Bundle, sampling: Sampling, negative: str = "", kept: KeptTexts | None = None
) -> Callable[[Group], Pixels]:
    """Make a function that draws a group of images, (n, height, width, 3) uint8, in one pass.

    Args:
        bundle: the model as it is now; to be called anew when it was edited.
        negative: the text that guidance steers away from.
        kept: what is known of texts already; only for a model that was verified just now.
    """
    reader = TextReader(bundle, kept=kept)
    away = _negative_condition(reader, negative) if sampling.guidance > 1 else None
    return partial(_draw_in_passes, bundle, reader, away, sampling)


@torch.inference_mode()
def _negative_condition(reader: TextReader, negative: str) -> Condition:
    with single_threaded():
        return reader.negative(negative)


@torch.inference_mode()
def _draw_in_passes(
    bundle: Bundle,
    reader: TextReader,
    away: Condition | None,
    sampling: Sampling,
    group: Group,
) -> Pixels:
    """A group's images: in one pass, or in several where memory does not suffice for one."""
    texts, latents = group

    def one_pass(rows: Sequence[int], size: int) -> Pixels:
        """A pass of exactly `size` images; fewer rows are filled up and the filling thrown away."""
        filled = [*rows, *[rows[-1]] * (size - len(rows))]
        noise = latents[filled].to(bundle.device, bundle.dtype)
        return draw_pass(bundle, away, reader([texts[row] for row in filled]), noise, sampling)[: len(rows)]

    return np.concatenate(bundle.images_per_pass.run(one_pass, range(len(texts))))


def draw_pass(bundle: Bundle, away: Condition | None, toward: Condition, noise: Tensor, sampling: Sampling) -> Pixels:
    """Draw N images (N, height, width, 3) uint8 in one pass, guided away from a condition."""
    condition = toward if away is None else join_conditions([*[away] * len(noise), toward])
    return _decode(bundle.pipeline.vae, _denoise(bundle.pipeline, condition, noise, sampling), sampling)


def _denoise(pipeline: Any, condition: Condition, noise: Tensor, sampling: Sampling) -> Tensor:
    """Run the denoising loop on noise (N, 4, h, w); a condition of 2N rows means guidance."""
    scheduler = make_scheduler(pipeline, sampling)
    scheduler.set_timesteps(sampling.steps, device=noise.device)
    latents: Tensor = noise * scheduler.init_noise_sigma
    guided = len(condition.states) == 2 * len(noise)
    extra = _extra(condition, sampling)
    for step in scheduler.timesteps:
        seen = scheduler.scale_model_input(torch.cat([latents] * 2) if guided else latents, step)
        with equal_halves() if guided else nullcontext():
            found = pipeline.unet(
                seen, step, encoder_hidden_states=condition.states, added_cond_kwargs=extra, return_dict=False
            )[0]
        if guided:
            away, toward = found.chunk(2)
            found = away + sampling.guidance * (toward - away)
        latents = scheduler.step(found, step, latents, return_dict=False)[0]
    return latents


def _extra(condition: Condition, sampling: Sampling) -> dict[str, Tensor] | None:
    """SDXL's added conditioning: the pooled text, and the sizes of an uncropped image."""
    if condition.pooled is None:
        return None
    sizes = [sampling.height, sampling.width, 0, 0, sampling.height, sampling.width]
    ids = torch.tensor([sizes], dtype=condition.pooled.dtype, device=condition.pooled.device)
    return {"text_embeds": condition.pooled, "time_ids": ids.expand(len(condition.pooled), -1)}


def make_scheduler(pipeline: Any, sampling: Sampling) -> Any:
    """Make the scheduler that `sampling` names, with the pipeline's noise schedule and prediction type."""
    import diffusers

    config = pipeline.scheduler.config
    if sampling.scheduler == "pndm":
        return diffusers.PNDMScheduler.from_config(config, skip_prk_steps=True)
    if sampling.scheduler == "dpm++":
        return diffusers.DPMSolverMultistepScheduler.from_config(config, algorithm_type="dpmsolver++")
    # Latents reach beyond [-1, 1], so clipping (diffusers' default for a configuration that is silent) would cut them.
    return diffusers.DDIMScheduler.from_config(config, clip_sample=config.get("clip_sample", False))


def _decode(vae: Any, latents: Tensor, sampling: Sampling) -> Pixels:
    """Decode clean latents to images (N, height, width, 3) uint8."""
    scaled = (latents / vae.config.scaling_factor).to(vae.dtype)
    together = len(scaled) if sampling.height <= LARGE else _slice_of(scaled, sampling)  # slices of one shape
    images = torch.cat([vae.decode(part, return_dict=False)[0] for part in scaled.split(together)])
    bytes_ = ((images.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    found: Pixels = bytes_.permute(0, 2, 3, 1).cpu().numpy()
    return found


def _slice_of(latents: Tensor, sampling: Sampling) -> int:
    """The number of large images to decode at once: on a GPU a few, a divisor of all."""
    most = SLICE // (sampling.height * sampling.width) if latents.is_cuda else 1
    return max(size for size in range(1, max(most, 1) + 1) if len(latents) % size == 0)


def initial_latents(
    bundle: Bundle, draws: Sequence[NoiseDraw | int], sampling: Sampling, states: States | None = None
) -> Tensor:
    """Initial noise for each image, from where its draw says.

    Args:
        draws: one for each image; a bare seed is a generator of its own.
        states: generator states that one call has computed and the next may use; None for a single call.

    Returns:
        (N, *latent_shape(bundle, sampling)) float32 on the CPU: the same on every device and in every number format.
        With `sampling.noise = "upstream"` the noise is the device's own, as the published numbers used it.
    """
    shape = latent_shape(bundle, sampling)
    device = bundle.device if sampling.noise == "upstream" else torch.device("cpu")
    states = {} if states is None else states
    drawn = [_noise(NoiseDraw(draw) if isinstance(draw, int) else draw, shape, device, states).cpu() for draw in draws]
    return torch.stack(drawn) if drawn else torch.zeros((0, *shape), dtype=torch.float32)


def _noise(draw: NoiseDraw, shape: tuple[int, int, int], device: torch.device, states: States) -> Tensor:
    """One image's noise, (4, h, w), drawn in calls of their published size.

    A GPU's numbers depend on how many are drawn at once.
    """
    generator = torch.Generator(device).manual_seed(draw.seed)
    earlier = draw.calls[:-1]
    if earlier and (draw.seed, earlier) not in states:
        for place, size in enumerate(earlier, start=1):
            torch.randn((size, *shape), generator=generator, device=device, dtype=torch.float32)
            states[draw.seed, earlier[:place]] = generator.get_state()
    if earlier:
        generator.set_state(states[draw.seed, earlier])
    last = (draw.calls[-1], *shape)
    return torch.randn(last, generator=generator, device=device, dtype=torch.float32)[draw.slot]


def latent_shape(bundle: Bundle, sampling: Sampling) -> tuple[int, int, int]:
    """Channels, height and width of one image's latents."""
    pipeline = bundle.pipeline
    factor = 2 ** (len(pipeline.vae.config.block_out_channels) - 1)
    return pipeline.unet.config.in_channels, sampling.height // factor, sampling.width // factor
