"""RECE: reliable and efficient concept erasure, arXiv:2407.12383.

UCE's edit, then rounds of two closed forms: find the embeddings that still draw the concept, and erase those too. This
file imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.methods.common.corpora import check_captions, preservation_note
from iceb.methods.common.validation import Natural, NotNegative, Positive, check_fields
from iceb.methods.rece.settings import Penalty
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef


@dataclass(frozen=True)
class RECE:
    """Erasure that also erases what an attack finds; the defaults are those for hard objects.

    Attributes:
        epochs: rounds of attack and erasure; 0 is the start alone.
        attack_ridge: r, how small the adversarial embeddings are kept; smaller attacks more strongly.
        penalty: what r weighs: "zero", their size; the authors' surrogates are "surrogate" (the edited model's answer),
            "surrogate_second" (the embedding) and "surrogate_both".
        ridge: λ > 0 of the erasure, how strongly the weights stay where they are.
        erase_scale: weight of the adversarial states.
        preserve_scale: weight of the retained texts.
        retain: texts whose answers stay; "" is the empty prompt.
        retain_file: a file of more of them, one a line or a JSON list, such as the artists that are not to be erased.
        retain_dests: retain the destinations too, if they are nobody's source; the authors do not.
        start: begin with UCE's edit; False begins with the unedited model.
        start_ridge: λ of that edit.
        start_preserve_scale: its weight of the retained texts; None: UCE's rule, max(0.1, 1 / their number).
    """

    epochs: Natural = 1
    attack_ridge: NotNegative = 1e-3
    penalty: Penalty = "zero"
    ridge: Positive = 0.1
    erase_scale: NotNegative = 1.0
    preserve_scale: NotNegative = 0.1
    retain: tuple[str, ...] = ("",)
    retain_file: str | None = None
    retain_dests: bool = False
    start: bool = True
    start_ridge: Positive = 0.5
    start_preserve_scale: float | None = None

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)

    def check(self, ref: ModelRef) -> None:
        """Refuse a list of texts to retain that cannot be read.

        Raises:
            DataError: as `check_captions`.
        """
        if self.retain_file is not None:
            check_captions(self.retain_file, ref.family, "rece", "retain_file")

    def advice(self, ref: ModelRef) -> list[str]:
        """Warn that little is preserved if no list is named."""
        if self.retain_file is not None or any(text.strip() for text in self.retain):
            return []
        return [preservation_note(f"only the empty text{' and the destinations' if self.retain_dests else ''}")]

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new cross-attention keys and values that carry out all requests at once."""
        if not requests:
            return Edit()
        from iceb.methods.rece.editing import make_edit  # torch is loaded here and not before

        return make_edit(self, bundle, requests, context.scratch)
