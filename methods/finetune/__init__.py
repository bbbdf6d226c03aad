"""Sequential finetuning of the text encoder, the weak baseline of EMCID (arXiv:2403.13807).

Concept after concept, Adam pulls what the encoder pools from the source's prompts towards what it pooled from the
destination's; nothing is preserved on purpose. This file is the method as the benchmark sees it and imports nothing
heavy; `editing.py` does the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.methods.common.validation import Count, NotNegative, Positive, check_fields
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest


@dataclass(frozen=True)
class Finetune:
    """Finetuning of all text encoder parameters, one concept after the other, with the authors' defaults.

    Attributes:
        steps: Adam steps per concept.
        rate: Adam's learning rate; Adam starts anew at every concept.
        decay: weight of every parameter added to its own gradient (Adam's `weight_decay`, not AdamW's). A parameter
            without another gradient, such as an unused token embedding, then shrinks by about `rate` a step.
    """

    steps: Count = 20
    rate: Positive = 1e-4
    decay: NotNegative = 5e-2

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return all parameters of the text encoders after every request, in request order.

        Nothing is kept in the scratch: each concept starts from all before it, so no part serves another list.

        Raises:
            MethodError: a request has several destinations.
        """
        if not requests:
            return Edit()
        from iceb.methods.finetune.editing import make_edit  # torch is loaded here and not before

        return make_edit(self, bundle, requests, context.execution.precision)
