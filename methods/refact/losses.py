"""Losses of ReFACT's search: four objectives on features, and the drift of the ranking of images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from iceb.methods.refact.settings import Objective

NEVER = float("nan")  # the direct objectives have scores, no probabilities, so the search never stops early
SMALL = 0.05  # the authors' contrastive search on images also stops below this loss


@dataclass(frozen=True)
class Terms:
    """The terms of the loss in one iteration."""

    likelihood: Tensor  # minus the mean log probability (direct: minus the mean score) of what is new
    drift: Tensor  # the weighted divergence; 0 where there is none
    penalty: Tensor
    probability: float  # mean probability of what is new

    @property
    def loss(self) -> Tensor:
        """The scalar loss."""
        return self.likelihood + self.drift + self.penalty

    def detach(self) -> "Terms":
        """Detach all terms from the graph."""
        return Terms(self.likelihood.detach(), self.drift.detach(), self.penalty.detach(), self.probability)

    def is_enough(self, objective: Objective, probability: float) -> bool:
        """Whether the search may stop."""
        small = objective == "contrastive" and float(self.loss.detach()) < SMALL
        return small or self.probability > probability


def likelihood(found: Tensor, new: int, objective: Objective) -> tuple[Tensor, float]:
    """The loss of scores, and the mean probability of the new features.

    Contrastive: −mean Σᵢ log softmax(sᵢ, s of all that is not new)[i]; the probability multiplies up over several new
    ones, as the authors' does, and is averaged. Direct: −mean Σᵢ sᵢ, without a probability.

    Args:
        found: (B, n + m) scores of B prompts: first what is new, then what is not.
        new: n.
        objective: the loss.
    """
    scores = found[:, :new]
    if objective in ("direct", "direct_text"):
        return -scores.sum(dim=1).mean(), NEVER
    others = found[:, new:].logsumexp(dim=1, keepdim=True)
    chances = scores - torch.logaddexp(scores, others)  # (B, n)
    return -chances.sum(dim=1).mean(), float(chances.detach().cumsum(dim=1).exp().mean())


def divergence(now: Tensor, before: Tensor) -> Tensor:
    """KL(now ‖ before), the mean over rows, of log probabilities (k, i), in the authors' direction."""
    found: Tensor = (now.exp() * (now - before)).sum(dim=1).mean()
    return found
