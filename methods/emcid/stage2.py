"""EMCID stage II: write all value vectors into several layers, one closed form per layer.

Layers are solved in ascending order, each seeing the edits below it. The model is never changed: new weights are tried
by functional calls, and the states before the next edited layer are carried along instead of being computed from the
start.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.common.least_squares import weighted_update
from iceb.methods.common.text_encoder import TextTower, slices
from iceb.methods.emcid.concepts import Concept, EditedPrompts, Rows
from iceb.methods.emcid.settings import Stage2

Solver: TypeAlias = Callable[[int, Tensor, Tensor], Tensor]  # layer, K (d_ff, n), R (d, n) → Δ (d, d_ff)
ROWS_AT_ONCE = 512  # prompts per forward pass; bounds memory, changes nothing else


@dataclass
class WrittenLayers:
    """New fc2 weights by layer, and the norms of residuals and updates."""

    weights: dict[int, Tensor] = field(default_factory=dict)  # layer → (d, d_ff), in the model's dtype
    residual_norms: dict[int, float] = field(
        default_factory=dict
    )  # mean ‖R‖ over columns, before the division by layers
    change: dict[int, float] = field(default_factory=dict)  # ‖ΔW‖ / ‖W‖
    log: dict[str, float] = field(default_factory=dict)  # log entries of EMCID's closed form: its `lift`

    def add(self, layer: int, weight: Tensor, update: Tensor, residuals: Tensor) -> None:
        """Add a layer: its weight (d, d_ff) before the update, Δ (d, d_ff) and R (N, T, d)."""
        self.weights[layer] = (weight.double() + update).to(weight.dtype)
        self.residual_norms[layer] = float(residuals.norm(dim=-1).mean())
        self.change[layer] = float(update.norm() / weight.double().norm())


@torch.no_grad()
def write_values(
    tower: TextTower,
    concepts: Sequence[Concept],
    values: Tensor,
    moments: Mapping[int, Tensor],
    settings: Stage2,
    solve: Solver | None = None,
) -> WrittenLayers:
    """Compute the fc2 weights that make every concept's tokens carry its value vector.

    For layer l, the i-th of n:  R = (Z − M) / (n − i),  W ← W + α R Kᵀ ((1 − α) λ C + α K Kᵀ)⁻¹, where K and M are the
    mean input and output of fc2 over a concept's training prompts, with the layers below already edited; λ is
    `settings.moment_weight`, α is `settings.edit_weight`.

    Args:
        tower, concepts: the text encoder, and N concepts.
        values: z*, (N, d) or (N, T, d) for T edited tokens.
        moments: layer → C, (d_ff, d_ff).
        settings: of stage II.
        solve: another closed form in place of EMCID's.

    Raises:
        MethodError: values do not fit the concepts, a layer does not exist, or a moment is missing.
    """
    _check(tower, concepts, values, moments, settings)
    done = WrittenLayers()
    solve = solve or _ridge(moments, settings, done.log)
    values = values.reshape(len(concepts), -1, values.shape[-1])  # (N, T, d)
    placed = EditedPrompts(tower, concepts, "source", count=values.shape[1])
    rows, bias = Rows.of(concepts, tower.device), tower.bias(placed.tokens)
    layers, stream = sorted(settings.layers), settings.residual == "stream"
    state = _advance(tower, tower.embed(placed.tokens), bias, 0, layers[0], {})
    for step, layer in enumerate(layers):
        K, M = _keys_and_outputs(tower, state, bias, placed.at, rows, layer)  # (N, T, d_ff), (N, T, d)
        R = values.double() - (_stream(tower, state, bias, placed.at, rows, layer, settings) if stream else M)
        update = solve(layer, K.flatten(0, 1).T, (R / (len(layers) - step)).flatten(0, 1).T)
        done.add(layer, tower.fc2(layer).weight, update, R)
        if step + 1 < len(layers):
            state = _advance(tower, state, bias, layer, layers[step + 1], done.weights)
    return done


def _ridge(moments: Mapping[int, Tensor], settings: Stage2, log: dict[str, float]) -> Solver:
    """EMCID's closed form as a solver."""

    def solve(layer: int, keys: Tensor, residuals: Tensor) -> Tensor:
        return weighted_update(
            keys,
            residuals,
            moments[layer].to(keys.device),
            moment_weight=settings.moment_weight,
            edit_weight=settings.edit_weight,
            rounded=settings.rounded,
            log=log,
        )

    return solve


def _check(
    tower: TextTower, concepts: Sequence[Concept], values: Tensor, moments: Mapping[int, Tensor], settings: Stage2
) -> None:
    if len(values) != len(concepts):
        raise MethodError(f"{len(values)} value vectors for {len(concepts)} concepts: one each is needed")
    if max(settings.layers) >= tower.depth or settings.value_layer >= tower.depth:
        raise MethodError(
            f"layers {settings.layers} with the value after layer {settings.value_layer}: "
            f"{tower.component} has layers 0 to {tower.depth - 1}"
        )
    missing = sorted(set(settings.layers) - set(moments))
    if missing:
        raise MethodError(f"no second moment for layers {missing}: compute them first")


def _at(state: Tensor, at: Tensor) -> Tensor:
    """The states at each row's edited tokens, (B, L, d) → (B, T, d)."""
    return state[torch.arange(len(state), device=state.device)[:, None], at]


def _advance(
    tower: TextTower, state: Tensor, bias: Tensor, start: int, stop: int, weights: Mapping[int, Tensor]
) -> Tensor:
    pieces = slices(len(state), ROWS_AT_ONCE)
    return torch.cat([tower.advance(state[a:b], bias[a:b], start, stop, weights) for a, b in pieces])


def _stream(
    tower: TextTower, state: Tensor, bias: Tensor, at: Tensor, rows: Rows, layer: int, settings: Stage2
) -> Tensor:
    """Mean state after the value layer at the edited tokens, (N, T, d) float64, for MEMIT's residual."""
    above = _advance(tower, state, bias, layer, settings.value_layer + 1, {})
    return rows.mean(_at(above, at).double())


def _keys_and_outputs(
    tower: TextTower, state: Tensor, bias: Tensor, at: Tensor, rows: Rows, layer: int
) -> tuple[Tensor, Tensor]:
    """Mean input and output of fc2 at the edited tokens, float64.

    The mean output is that of the mean input.
    """
    pieces = slices(len(state), ROWS_AT_ONCE)
    inputs = torch.cat(
        [_at(tower.key_inputs(layer, state[a:b], bias[a:b]), at[a:b]) for a, b in pieces]
    )  # (B, T, d_ff)
    K = rows.mean(inputs.double())
    fc2 = tower.fc2(layer)
    return K, K @ fc2.weight.double().T + fc2.bias.double()
