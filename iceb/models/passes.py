"""Count work and memory of the passes of drawing and of methods, from the shapes of a model.

A pass over rows: FLOPs are proportional to the rows, and peak memory is a constant and so much a row; both are taken
from passes of one and of two rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from iceb.base.errors import ModelError
from iceb.models.architectures import ARCHITECTURES, empty_part, shapes_of
from iceb.models.counting import Counted, count
from iceb.models.families import FAMILIES

PassName = Literal[
    "unet",  # one row of the denoiser, no gradients
    "decode",  # one latent to an image
    "encode",  # one image to a latent
    "text",  # one text through all text encoders
    "unet_to_text",  # forward and backward to the text states: EMCID's stage I
    "unet_cross_attention",  # forward and backward to all parameters of cross-attention: ESD
    "unet_keys_values",  # to its keys and values: Concept Ablation
    "unet_low_rank",  # to a term of rank 1 on each of these, cross-attention's matrices kept: MACE
    "unet_all",  # to all parameters of the denoiser
    "text_to_state",  # forward and backward to the states of the text encoders' last layers but one
    "text_all",  # to all parameters of the (first) text encoder
]
TEXT_LENGTH = 77
TRAINED: dict[str, Callable[[str], bool]] = {
    "unet_cross_attention": lambda name: ".attn2." in name,
    "unet_keys_values": lambda name: ".attn2.to_k." in name or ".attn2.to_v." in name,
    "unet_all": lambda name: True,
    "text_all": lambda name: True,
}


@dataclass(frozen=True)
class PassCost:
    """Cost of a pass.

    Attributes:
        flops: floating-point operations a row.
        fixed_bytes: memory whatever the rows: gradients of trained parameters, and casts of weights.
        row_bytes: memory a row.
        trained: the number of trained parameters.
    """

    flops: int
    fixed_bytes: int
    row_bytes: int
    trained: int = 0

    def bytes_at(self, rows: int) -> int:
        """Peak memory of a pass over so many rows, beside the weights."""
        return self.fixed_bytes + rows * self.row_bytes


@cache
def pass_cost(
    family: str, name: PassName, side: int | None = None, *, half: bool = False, checkpointed: bool = False
) -> PassCost:
    """Count a pass of a family.

    Args:
        side: of images, in pixels; None: the family's own.
        half: in 16 bits instead of float32.
        checkpointed: with activation checkpointing, which computes a block's forward pass twice and keeps less.

    Raises:
        ModelError: no shapes are written out for the family.
    """
    if shapes_of(family) is None:
        raise ModelError(f"work of {family}: no shapes are written out; take one of {', '.join(ARCHITECTURES)}")
    if name not in get_args(PassName):
        raise ModelError(f"pass {name!r}: must be one of {', '.join(get_args(PassName))}")
    dtype = torch.bfloat16 if half else torch.float32
    pixels = side or FAMILIES[family].sampling.height
    one, two = (_Pass(family, name, rows, pixels, dtype, checkpointed).counts() for rows in (1, 2))
    row = two[0].peak_bytes - one[0].peak_bytes
    return PassCost(two[0].flops - one[0].flops, max(0, one[0].peak_bytes - row), row, one[1])


class _Pass:
    """One pass on the meta device."""

    def __init__(
        self, family: str, name: PassName, rows: int, pixels: int, dtype: torch.dtype, checkpointed: bool
    ) -> None:
        self.family, self.name, self.rows, self.pixels, self.dtype = family, name, rows, pixels, dtype
        self.checkpointed = checkpointed
        self.parts = ARCHITECTURES[shapes_of(family) or ""]

    def counts(self) -> tuple[Counted, int]:
        """Return the cost of the pass, and the number of parameters it trains."""
        if self.name.startswith("text"):
            return self._text()
        return self._vae() if self.name in ("decode", "encode") else self._unet()

    def _empty(self, *shape: int) -> Tensor:
        return torch.empty(shape, device="meta", dtype=self.dtype)

    def _vae(self) -> tuple[Counted, int]:
        vae: Any = empty_part(self.family, "vae", self.dtype)
        side = self.pixels // 8
        given = self._empty(self.rows, 4, side, side)
        if self.name == "encode":
            given = self._empty(self.rows, 3, self.pixels, self.pixels)
        run = vae.decode if self.name == "decode" else vae.encode
        return count(lambda: run(given, return_dict=False), [*vae.parameters(), given], gradients=False), 0

    def _unet(self) -> tuple[Counted, int]:
        unet: Any = empty_part(self.family, "unet", self.dtype)
        trains = self.name != "unet"
        if self.checkpointed:
            unet.train().enable_gradient_checkpointing(_compute_again)
        side = self.pixels // 8
        given = {
            "sample": self._empty(self.rows, 4, side, side),
            "timestep": torch.empty(self.rows, device="meta", dtype=torch.int64),
            "encoder_hidden_states": self._empty(self.rows, TEXT_LENGTH, unet.config.cross_attention_dim),
        }
        extra: dict[str, Any] = {"return_dict": False}
        if unet.config.addition_embed_type:
            extra["added_cond_kwargs"] = {
                "text_embeds": self._empty(self.rows, 1280),
                "time_ids": self._empty(self.rows, 6),
            }
        trained = self._choose(unet, given)

        def run() -> None:
            found = unet(**given, **extra)[0]
            if trains:
                torch.autograd.backward(found.float().square().mean())

        standing = [*unet.parameters(), *given.values(), *trained]
        plain = TEXT_LENGTH if self.name == "unet_low_rank" else None
        counted = count(run, standing, gradients=trains, plain_keys=plain)
        return counted, sum(each.numel() for each in trained) if self.name != "unet_to_text" else 0

    def _choose(self, unet: nn.Module, given: dict[str, Tensor]) -> list[Tensor]:
        """The tensors that get a gradient."""
        if self.name == "unet_to_text":
            return [given["encoder_hidden_states"].requires_grad_()]
        if self.name == "unet_low_rank":
            return _add_terms(unet, self.rows)
        return _train(unet, TRAINED.get(self.name))

    def _text(self) -> tuple[Counted, int]:
        """All text encoders one after the other; of "text_all" the first, which is what methods train."""
        names = [name for name in self.parts if name.startswith("text")]
        found = [self._encoder(name) for name in (names[:1] if self.name == "text_all" else names)]
        flops = sum(counted.flops for counted, _ in found)
        return Counted(flops, max(counted.peak_bytes for counted, _ in found)), sum(number for _, number in found)

    def _encoder(self, part: str) -> tuple[Counted, int]:
        encoder: Any = empty_part(self.family, part, self.dtype)
        tokens = torch.empty((self.rows, TEXT_LENGTH), device="meta", dtype=torch.int64)
        trained = _train(encoder, TRAINED.get(self.name))
        inputs: list[Tensor] = []
        if self.name == "text_to_state":
            layers = (getattr(encoder, "text_model", None) or encoder).encoder.layers
            inputs = [self._empty(self.rows, 1, layers[0].mlp.fc2.out_features).requires_grad_()]
            layers[len(layers) - 2].mlp.register_forward_hook(lambda _, __, found: found + inputs[0])

        def run() -> None:
            found = encoder(tokens)[0]
            if trained or inputs:
                torch.autograd.backward(found.float().square().mean())

        standing = [*encoder.parameters(), tokens, *inputs]
        counted = count(run, standing, gradients=bool(trained or inputs))
        return counted, sum(each.numel() for each in trained)


def _compute_again(block: Callable[..., Any], *inputs: Any) -> Any:
    """Compute a block, and once more in the backward pass.

    Torch's other form keeps more tensors in cycles, which are alive until Python collects garbage.
    """
    if any(isinstance(each, Tensor) and each.requires_grad for each in inputs):
        return checkpoint(block, *inputs, use_reentrant=True)
    return block(*inputs)


def _train(module: nn.Module, wanted: Callable[[str], bool] | None) -> list[Tensor]:
    found: list[Tensor] = []
    for name, parameter in module.named_parameters():
        if wanted is not None and wanted(name):
            found.append(parameter.requires_grad_())
    return found


def _add_terms(unet: nn.Module, rows: int) -> list[Tensor]:
    """A term of rank 1 a row on each key and value of cross-attention, added to what the layer gives."""
    terms: list[Tensor] = []
    for name, module in unet.named_modules():
        if name.endswith((".attn2.to_k", ".attn2.to_v")) and isinstance(module, nn.Linear):
            down, up = (
                torch.empty(shape, device="meta").requires_grad_()
                for shape in ((rows, module.in_features, 1), (rows, 1, module.out_features))
            )
            terms += [down, up]
            module.register_forward_hook(
                lambda _, given, found, down=down, up=up: found + torch.bmm(torch.bmm(given[0], down), up)
            )
    return terms
