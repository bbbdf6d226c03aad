"""A control that draws each prompt with its destination by the unedited model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.baselines.controls import PromptSwap
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest, OracleRequest


@dataclass(frozen=True)
class Oracle:
    """The destination's own prompt, drawn by the unedited model: the oracle row of RoAD and TIMED.

    Their rows say for each tested prompt what is drawn instead ("a bowl of blue bananas" for "a bowl of bananas"),
    which no rewriting of the source finds. Prompts that should not change stay. On tasks whose requests say no such
    thing it is `prompt_swap`.
    """

    card: ClassVar[MethodCard] = read_card(__file__, "cards/oracle.md")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Rewrite each tested prompt as a whole; the source's name where a request does not say how."""
        plain = [request for request in requests if not isinstance(request, OracleRequest)]
        swapped = PromptSwap().edit(bundle, plain, context=context).rewrites
        whole = {text: new for each in requests if isinstance(each, OracleRequest) for text, new in each.oracle}
        return Edit(rewrites={**swapped, **whole})
