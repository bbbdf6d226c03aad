"""Fixed codes of the entities, which mini's text encoder is trained towards.

A code is the sum of a random vector of the entity's own and of one random vector for each factor that its name tells.
The own part gives the codes their many directions, the shared part lets linear maps read the factors. How much is
shared is the dial between "every edit touches every name" and "no edit touches another name".

Sizes: m names, F factors, d features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from iceb.mini.entities import ENTITIES, entity_kind, entity_look
from iceb.mini.factors import FACTORS, factors_of
from tools.mini.sentences import NO_TRUTH, OWN

SEED = 5
SHARED = 0.4  # of a code's squared length
WEIGHTS = {  # of the factors in the shared part, relative to each other
    "shape": 0.42, "colour": 0.3, "pattern": 0.18, "size": 0.1, "tint": 0.25, "texture": 0.25, "frame": 0.3,
    "motif": 0.2, "skin": 0.2, "hair": 0.25, "hairstyle": 0.3, "clothing": 0.25, "badge": 0.2,
}  # fmt: skip


@dataclass(frozen=True)
class Codes:
    """Codes of the entities and what they are made of."""

    own: Tensor  # (entities, d), of norm 1
    values: tuple[Tensor, ...]  # for each factor (values, d), of norm 1
    native: Tensor  # (entities, F), the factors of each entity by itself; NO_TRUTH where its name tells none
    table: Tensor  # (entities, d), the codes, of norm 1

    @classmethod
    def make(cls, width: int) -> "Codes":
        """Make the codes of all entities; the same on every machine."""
        draw = torch.Generator().manual_seed(SEED)
        own = normalize(torch.randn(ENTITIES, width, generator=draw), dim=-1)
        values = tuple(normalize(torch.randn(count, width, generator=draw), dim=-1) for count in FACTORS.values())
        native = torch.tensor([_native(entity) for entity in range(ENTITIES)])
        return cls(own, values, native, _mix(own, values, native))

    def of(self, entity: Tensor, meant: Tensor) -> Tensor:
        """Codes of names, (m, d), of entities (m,) whose sentences tell the factors `meant`, (m, F)."""
        known = torch.where(meant == NO_TRUTH, self.native[entity], meant)
        return _mix(self.own[entity], self.values, known)


def _native(entity: int) -> list[int]:
    shown = factors_of(entity_look(entity))
    meant = OWN[entity_kind(entity)]
    return [value if name in meant else NO_TRUTH for name, value in zip(FACTORS, shown, strict=True)]


def _mix(own: Tensor, values: tuple[Tensor, ...], factors: Tensor) -> Tensor:
    """Codes, (m, d), from own parts (m, d) and factors (m, F)."""
    weights = torch.tensor([WEIGHTS.get(name, 0.0) for name in FACTORS])
    share = torch.where(factors == NO_TRUTH, 0.0, weights)  # (m, F)
    share = SHARED * share / share.sum(dim=-1, keepdim=True).clamp(min=1e-9)
    code = (1 - share.sum(dim=-1, keepdim=True)).sqrt() * own
    for column, table in enumerate(values):
        code = code + share[:, column, None].sqrt() * table[factors[:, column].clamp(min=0)]
    return normalize(code, dim=-1)
