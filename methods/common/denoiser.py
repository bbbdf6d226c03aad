"""A pipeline's denoiser for training: noising, noise prediction and the autoencoder."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from iceb.base.errors import ModelError
from iceb.models.memory import PassSizes
from iceb.specs.runs import Precision


@dataclass(frozen=True)
class Condition:
    """UNet conditioning, one row per sample: text states, padding mask, pooled text (SDXL)."""

    context: Tensor  # (B, L, c)
    keep: Tensor | None = None  # (B, L) bool, False at columns that must not be looked at; None: all are real
    pooled: Tensor | None = None  # (B, p), SDXL's added condition

    def rows(self, index: Tensor) -> "Condition":
        """The condition of some rows."""
        return Condition(
            self.context[index],
            None if self.keep is None else self.keep[index],
            None if self.pooled is None else self.pooled[index],
        )

    @classmethod
    def read(cls, found: Any, dtype: torch.dtype) -> "Condition":
        """Build it from a text reader's output, in the denoiser's number format; every column is real.

        Args:
            found: `states`, (B, L, c), and `pooled`, (B, p) or None, as `iceb.models.conditioning` gives them.
            dtype: of both.
        """
        return cls(found.states.to(dtype), pooled=None if found.pooled is None else found.pooled.to(dtype))


def join_conditions(parts: Sequence[Condition]) -> Condition:
    """Concatenate the rows of several conditions; every column is real.

    Args:
        parts: at least one, all of one length L and width; they have pooled states all or none, and `keep` none.
    """
    pooled = [part.pooled for part in parts if part.pooled is not None]
    return Condition(torch.cat([part.context for part in parts]), pooled=torch.cat(pooled) if pooled else None)


class Denoiser:
    """A pipeline's UNet, autoencoder and noise schedule, frozen.

    Noise levels are those of DDPM training, whatever scheduler the pipeline draws with.
    Deviation: for SDXL the authors' code noises with the drawing scheduler (Euler), which gives other levels and fails
    on most timesteps; the DDPM levels are meant.

    Args:
        unet: as the pipeline has it, or a copy.
        vae: likewise.
        scheduler: whose noise schedule and prediction type it is.
        precision: "bfloat16" computes the UNet's passes in that format where it can be done (autocast); what it gives,
            and so every loss, has the format of its input. "tf32" is `training_passes`'s.
    """

    def __init__(self, unet: nn.Module, vae: nn.Module, scheduler: Any, precision: Precision = "float32") -> None:
        self.unet: Any = unet
        self.vae: Any = vae
        parameter = next(unet.parameters())
        self.device, self.dtype = parameter.device, parameter.dtype
        self.precision = precision
        self._sizes = PassSizes()
        self.levels: Tensor = scheduler.alphas_cumprod.float().to(self.device)  # (1000,) ᾱ
        self.prediction: str = scheduler.config.get("prediction_type", "epsilon")
        if self.prediction not in ("epsilon", "v_prediction"):
            raise ModelError(f"the denoiser predicts {self.prediction!r}: expected epsilon or v_prediction")

    @property
    def timesteps(self) -> int:
        """Number of noise levels."""
        return len(self.levels)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Channels, height, width of a latent at the model's own size."""
        size = int(self.unet.config.sample_size)
        return int(self.unet.config.in_channels), size, size

    @property
    def pixels(self) -> int:
        """Side of an image at the model's own size."""
        return int(self.latent_shape[1] * 2 ** (len(self.vae.config.block_out_channels) - 1))

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_t = √ᾱ x₀ + √(1 − ᾱ) ε  (B, c, h, w)."""
        level = self.levels[timesteps].to(latents.dtype).reshape(-1, 1, 1, 1)
        return level.sqrt() * latents + (1 - level).sqrt() * noise

    def predict_noise(
        self, noised: Tensor, timesteps: Tensor, condition: Condition, weights: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """The predicted noise ε, (B, c, h, w); from a v-prediction, ε = √ᾱ v + √(1 − ᾱ) x_t."""
        out = self.output(noised, timesteps, condition, weights)
        if self.prediction == "epsilon":
            return out
        level = self.levels[timesteps].to(out.dtype).reshape(-1, 1, 1, 1)
        return level.sqrt() * out + (1 - level).sqrt() * noised

    def output(
        self, noised: Tensor, timesteps: Tensor, condition: Condition, weights: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """The denoiser's raw output, noise or v, (B, c, h, w).

        Args:
            noised: (B, c, h, w).
            timesteps: (B,) or one for all rows.
            weights: parameter name inside the UNet → tensor to use instead of the model's own.
        """
        extra: dict[str, Any] = {"return_dict": False}
        if condition.pooled is not None:
            side = float(self.pixels)
            ids = torch.tensor([side, side, 0.0, 0.0, side, side], dtype=self.dtype, device=self.device)
            extra["added_cond_kwargs"] = {"text_embeds": condition.pooled, "time_ids": ids.repeat(len(noised), 1)}
        if condition.keep is not None:
            extra["encoder_attention_mask"] = condition.keep
        given = (noised, timesteps, condition.context)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            out: tuple[Tensor] = (
                functional_call(self.unet, dict(weights), given, extra) if weights else self.unet(*given, **extra)
            )
        return out[0].to(noised.dtype)

    @torch.no_grad()
    def encode(self, images: Tensor, at_once: int = 64) -> tuple[Tensor, Tensor]:
        """Mean and deviation of images' latents: (B, 3, H, W) in [−1, 1] → two of (B, c, h, w), unscaled.

        Args:
            at_once: images that go through the autoencoder together; fewer where memory does not suffice.
        """

        def encode(rows: Sequence[int], _: int) -> Any:
            part = images[rows[0] : rows[-1] + 1]
            return self.vae.encode(part.to(self.device, self.vae.dtype)).latent_dist

        found = self._sizes.of("images_per_pass", at_once).run(encode, range(len(images)))
        return torch.cat([part.mean for part in found]), torch.cat([part.std for part in found])

    @property
    def scaling(self) -> float:
        """The factor from the autoencoder's latents to the denoiser's."""
        return float(self.vae.config.scaling_factor)


def prepare_images(images: "np.ndarray[Any, Any]", flipped: Tensor, side: int) -> Tensor:
    """Prepare images for the autoencoder: resize, centre crop, mirror where asked, scale to [−1, 1].

    Args:
        images: (N, H, W, 3) uint8.
        flipped: (N,) bool.
        side: pixels.

    Returns:
        (N, 3, side, side) float32.
    """
    from PIL import Image

    ready = []
    for pixels in images:
        if pixels.shape[:2] != (side, side):
            height, width = pixels.shape[:2]
            scale = side / min(height, width)
            size = (max(side, round(width * scale)), max(side, round(height * scale)))
            resized = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
            top, left = (resized.shape[0] - side) // 2, (resized.shape[1] - side) // 2
            pixels = resized[top : top + side, left : left + side]
        ready.append(torch.from_numpy(np.array(pixels)))
    stacked = torch.stack(ready).permute(0, 3, 1, 2).float() / 127.5 - 1  # (N, 3, side, side)
    return torch.where(flipped[:, None, None, None], stacked.flip(-1), stacked)


@contextmanager
def without_gradients(*modules: nn.Module) -> Iterator[None]:
    """Turn off gradients of the modules' parameters while the block runs, and restore them afterwards."""
    wanted = [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)
