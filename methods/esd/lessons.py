"""What the model under training is shown in one step, and what it should predict there."""

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
from iceb.methods.esd.jobs import Job, levels_2023, levels_2024, timestep
from iceb.methods.esd.sampling import partial_latents, repeat_rows, walk_levels
from iceb.methods.esd.settings import Settings, VariantName
from iceb.models.memory import PassSize
from iceb.specs.methods import Scratch

SEGMENT = 256  # steps whose latents are in memory at once
Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Texts = Callable[[Sequence[str]], Condition]
Spread = Callable[[Callable[[list[Job]], Any], list[list[Job]]], Iterator[Any]]


@dataclass(frozen=True)
class Lesson:
    """One training step.

    Attributes:
        noised: (B, c, h, w).
        time: (B,) timesteps.
        prompt: what the model under training is told, B rows.
        target: (B, c, h, w), what it should predict.
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
    """What the model should predict (ESD, arXiv:2303.07345, equation 7, and its later code).

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


class Lessons:
    """Makes lessons: from the frozen model in batches (2025), or one by one from the model under training.

    Args:
        denoiser: the frozen model in the training's number format.
        scheduler: makes a fresh scheduler of the pipeline's kind.
        texts: encodes prompts.
        unguided: what guidance steers away from while sampling, one row.
        settings: of the training.
        shape: of a latent, (c, h, w).
        at_once: jobs that the frozen model samples together.
        noise: a job's starting noise; None: by the job's seed.
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
        noise: Callable[[Job], Tensor] | None = None,
    ) -> None:
        self.denoiser, self.scheduler, self.settings = denoiser, scheduler, settings
        self.texts, self.unguided, self.at_once = texts, unguided, at_once
        self._noise = noise or (lambda job: job.noise(settings.batch, shape))

    @cached_property
    def _timesteps(self) -> Tensor:
        """The pipeline's own timesteps of a whole sampling."""
        scheduler = self.scheduler()
        scheduler.set_timesteps(self.settings.sampling_steps)
        found: Tensor = scheduler.timesteps
        return found

    def noise(self, jobs: Sequence[Job]) -> Tensor:
        """Starting noise, (J · B, c, h, w) in the training's number format."""
        return torch.cat([self._noise(job) for job in jobs]).to(self.denoiser.device, self.denoiser.dtype)

    def of_student(self, job: Job, weights: Mapping[str, Tensor]) -> Lesson:
        """The lesson of one job on latents that the model under training samples (2023, 2024)."""
        settings, batch = self.settings, self.settings.batch
        walk = levels_2023 if settings.variant == "2023" else levels_2024
        levels = walk(job.index, settings.sampling_steps)
        toward, away = repeat_rows(self.texts([job.source]), batch), repeat_rows(self.unguided, batch)
        noised = walk_levels(self.denoiser, weights, levels, settings.guidance, away, toward, self.noise([job]))
        time = torch.full((batch,), timestep(job, settings), device=noised.device)
        return Lesson(noised, time, self._prompt([job]), self._target([job], noised, time))

    def of_base(
        self, jobs: Sequence[Job], scratch: Scratch, key: Mapping[str, Any], spread: Spread
    ) -> Iterator[Lesson]:
        """The lessons of jobs in their order, on latents that the frozen model samples (2025).

        Each job is kept in `scratch` for itself, so that whatever is trained beside it, its concept's other trainings
        find it there.

        Args:
            key: names the model and the settings that change the numbers.
            spread: runs a function over groups of jobs, in order.
        """
        for start, stop in slices(len(jobs), SEGMENT):
            part = jobs[start:stop]
            found = {job: scratch.get(_job_key(key, job)) for job in dict.fromkeys(part)}
            kept = {job: array for job, array in found.items() if array is not None}
            for job, made in self._sample_groups([job for job in found if job not in kept], spread):
                kept[job] = scratch.array(_job_key(key, job), partial(np.asarray, made))  # another process's, if first
            for job in part:
                yield self._lesson(job, kept[job])

    def _sample_groups(self, jobs: Sequence[Job], spread: Spread) -> Iterator[tuple[Job, Array]]:
        """Latents and targets of jobs, sampled together by like numbers of steps; the longest walks come first."""
        if not jobs:
            return
        order, size = sorted(jobs, key=lambda job: -job.index), self.at_once.size
        groups = [order[start:stop] for start, stop in slices(len(order), size)]
        with stage("training latents, steps", sum(group[0].index for group in groups)) as advance:
            for group, made in zip(groups, spread(partial(self._sample_group, advance), groups), strict=True):
                yield from zip(group, np.moveaxis(made, 1, 0), strict=True)

    def _sample_group(self, advance: Advance, jobs: list[Job]) -> Array:
        """Latents and targets of a group, (2, J, B, c, h, w) float32; in several passes where memory is short."""
        return np.concatenate(self.at_once.run(partial(self._one_pass, advance), jobs), axis=1)

    def _one_pass(self, advance: Advance, jobs: Sequence[Job], size: int) -> Array:
        """The same of `size` jobs; fewer are filled up: with one shape no job's last bits depend on its neighbours."""
        group = [*jobs, *[jobs[-1]] * (size - len(jobs))]
        noised, time = self.sample_latents(group, advance)
        both = torch.stack([noised, self._target(group, noised, time)]).float()
        return both.reshape(2, size, self.settings.batch, *both.shape[2:])[:, : len(jobs)].cpu().numpy()

    def sample_latents(self, jobs: Sequence[Job], advance: Advance = lambda steps: None) -> tuple[Tensor, Tensor]:
        """The frozen model's latents (J · B, c, h, w) and their timesteps (J · B,)."""
        settings, batch = self.settings, self.settings.batch
        stops = [job.index for job in jobs for _ in range(batch)]
        return partial_latents(
            self.denoiser,
            self.scheduler(),
            settings.sampling_steps,
            settings.guidance,
            self.unguided,
            self._prompt(jobs),
            self.noise(jobs),
            stops,
            advance,
        )

    def _lesson(self, job: Job, row: Array) -> Lesson:
        noised, target = torch.from_numpy(np.array(row)).to(self.denoiser.device, self.denoiser.dtype)
        time = self._timesteps[job.index].to(noised.device).expand(self.settings.batch)
        return Lesson(noised, time, self._prompt([job]), target)

    def _prompt(self, jobs: Sequence[Job]) -> Condition:
        """What the model under training is told: the text to erase from where there is one, else the concept."""
        return repeat_rows(self.texts([self.settings.erase_from or job.source for job in jobs]), self.settings.batch)

    @torch.no_grad()
    def _target(self, jobs: Sequence[Job], noised: Tensor, time: Tensor) -> Tensor:
        """The frozen model's predictions, all in one call, put together; (J · B, c, h, w)."""
        named, nothing = repeat_rows(self.texts([job.source for job in jobs]), self.settings.batch), self.texts([""])
        asked = [named, repeat_rows(nothing, len(noised))]
        if self.settings.erase_from:
            asked.append(self._prompt(jobs))
        count = len(asked)
        found = self.denoiser.output(noised.repeat(count, 1, 1, 1), time.repeat(count), join_conditions(asked)).chunk(
            count
        )
        origin = found[2] if self.settings.erase_from else None
        return target_of(self.settings.variant, found[0], found[1], origin, self.settings.negative_guidance)


def _job_key(key: Mapping[str, Any], job: Job) -> dict[str, Any]:
    return {**key, "job": asdict(job)}
