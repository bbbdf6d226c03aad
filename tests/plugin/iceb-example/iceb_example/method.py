"""A method: it moves token embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.base.errors import MethodError
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest


@dataclass(frozen=True)
class TokenSwap:
    """Move the embedding of each source's last token towards the mean embedding of its destination's tokens."""

    strength: float = 1.0

    card: ClassVar[MethodCard] = MethodCard(
        name="token_swap",
        version=1,
        paper="none: an example",
        kinds=("replace",),
        touches=("text_encoder.*token_embedding.weight",),
    )

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        if not requests:
            return Edit()
        ((name, table),) = bundle.parameters_named("text_encoder.*token_embedding.weight").items()
        edited = table.detach().clone()
        tokenize = bundle.pipeline.tokenizer
        for request in requests:
            last = tokenize(request.source, add_special_tokens=False).input_ids[-1]
            dest = tokenize(request.dest, add_special_tokens=False).input_ids
            if not dest:
                raise MethodError(f"request {request.id}: the destination {request.dest!r} has no token")
            edited[last] += self.strength * (table[dest].mean(dim=0) - table[last])
        return Edit(weights={name: edited})
