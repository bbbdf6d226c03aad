"""A CLIP text encoder run layer by layer: states between layers, and inputs of fc2.

Running the layers one by one is what lets a method compute the part below its edit once, and try new weights without
ever changing the model.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from iceb.base.errors import ModelError
from iceb.methods.common.tokens import last_subject_token

Readout = Literal["final", "penultimate"]


@dataclass(frozen=True)
class Tokens:
    """Tokenised texts, padded to the longest of all."""

    ids: Tensor  # (B, L) int64
    mask: Tensor  # (B, L) int64, 1 up to and including the first end token

    @property
    def ends(self) -> Tensor:
        """Index of each row's end token, (B,)."""
        return self.mask.sum(dim=1) - 1

    def rows(self, start: int, stop: int) -> "Tokens":
        """Select rows, and cut them to the longest of them."""
        width = int(self.mask[start:stop].sum(dim=1).max())
        return Tokens(self.ids[start:stop, :width], self.mask[start:stop, :width])


@dataclass(frozen=True)
class TextStates:
    """A text encoder's outputs for the denoiser: context and pooled states."""

    context: Tensor  # (B, L, d)
    pooled: Tensor  # (B, p), the state at the end token, projected where the encoder has a projection


class TextTower:
    """A CLIP text encoder with its tokenizer; parameters are read, never changed.

    Args:
        model: a transformers CLIPTextModel or CLIPTextModelWithProjection.
        tokenizer: its CLIPTokenizer.
        readout: "final" hands the denoiser the last layer's state after the final norm (SD 1.x, 2.x), "penultimate" the
            state before the last layer, without the norm (SDXL).
        component: the pipeline component's name, the first part of every parameter name.
    """

    def __init__(
        self, model: nn.Module, tokenizer: Any, readout: Readout = "final", component: str = "text_encoder"
    ) -> None:
        self.model, self.tokenizer, self.readout, self.component = model, tokenizer, readout, component
        core: Any = getattr(model, "text_model", model)  # transformers 5 drops the inner module of a CLIPTextModel
        if not hasattr(core, "encoder") or not hasattr(core, "embeddings"):
            raise ModelError(f"{component} is a {type(model).__name__}: expected a CLIP text encoder")
        self.core = core
        self.layers: nn.ModuleList = core.encoder.layers
        self.device: torch.device = next(model.parameters()).device
        self.dtype: torch.dtype = next(model.parameters()).dtype

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.layers)

    @property
    def positions(self) -> int:
        """Longest row of tokens the encoder takes (77)."""
        return int(self.core.embeddings.position_embedding.num_embeddings)

    def fc2(self, layer: int) -> Any:
        """The second MLP matrix of a layer, which is edited, (d, d_ff)."""
        layers: Any = self.layers
        return layers[layer].mlp.fc2

    def parameter_name(self, layer: int) -> str:
        """The full name of a layer's fc2 weight, in whichever layout the installed library uses."""
        return self.name_of(self.fc2(layer).weight)

    def name_of(self, wanted: Tensor) -> str:
        """The full name of a parameter of this encoder.

        Raises:
            ModelError: it is none of this encoder's.
        """
        for name, parameter in self.model.named_parameters():
            if parameter is wanted:
                return f"{self.component}.{name}"
        raise ModelError(f"{self.component} has no such parameter, of shape {tuple(wanted.shape)}")

    @property
    def token_table(self) -> Tensor:
        """The token embeddings, (vocabulary, d)."""
        table: Tensor = self.core.embeddings.token_embedding.weight
        return table

    def tokens(self, texts: Sequence[str], extra: int = 0, limit: int | None = None) -> Tokens:
        """Tokenise texts: padded to the longest plus `extra`, cut at `limit` and at the encoder's 77."""
        most = self.positions
        # Padded as drawing pads: a fast tokenizer keeps the padding of its last call, and other threads draw with it.
        padded = self.tokenizer(list(texts), padding="max_length", truncation=True, max_length=most)
        lengths = [sum(mask) for mask in padded["attention_mask"]]
        rows = [row[:length] for row, length in zip(padded["input_ids"], lengths, strict=True)]
        if limit is not None:
            rows = [row if len(row) <= limit else [*row[: limit - 1], row[-1]] for row in rows]  # the end token stays
        width = min(max(len(row) for row in rows) + extra, most)
        ids = torch.full((len(rows), width), int(self.tokenizer.pad_token_id))
        mask = torch.zeros((len(rows), width), dtype=torch.int64)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
            mask[index, : len(row)] = 1
        return Tokens(ids.to(self.device), mask.to(self.device))

    def embed(self, tokens: Tokens) -> Tensor:
        """The state before layer 0, (B, L, d)."""
        state: Tensor = self.core.embeddings(input_ids=tokens.ids)
        return state

    def bias(self, tokens: Tokens) -> Tensor:
        """The attention bias, (B, 1, L, L): 0 where a token may look, very negative at later tokens and pads."""
        width = tokens.ids.shape[1]
        causal = torch.ones(width, width, dtype=torch.bool, device=self.device).tril()
        seen = causal[None] & tokens.mask.bool()[:, None, :]  # (B, L, L)
        lowest = torch.finfo(self.dtype).min
        return torch.zeros(seen.shape, dtype=self.dtype, device=self.device).masked_fill(~seen, lowest)[:, None]

    def advance(
        self, state: Tensor, bias: Tensor, start: int, stop: int, weights: Mapping[int, Tensor] | None = None
    ) -> Tensor:
        """The state after layers start … stop − 1, with some layers' fc2 weight replaced.

        Args:
            state: (B, L, d), the state before layer `start`.
            bias: from `bias`.
            start: first layer run.
            stop: first layer not run.
            weights: layer → fc2 weight (d, d_ff) to use instead of the model's.
        """
        for layer in range(start, stop):
            state = self._one_layer(layer, state, bias, (weights or {}).get(layer))
        return state

    def _one_layer(self, layer: int, state: Tensor, bias: Tensor, weight: Tensor | None) -> Tensor:
        module: nn.Module = self.layers[layer]
        # transformers 4 takes two masks and returns a tuple, transformers 5 takes one and returns the state.
        masks = (None, bias) if "causal_attention_mask" in inspect.signature(module.forward).parameters else (bias,)
        changed = {} if weight is None else {"mlp.fc2.weight": weight}
        out: Any = functional_call(module, changed, (state, *masks)) if changed else module(state, *masks)
        after: Tensor = out[0] if isinstance(out, tuple) else out
        return after

    def key_inputs(self, layer: int, state: Tensor, bias: Tensor) -> Tensor:
        """Inputs of a layer's fc2, (B, L, d_ff), given the layer's input `state`."""
        with record_inputs(self.fc2(layer)) as seen:
            self._one_layer(layer, state, bias, None)
        return seen[0]

    def finish(self, state: Tensor, bias: Tensor, tokens: Tokens, start: int) -> TextStates:
        """The encoder's outputs from the state before layer `start`.

        Raises:
            ModelError: the denoiser reads a layer below `start` (SDXL's penultimate state), so `state` comes too late.
        """
        rows = torch.arange(len(state), device=self.device)
        if self.readout == "penultimate":
            if start > self.depth - 1:
                raise ModelError(f"{self.component}: the denoiser reads layer {self.depth - 2}, got a state above it")
            state = self.advance(state, bias, start, self.depth - 1)
            context, start = state, self.depth - 1
        state = self.core.final_layer_norm(self.advance(state, bias, start, self.depth))
        if self.readout == "final":
            context = state
        pooled = state[rows, tokens.ends]  # (B, d)
        projection = getattr(self.model, "text_projection", None)
        return TextStates(context, pooled if projection is None else projection(pooled))

    def read(self, tokens: Tokens) -> TextStates:
        """The encoder's outputs for tokenised texts."""
        return self.finish(self.embed(tokens), self.bias(tokens), tokens, 0)

    def subject_tokens(self, tokens: Tokens, subjects: Sequence[str], widths: Sequence[int]) -> list[int]:
        """Index of each row's last subject token, each row read as if padded to its own width."""
        rows = tokens.ids.tolist()
        found = zip(rows, subjects, widths, strict=True)
        return [last_subject_token(self.tokenizer, row[:width], subject) for row, subject, width in found]


def text_towers(pipeline: Any, prepared: Callable[[nn.Module], nn.Module] = lambda model: model) -> list[TextTower]:
    """The text encoders of a pipeline, in the order in which the denoiser reads them: one or (SDXL) two.

    Args:
        pipeline: a diffusers pipeline of the layout of Stable Diffusion or SDXL.
        prepared: what is done to each encoder first, say a copy in another number format.
    """
    if getattr(pipeline, "text_encoder_2", None) is None:
        return [TextTower(prepared(pipeline.text_encoder), pipeline.tokenizer)]
    return [
        TextTower(prepared(pipeline.text_encoder), pipeline.tokenizer, "penultimate"),
        TextTower(prepared(pipeline.text_encoder_2), pipeline.tokenizer_2, "penultimate", "text_encoder_2"),
    ]


@contextmanager
def record_inputs(module: nn.Module) -> Iterator[list[Tensor]]:
    """Record a module's inputs while the block runs.

    >>> with record_inputs(nn.Identity()) as seen: pass
    >>> seen
    []
    """
    seen: list[Tensor] = []
    handle = module.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    try:
        yield seen
    finally:
        handle.remove()


def slices(total: int, size: int) -> Iterator[tuple[int, int]]:
    """Pairs (start, stop) of consecutive pieces of at most `size`.

    >>> list(slices(5, 2))
    [(0, 2), (2, 4), (4, 5)]
    """
    return ((start, min(start + size, total)) for start in range(0, total, size))
