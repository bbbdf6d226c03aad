"""The training loop: one Adam per concept over all parameters of a text encoder."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from iceb.base.errors import MethodError
from iceb.base.progress import stage
from iceb.methods.common.text_encoder import TextTower, text_towers
from iceb.methods.common.training import training_passes
from iceb.specs.methods import Bundle, Edit
from iceb.specs.requests import EditRequest
from iceb.specs.runs import Precision

if TYPE_CHECKING:
    from iceb.methods.finetune import Finetune


def make_edit(
    method: "Finetune", bundle: Bundle, requests: Sequence[EditRequest], precision: Precision = "float32"
) -> Edit:
    """Make the edit of all text encoder parameters; return it with the last concept's last loss."""
    weights: dict[str, Tensor] = {}
    log: dict[str, float] = {}
    for tower in text_towers(bundle.pipeline, _trainable):
        with training_passes(precision), stage(f"finetuning {tower.component}", len(requests)) as advance:
            for request in requests:
                log[f"{tower.component}.last_loss"] = train(tower, request, method)
                advance(1)
        for name, parameter in tower.model.named_parameters():
            weights[f"{tower.component}.{name}"] = parameter.detach().to(bundle.dtype)
    return Edit(weights=weights, log=log)


def _trainable(model: nn.Module) -> nn.Module:
    """Copy an encoder in float32, with parameters that take gradients."""
    return copy.deepcopy(model).float().requires_grad_(True)


@torch.enable_grad()
def train(tower: TextTower, request: EditRequest, method: "Finetune") -> float:
    """Finetune an encoder, in place, for one request.

    Returns:
        The loss before the last step: the mean square over prompts and channels.
    """
    source, dest = (tower.tokens(_fill_templates(request, name)) for name in (request.source, _dest(request)))
    with torch.no_grad():
        wanted = tower.read(dest).pooled  # (P, p), by the encoder as the concepts before left it
    adam = torch.optim.Adam(tower.model.parameters(), lr=method.rate, weight_decay=method.decay, fused=True)
    loss = torch.zeros(())
    for _ in range(method.steps):
        adam.zero_grad()
        loss = (tower.read(source).pooled - wanted).square().mean()
        torch.autograd.backward(loss)
        adam.step()
    return float(loss.detach())


def _fill_templates(request: EditRequest, name: str) -> list[str]:
    return [template.replace("{}", name) for template in request.templates]


def _dest(request: EditRequest) -> str:
    if len(request.dests) > 1:
        raise MethodError(f"request {request.id} has {len(request.dests)} destinations: finetune takes at most one")
    return request.dests[0] if request.dests else ""
