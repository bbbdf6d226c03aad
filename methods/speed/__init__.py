"""SPEED: scalable, precise and efficient concept erasure, arXiv:2503.07392.

A closed-form erasure confined to the directions that retained concepts do not use, per projection, with the empty
text's states as invariants. This file imports nothing heavy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.base.errors import MethodError
from iceb.methods.common.corpora import check_captions, preservation_note
from iceb.methods.common.validation import Natural, NotNegative, Positive, check_fields
from iceb.methods.speed.settings import Matrices, Rows
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef


@dataclass(frozen=True)
class SPEED:
    """Null-space constrained erasure; the defaults are the published settings for instances.

    Attributes:
        rows: "last", the last content token of every text; "all", every position after the start token, which the
            authors use where nudity is the only target.
        matrices: "v", the values; "k", the keys; "vk", both.
        threshold: directions whose eigenvalue in the retained second moment is below this may be edited (absolute).
        retain_scale: s > 0, how strongly the weights stay where they are.
        slack: λ ≥ 0, how far the answers to the empty text may move; 0: not at all.
        neighbours: random neighbours drawn for each retained state; 0: none, and no filter.
        filtered: keep only the retained states that the erasure would move by more than the mean.
        retain: texts to retain.
        retain_file: a file of more of them, one a line or a JSON list; those that name a source are left out.
        captions: how many embedded captions to retain too; only the embedded model has them.
        seed: of the neighbours.
    """

    rows: Rows = "last"
    matrices: Matrices = "v"
    threshold: Positive = 0.1
    retain_scale: Positive = 1.0
    slack: NotNegative = 0.0
    neighbours: Natural = 10
    filtered: bool = True
    retain: tuple[str, ...] = ()
    retain_file: str | None = None
    captions: Natural = 0
    seed: int = 0

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)

    def check(self, ref: ModelRef) -> None:
        """Refuse an unreadable list, or embedded captions for a model that has none.

        Raises:
            MethodError, DataError: as `check_captions`.
        """
        if self.retain_file is not None:
            check_captions(self.retain_file, ref.family, "speed", "retain_file")
        if self.captions:
            check_captions(None, ref.family, "speed")

    def advice(self, ref: ModelRef) -> list[str]:
        """Warn that little is preserved if no list is named."""
        named = self.retain_file is not None or self.captions or any(text.strip() for text in self.retain)
        return [] if named else [preservation_note("only the empty text")]

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new values (and keys) that carry out all requests; retained states go to `scratch`.

        Raises:
            MethodError: a source is named twice, or the retained states leave no direction to edit.
        """
        if not requests:
            return Edit()
        sources = [request.source for request in requests]
        if len(set(sources)) < len(sources):
            twice = next(source for source in sources if sources.count(source) > 1)
            raise MethodError(f"speed: the source {twice!r} is named twice: each concept can be erased once")
        from iceb.methods.speed.editing import make_edit  # torch is loaded here and not before

        return make_edit(self, bundle, requests, context.scratch)
