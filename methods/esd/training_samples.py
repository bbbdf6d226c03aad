"""ESD training samples: noisy latents, timesteps, prompt conditioning and the target prediction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from iceb.base.progress import Advance, stage
from iceb.methods.common.denoiser import Condition, Denoiser, join_conditions
from iceb.methods.common.text_encoder import slices
from iceb.methods.esd.sampling import partial_latents, repeat_rows, walk_levels
from iceb.methods.esd.settings import Settings, VariantName
from iceb.methods.esd.training_steps import TrainingStep, levels_2023, levels_2024, timestep
from iceb.specs.methods import Scratch
from iceb.specs.passes import PassSize

SEGMENT = 256  # steps whose latents are in memory at once
Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Texts = Callable[[Sequence[str]], Condition]
Spread = Callable[[Callable[[list[TrainingStep]], Any], list[list[TrainingStep]]], Iterator[Any]]


@dataclass(frozen=True)
class TrainingSample:
    """Input and target of one training step.

    Attributes:
        noised: (B, c, h, w).
        time: (B,) timesteps.
        prompt: the conditioning of the model under training, B rows.
        target: (B, c, h, w), the prediction it is trained towards.
    """

    noised: Tensor
    time: Tensor
    prompt: Condition
    target: Tensor

    def loss(self, denoiser: Denoiser, weights: Mapping[str, Tensor]) -> Tensor:
        """Mean squared error of the prediction with trained weights, a scalar in the training's number format."""
        found = denoiser.output(self.noised, self.time, self.prompt, weights)
        return torch.nn.functional.mse_loss(found, self.target)


def target_of(
    variant: VariantName, named: Tensor, nothing: Tensor, origin: Tensor | None, negative_guidance: float
) -> Tensor:
    """Compute the target prediction (ESD, arXiv:2303.07345, equation 7, and its later code).

    2023, 2024: e(∅) − η (e(c) − e(∅)); 2024 and 2025 with a text f to erase from: e(f) − η (e(c) − e(∅)); 2025 without:
    e(c) − η (e(c) − e(∅)), so that its η = 2 is what η = 1 was before.

    Args:
        named: e(c), the frozen model's prediction for the concept; all are (B, c, h, w).
        nothing: e(∅), for the empty prompt.
        origin: e(f); None: there is no f.
        negative_guidance: η.
    """
    if origin is None:
        origin = named if variant == "2025" else nothing
    return origin - negative_guidance * (named - nothing)


class SampleMaker:
    """Makes training samples: in batches from the frozen model, or singly from the trained one.

    Args:
        denoiser: the frozen model in the training's number format.
        scheduler: makes a fresh scheduler of the pipeline's kind.
        texts: encodes prompts.
        unguided: what guidance steers away from while sampling, one row.
        settings: of the training.
        shape: of a latent, (c, h, w).
        at_once: steps that the frozen model samples together.
        noise: a step's starting noise; None: by the step's seed.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        scheduler: Callable[[], Any],
        texts: Texts,
        unguided: Condition,
        settings: Settings,
        shape: Sequence[int],
        at_once: PassSize,
        noise: Callable[[TrainingStep], Tensor] | None = None,
    ) -> None:
        self.denoiser, self.scheduler, self.settings = denoiser, scheduler, settings
        self.texts, self.unguided, self.at_once = texts, unguided, at_once
        self._noise = noise or (lambda step: step.noise(settings.batch, shape))

    @cached_property
    def _timesteps(self) -> Tensor:
        """The pipeline's own timesteps of a whole sampling."""
        scheduler = self.scheduler()
        scheduler.set_timesteps(self.settings.sampling_steps)
        found: Tensor = scheduler.timesteps
        return found

    def noise(self, steps: Sequence[TrainingStep]) -> Tensor:
        """Starting noise, (J · B, c, h, w) in the training's number format."""
        return torch.cat([self._noise(step) for step in steps]).to(self.denoiser.device, self.denoiser.dtype)

    def time(self, step: TrainingStep) -> Tensor:
        """A step's timestep for the denoiser, (B,): the pipeline's (2025), or by the rule of 2023 and 2024."""
        own = self.settings.variant == "2025"
        found = self._timesteps[step.sampled_to] if own else torch.tensor(timestep(step, self.settings))
        return found.to(self.denoiser.device).expand(self.settings.batch)

    def of_student(self, step: TrainingStep, weights: Mapping[str, Tensor]) -> TrainingSample:
        """Make one step's sample on latents from the model under training (2023, 2024)."""
        settings, batch = self.settings, self.settings.batch
        walk = levels_2023 if settings.variant == "2023" else levels_2024
        levels = walk(step.sampled_to, settings.sampling_steps)
        toward, away = repeat_rows(self.texts([step.source]), batch), repeat_rows(self.unguided, batch)
        noised = walk_levels(self.denoiser, weights, levels, settings.guidance, away, toward, self.noise([step]))
        time = self.time(step)
        return TrainingSample(noised, time, self._prompt([step]), self._target([step], noised, time))

    def of_base(
        self, steps: Sequence[TrainingStep], scratch: Scratch, key: Mapping[str, Any], spread: Spread
    ) -> Iterator[TrainingSample]:
        """Make samples of steps in order, on latents from the frozen model (2025).

        Each step is stored in `scratch` by itself, so that its concept's other trainings find it there, whatever is
        trained beside it.

        Args:
            key: names the model and the settings that change the numbers.
            spread: runs a function over groups of steps, in order.
        """
        for start, stop in slices(len(steps), SEGMENT):
            part = steps[start:stop]
            found = {step: scratch.get(_step_key(key, step)) for step in dict.fromkeys(part)}
            kept = {step: array for step, array in found.items() if array is not None}
            for step, made in self._sample_groups([step for step in found if step not in kept], spread):
                kept[step] = scratch.array(
                    _step_key(key, step), partial(np.asarray, made)
                )  # another process's, if first
            for step in part:
                yield self._sample(step, kept[step])

    def _sample_groups(self, steps: Sequence[TrainingStep], spread: Spread) -> Iterator[tuple[TrainingStep, Array]]:
        """Latents and targets of steps, sampled in groups of similar length; the longest come first."""
        if not steps:
            return
        order, size = sorted(steps, key=lambda step: -step.sampled_to), self.at_once.size
        groups = [order[start:stop] for start, stop in slices(len(order), size)]
        with stage("training latents, steps", sum(group[0].sampled_to for group in groups)) as advance:
            for group, made in zip(groups, spread(partial(self._sample_group, advance), groups), strict=True):
                yield from zip(group, np.moveaxis(made, 1, 0), strict=True)

    def _sample_group(self, advance: Advance, steps: list[TrainingStep]) -> Array:
        """Latents and targets of a group, (2, J, B, c, h, w) float32, in several passes if memory is short."""
        return np.concatenate(self.at_once.run(partial(self._one_pass, advance), steps), axis=1)

    def _one_pass(self, advance: Advance, steps: Sequence[TrainingStep], size: int) -> Array:
        """Latents and targets of at most `size` steps, padded to `size`.

        With one shape no step's last bits depend on its neighbours.
        """
        group = [*steps, *[steps[-1]] * (size - len(steps))]
        noised, time = self.sample_latents(group, advance)
        both = torch.stack([noised, self._target(group, noised, time)]).float()
        return both.reshape(2, size, self.settings.batch, *both.shape[2:])[:, : len(steps)].cpu().numpy()

    def sample_latents(
        self, steps: Sequence[TrainingStep], advance: Advance = lambda steps: None
    ) -> tuple[Tensor, Tensor]:
        """The frozen model's latents (J · B, c, h, w) and their timesteps (J · B,)."""
        settings, batch = self.settings, self.settings.batch
        stops = [step.sampled_to for step in steps for _ in range(batch)]
        return partial_latents(
            self.denoiser,
            self.scheduler(),
            settings.sampling_steps,
            settings.guidance,
            self.unguided,
            self._prompt(steps),
            self.noise(steps),
            stops,
            advance,
        )

    def _sample(self, step: TrainingStep, row: Array) -> TrainingSample:
        noised, target = torch.from_numpy(np.array(row)).to(self.denoiser.device, self.denoiser.dtype)
        return TrainingSample(noised, self.time(step), self._prompt([step]), target)

    def _prompt(self, steps: Sequence[TrainingStep]) -> Condition:
        """Conditioning of the model under training: the text to erase from, else the concept."""
        return repeat_rows(self.texts([self.settings.erase_from or step.source for step in steps]), self.settings.batch)

    @torch.no_grad()
    def _target(self, steps: Sequence[TrainingStep], noised: Tensor, time: Tensor) -> Tensor:
        """The target from the frozen model's predictions, made in one call, (J · B, c, h, w)."""
        named, nothing = repeat_rows(self.texts([step.source for step in steps]), self.settings.batch), self.texts([""])
        asked = [named, repeat_rows(nothing, len(noised))]
        if self.settings.erase_from:
            asked.append(self._prompt(steps))
        count = len(asked)
        found = self.denoiser.output(noised.repeat(count, 1, 1, 1), time.repeat(count), join_conditions(asked)).chunk(
            count
        )
        origin = found[2] if self.settings.erase_from else None
        return target_of(self.settings.variant, found[0], found[1], origin, self.settings.negative_guidance)


def _step_key(key: Mapping[str, Any], step: TrainingStep) -> dict[str, Any]:
    """The key of a step's stored latents and target.

    "job" and "index" are its words, whatever the fields are named.
    """
    return {**key, "job": {"index" if name == "sampled_to" else name: value for name, value in asdict(step).items()}}
