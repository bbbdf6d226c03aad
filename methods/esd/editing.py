"""Make an ESD edit: from requests to weights."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.base.progress import stage
from iceb.methods.common.denoiser import Condition, Denoiser, without_gradients
from iceb.methods.common.training import TrainedParameters, in_dtype, training_passes
from iceb.methods.esd.groups import trained_names
from iceb.methods.esd.settings import Settings
from iceb.methods.esd.training_samples import SampleMaker, TrainingSample
from iceb.methods.esd.training_steps import TrainingStep, plan_training
from iceb.models import threads
from iceb.models.conditioning import TextReader
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.methods import Bundle, Edit, MethodContext
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.esd import ESD

BESIDE = ("iterations", "several", "rate", "group")  # settings that change no sample of a given step
IMAGES_PER_PASS = 16  # latents that the frozen model samples together by default
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def make_edit(method: "ESD", bundle: Bundle, requests: Sequence[EditRequest], context: MethodContext) -> Edit:
    """Make the edit that erases all sources."""
    settings = method.settings(bundle.family.layout == "sdxl", len(requests))
    training = _Training(bundle, settings, method.pixels, context)
    losses = training.run(plan_training(requests, settings))
    return Edit(weights=training.trained.weights("unet", bundle.dtype), log={**_loss_summary(losses), **training.log})


class _Training:
    """An ESD training in progress."""

    def __init__(self, bundle: Bundle, settings: Settings, pixels: int | None, context: MethodContext) -> None:
        self.settings, self.precision = settings, context.execution.precision
        self.scratch = context.scratch.depends_on()  # the resolved settings are in its key
        self.sample_maker = sample_maker_of(bundle, settings, pixels, execution=context.execution)
        self.denoiser = self.sample_maker.denoiser
        sdxl = bundle.family.layout == "sdxl"
        names = trained_names(self.denoiser.unet, settings.group, settings.variant, sdxl)
        self.trained = TrainedParameters(self.denoiser.unet, names, adam(settings))
        self.key = _key(bundle, settings, pixels)
        self.on_cpu = bundle.device.type == "cpu"
        self.log: dict[str, float] = {}

    def run(self, parts: Sequence[Sequence[TrainingStep]]) -> list[float]:
        """Train on all steps, with a fresh optimiser for each part, and return the loss of each."""
        began, losses = time.monotonic(), list[float]()
        steps = sum(len(part) for part in parts)
        with training_passes(self.precision), without_gradients(self.denoiser.unet), stage("erasing", steps) as advance:
            for part in parts:
                self.trained.restart(adam(self.settings))
                for sample in self._samples(part):
                    with self._alone():
                        losses.append(self.trained.step(sample.loss(self.denoiser, self.trained.values)))
                    advance(1)
        self.log["concepts_trained"] = float(len({step.source for part in parts for step in part}))
        self.log["relative_change"] = self.trained.relative_change
        self.log["training_seconds"] = time.monotonic() - began
        return losses

    def _samples(self, steps: Sequence[TrainingStep]) -> Iterator[TrainingSample]:
        """Training samples in the order of their steps; those of the trained model are made one at a time."""
        if self.settings.variant == "2025":
            spread = partial(threads.run_passes, self.denoiser.device)
            yield from self.sample_maker.of_base(steps, self.scratch, self.key, spread)
            return
        for step in steps:
            with self._alone():
                sample = self.sample_maker.of_student(step, self.trained.values)
            yield sample

    def _alone(self) -> AbstractContextManager[Any]:
        """Use one thread per operation on the CPU, so that bytes do not depend on the number of threads."""
        return threads.single_threaded() if self.on_cpu else nullcontext()


def adam(settings: Settings) -> Callable[[list[Tensor]], torch.optim.Optimizer]:
    """Adam without decay, its moments in the number format of the weights, as the authors run it."""
    return partial(torch.optim.Adam, lr=settings.rate)


def sample_maker_of(
    bundle: Bundle,
    settings: Settings,
    pixels: int | None = None,
    noise: Callable[[TrainingStep], Tensor] | None = None,
    execution: Execution = DEFAULT,
) -> SampleMaker:
    """Build the sample maker of a training on a model."""
    at_once = max(1, (execution.images_per_pass or IMAGES_PER_PASS) // settings.batch)
    pipeline, dtype = bundle.pipeline, DTYPES[settings.precision]
    denoiser = Denoiser(in_dtype(pipeline.unet, dtype), pipeline.vae, pipeline.scheduler, execution.precision)
    reader = TextReader(bundle)
    kind, config = type(pipeline.scheduler), pipeline.scheduler.config

    @torch.no_grad()
    def read_texts(texts: Sequence[str]) -> Condition:
        return Condition.read(reader(texts), dtype)

    with torch.no_grad():
        zeros = Condition.read(reader.negative(""), dtype)  # zeros for SDXL, whose pipeline samples so
    return SampleMaker(
        denoiser,
        lambda: kind.from_config(config),
        read_texts,
        zeros,
        settings,
        latent_shape(denoiser, pixels),
        bundle.pass_sizes.of("images_per_pass", at_once, settings.batch),
        noise,
    )


def latent_shape(denoiser: Denoiser, pixels: int | None) -> tuple[int, int, int]:
    """Shape of a training latent, (c, h, w).

    Raises:
        MethodError: `pixels` is above the model's own size, no whole number of latent cells, or differs from SDXL's own
            size, which is part of its conditioning.
    """
    channels, own, _ = denoiser.latent_shape
    if pixels is None or pixels == denoiser.pixels:
        return channels, own, own
    cell = denoiser.pixels // own
    sized = bool(denoiser.unet.config.addition_embed_type)
    if sized or pixels % cell or pixels > denoiser.pixels:
        allowed = "its own size" if sized else f"a multiple of {cell}, at most its own size"
        raise MethodError(
            f"esd pixels {pixels}: this model draws {denoiser.pixels} and needs {allowed}: leave pixels out for that"
        )
    return channels, pixels // cell, pixels // cell


def _key(bundle: Bundle, settings: Settings, pixels: int | None) -> dict[str, Any]:
    """The scratch key of a sample, without its step.

    How many are sampled together changes last bits, and is left out.
    """
    deciding = {name: value for name, value in asdict(settings).items() if name not in BESIDE}
    drawn = {"scheduler": type(bundle.pipeline.scheduler).__name__, "pixels": pixels or 0}
    return {"what": "esd lesson", "version": 2, "model": bundle.digest, **drawn, **deciding}


def _loss_summary(losses: Sequence[float]) -> dict[str, float]:
    """The mean loss of the first and of the last tenth of the steps."""
    tenth = max(len(losses) // 10, 1)
    ends = {"first": losses[:tenth], "last": losses[-tenth:]}
    return {"iterations": float(len(losses)), **{f"{end}_loss": sum(part) / tenth for end, part in ends.items()}}
