"""UCE's debiasing: balance a concept between others by drawing, judging and editing in turn.

arXiv:2308.14761. The authors' programs of 2023 and of 2025 are two algorithms under one name; both are here. This file
is the method as the benchmark sees it and imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from iceb.base.errors import MethodError
from iceb.methods.common.validation import Bound, Count, NotNegative, Positive, check_fields, one_of
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest

SHARES = Bound(
    "must not be negative and must sum to 1",
    lambda shares: not shares or (min(shares) >= 0 and abs(sum(shares) - 1) <= 1e-6),
)


@dataclass(frozen=True)
class UCEDebias:
    """Balance each source between its destinations; the defaults are the authors' of the program chosen.

    Attributes:
        variant: 2023 (the paper's: edits accumulate, all rows from the last content token on) or 2025 (each round
            starts from the model as it was, the last content token alone).
        templates: 2023: balance four phrases with the source besides the source itself.
        shares: the wanted share of each destination; (): equal. 2023 knows equal shares only.
        tolerance: a source is balanced once no share is this far off.
        rounds: at most so many rounds of drawing and editing.
        images: drawn per text and round; None: 50 in 2023, 10 in 2025.
        sampling_steps: steps of each of these images; None: the model's default.
        step: how much of what a share lacks is added per round; None: 0.1 in 2023, 1 in 2025.
        ridge: λ.
        erase_scale: s_e.
        preserve_scale: s_p; None: 0.1 in 2023, 1 in 2025.
        retain: texts to preserve; if there are none, the empty text is preserved in 2023 and nothing in 2025.
        shared_targets: 2025: a balanced text that is also a destination or preserved takes its moved target there too,
            as in the authors' program; False: it keeps its own.
        keys: edit keys too; False: values alone.
        judge: what tells the destinations apart: a CLIP model's folder or REPOSITORY@COMMIT, safetensors; "": the
            embedded classifier on the embedded model, OpenAI's CLIP ViT-B/32 elsewhere.
    """

    variant: Annotated[int, one_of(2023, 2025)] = 2023
    templates: bool = True
    shares: Annotated[tuple[float, ...], SHARES] = ()
    tolerance: float = 0.05
    rounds: Count = 30
    images: Count | None = None
    sampling_steps: Count | None = 20
    step: float | None = None
    ridge: Positive = 0.5
    erase_scale: Positive = 1.0
    preserve_scale: NotNegative | None = None
    retain: tuple[str, ...] = ()
    shared_targets: bool = True
    keys: bool = True
    judge: str = ""

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)
        if self.variant == 2023 and len(set(self.shares)) > 1:
            raise MethodError(f"uce-debias shares {self.shares}: 2023 balances equally; take variant=2025")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new keys and values with which sources are drawn as destinations in the wanted shares."""
        if not requests:
            return Edit()
        from iceb.methods.uce_debias.editing import make_edit  # torch is loaded here and not before

        return make_edit(self, bundle, requests, context.scratch)
