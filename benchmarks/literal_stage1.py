"""EMCID's stage I for one concept, written out step by step on the libraries' own modules.

Nothing of ours computes. As the authors' program has it: at every step the training images are encoded anew, all layers
of the text encoder read the destination's prompts and the edited source's, and autograd goes through them. Prompts are
padded to the longest of the concept; the encoder is given their mask, the denoiser is not. Random numbers are handed
over.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn
from torch.nn.functional import mse_loss

LAYER, RATE, DECAY, CLAMP, TEXT = 10, 0.2, 5e-4, 1.5, 0.01  # the authors' settings


@dataclass(frozen=True)
class Draw:
    """The random numbers of one step, for P prompts: image, the autoencoder's sampling, noise, timestep."""

    choice: Tensor  # (P,)
    sampled: Tensor  # (P, c, h, w)
    noise: Tensor  # (P, c, h, w)
    timesteps: Tensor  # (P,)


class LiteralStage1:
    """Stage I on a StableDiffusionPipeline, one concept at a time.

    Args:
        pipeline: with its parts in float32 on a processor or a GPU.
    """

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self.encoder, self.tokenizer, self.unet, self.vae = (
            getattr(pipeline, name) for name in ("text_encoder", "tokenizer", "unet", "vae")
        )
        self.noise = DDPMScheduler.from_config(pipeline.scheduler.config)
        core = getattr(self.encoder, "text_model", self.encoder)  # transformers 5 has no inner module
        self.layer: nn.Module = core.encoder.layers[LAYER]
        self.start: Tensor | None = None

    def value(self, source: str, dest: str, templates: Sequence[str], images: Tensor, draws: Sequence[Draw]) -> Tensor:
        """Optimise the value vector of a concept, (d,).

        Args:
            images: (S, P, 3, H, W) in [−1, 1].
            draws: of each step.
        """
        sources, dests = ([template.replace("{}", name) for template in templates] for name in (source, dest))
        places = [self._last_subject_token(template, source) for template in templates]
        self.start, size = None, self.encoder.config.hidden_size
        delta = torch.zeros(size, device=self.unet.device, requires_grad=True)
        adam = torch.optim.Adam([delta], lr=RATE)
        for draw in draws:
            loss = self._loss(delta, sources, dests, places, images, draw)
            adam.zero_grad()
            loss.backward()
            adam.step()
            self._project(delta)
        assert self.start is not None
        return self.start + delta.detach()

    def _loss(
        self,
        delta: Tensor,
        sources: Sequence[str],
        dests: Sequence[str],
        places: Sequence[int],
        images: Tensor,
        draw: Draw,
    ) -> Tensor:
        device, rows = delta.device, torch.arange(len(sources))
        with torch.no_grad():
            latent = self.vae.encode(images[draw.choice, rows].to(device)).latent_dist
            clean = (latent.mean + latent.std * draw.sampled.to(device)) * self.vae.config.scaling_factor
            timesteps = draw.timesteps.to(device)
            noised = self.noise.add_noise(clean, draw.noise.to(device), timesteps)
            wanted = self._read(dests)
            target = self.unet(noised, timesteps, wanted[0]).sample
        with self._shift(delta, places):
            states, pooled = self._read(sources)
        assert self.start is not None
        noise_loss = mse_loss(self.unet(noised, timesteps, states).sample, target)
        penalty = DECAY * delta.norm() / self.start.norm() ** 2
        return noise_loss + penalty + TEXT * mse_loss(pooled, wanted[1])

    def _read(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The states (P, L, d) and pooled states (P, d) of texts."""
        tokens = self.tokenizer(list(texts), padding="longest", return_tensors="pt").to(self.unet.device)
        found = self.encoder(tokens.input_ids, attention_mask=tokens.attention_mask)
        return found.last_hidden_state, found.pooler_output

    @contextmanager
    def _shift(self, delta: Tensor, places: Sequence[int]) -> Iterator[None]:
        """Within the block, add δ to the layer's output at each row's place; note v₀ of the first row once."""

        def add(module: nn.Module, given: Any, output: Any) -> Any:
            state = (output[0] if isinstance(output, tuple) else output).clone()
            if self.start is None:
                self.start = state[0, places[0]].detach().clone()
            for row, place in enumerate(places):
                state[row, place] = state[row, place] + delta
            return (state, *output[1:]) if isinstance(output, tuple) else state

        handle = self.layer.register_forward_hook(add)
        try:
            yield
        finally:
            handle.remove()

    def _last_subject_token(self, template: str, subject: str) -> int:
        """Index of the last token of the subject in a filled template."""
        before = template[: template.index("{}")] + subject
        return len(self.tokenizer(before).input_ids) - 2  # the end token follows it

    @torch.no_grad()
    def _project(self, delta: Tensor) -> None:
        assert self.start is not None
        limit = CLAMP * self.start.norm()
        if delta.norm() > limit:
            delta.mul_(limit / delta.norm())
