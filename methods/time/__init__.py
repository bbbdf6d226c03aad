"""TIME: the closed-form edit of a model's implicit assumptions, arXiv:2303.08084.

A source text that leaves something open ("a pack of roses") is made to read as a destination text that says it ("a pack
of blue roses"), in the keys and values of every cross-attention. This file imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.methods.common.validation import Damping, check_fields
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef


@dataclass(frozen=True)
class TIME:
    """Editing of implicit assumptions by one ridge regression of all token states; published defaults.

    Attributes:
        ridge: λ > 0, how strongly the weights stay where they are.
        keys: edit the keys too (the authors' `--with_to_k`); False edits the values alone.
        augment: add "A photo of", "An image of" and "A picture of" each text (the authors' `--with_augs`).
        strict: refuse a request whose source tokens do not stand in its destination in order, as the authors' code
            does; False aligns such a replacement by what both texts share.
    """

    ridge: Damping = 0.1
    keys: bool = True
    augment: bool = True
    strict: bool = False

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)

    def advice(self, ref: ModelRef) -> list[str]:
        """Warn that nothing is preserved but the weights themselves."""
        return ["no text is preserved, so that other concepts may change: a larger ridge keeps more of them"]

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new cross-attention keys and values that carry out all requests at once."""
        if not requests:
            return Edit()
        from iceb.methods.time.editing import make_edit  # torch is loaded here and not before

        return make_edit(self, bundle, requests, context.scratch)
