"""TIME's closed form over all requests at once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from iceb.base.errors import MethodError
from iceb.methods.common.attention import Moments, StateReader, TextState, pair_moments, projections, right_edit, solve
from iceb.methods.common.attention.state_moments import total
from iceb.methods.common.text_encoder import slices
from iceb.methods.time.alignment import augment_text, subsequence, substitution
from iceb.specs.methods import Bundle, Edit, Scratch
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.time import TIME

PAIRS_AT_ONCE = 64  # pairs whose states are in memory together


def make_edit(method: "TIME", bundle: Bundle, requests: Sequence[EditRequest], scratch: Scratch) -> Edit:
    """Make the edit W M of every cross-attention projection that the settings name."""
    weights = projections(bundle, ("v", "k") if method.keys else ("v",))
    moments = request_moments(method, bundle, requests, scratch)
    return right_edit(weights, solve(moments.old, moments.cross, method.ridge))


def request_moments(method: "TIME", bundle: Bundle, requests: Sequence[EditRequest], scratch: Scratch) -> Moments:
    """Σ c cᵀ and Σ c' cᵀ over all positions of all texts of all requests."""
    pairs = [pair for request in requests for pair in texts(request, augment=method.augment)]
    reader, rows = StateReader(bundle, scratch), Rows(bundle.pipeline.tokenizer, strict=method.strict)
    return total(pair_moments(reader, pairs[start:stop], rows) for start, stop in slices(len(pairs), PAIRS_AT_ONCE))


def texts(request: EditRequest, *, augment: bool) -> list[tuple[str, str]]:
    """Pairs (old, new) of texts of a request: the bare pair, and its longer forms."""
    old, new = request.source, request.dest
    return list(zip(augment_text(old), augment_text(new), strict=True)) if augment else [(old, new)]


class Rows:
    """A pairing of every position of the old text with one of the new text.

    Args:
        tokenizer: the (first) CLIP tokenizer of the model.
        strict: refuse a new text that does not hold the old one's tokens in order, instead of aligning a substitution.
    """

    def __init__(self, tokenizer: Any, *, strict: bool) -> None:
        self.strict = strict
        an, a = (tokenizer(word).input_ids[1] for word in ("an", "a"))
        self._read_as = {an: a}

    def __call__(self, old: TextState, new: TextState) -> tuple[Tensor, Tensor]:
        """The paired rows E and E', (L, d) each."""
        return old.rows, new.rows[self.places(old, new)]

    def places(self, old: TextState, new: TextState) -> list[int]:
        """The position in the new text for each position of the old one.

        Raises:
            MethodError: strict, and the old tokens do not stand in the new text in order.
        """
        length, rows = len(old.ids), (self._tokens(old), self._tokens(new))
        found = subsequence(*rows, length)
        if found is None and self.strict:
            raise MethodError(
                f"time: the tokens of {old.text!r} do not stand in {new.text!r} in this order, which strict=true asks "
                "for: name a destination that contains the source, or use strict=false"
            )
        return substitution(*rows, length) if found is None else found

    def _tokens(self, text: TextState) -> list[int]:
        """Token ids up to and including the end token, with "an" read as "a"."""
        return [self._read_as.get(token, token) for token in text.ids[: text.end + 1]]
