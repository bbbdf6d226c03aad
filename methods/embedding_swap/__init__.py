"""Replace the source's token embeddings by the destination's; this only renames words.

A reference row of our own, under no paper's name. It knows nothing of images: if a method does no better, its
training bought nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from iceb.base.errors import MethodError
from iceb.methods.common.validation import Bound, check_fields
from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from torch import Tensor

    from iceb.methods.common.text_encoder import TextTower

BLEND = Bound("must lie between 0 (change nothing) and 1 (swap)", lambda share: 0 <= share <= 1)


@dataclass(frozen=True)
class EmbeddingSwap:
    """Replace each source token's embedding by that of the destination token in the same place.

    Attributes:
        blend: how far each row goes, from 0 (stays) to 1 (becomes the destination's).
    """

    blend: Annotated[float, BLEND] = 1.0

    card: ClassVar[MethodCard] = read_card(__file__)

    def __post_init__(self) -> None:
        check_fields(self, self.card.name)

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Return new token tables, one per text encoder.

        Raises:
            MethodError: a source or a destination has no token, or a request not exactly one destination.
        """
        if not requests:
            return Edit()
        from iceb.methods.common.text_encoder import text_towers  # torch is loaded here and not before

        return Edit(
            weights={
                tower.name_of(tower.token_table): self._new_table(tower, requests)
                for tower in text_towers(bundle.pipeline)
            }
        )

    def _new_table(self, tower: "TextTower", requests: Sequence[EditRequest]) -> "Tensor":
        """The token table with all requests carried out, (vocabulary, d), in the model's dtype."""
        table = tower.token_table.detach()
        asked: dict[int, list[Tensor]] = {}  # source token → the rows that requests want for it, each (d,)
        for request in requests:
            source, dest = _ids(tower, request, request.source), _ids(tower, request, _dest(request))
            for token, (start, stop) in zip(source, shares(len(source), len(dest)), strict=True):
                asked.setdefault(token, []).append(table[dest[start:stop]].double().mean(dim=0))
        new = table.clone()
        for token, rows in asked.items():
            wanted = sum(rows[1:], rows[0]) / len(rows)
            new[token] = ((1 - self.blend) * table[token].double() + self.blend * wanted).to(table.dtype)
        return new


def shares(sources: int, dests: int) -> Iterator[tuple[int, int]]:
    """Pairs (start, stop) of the destination tokens that each source token gets.

    >>> list(shares(2, 2)), list(shares(2, 3)), list(shares(3, 1))
    ([(0, 1), (1, 2)], [(0, 2), (1, 3)], [(0, 1), (0, 1), (0, 1)])
    """
    for place in range(sources):
        yield place * dests // sources, -(-(place + 1) * dests // sources)


def _dest(request: EditRequest) -> str:
    if len(request.dests) != 1:
        raise MethodError(
            f"request {request.id} has {len(request.dests)} destinations: embedding_swap replaces one name by one other"
        )
    return request.dests[0]


def _ids(tower: "TextTower", request: EditRequest, name: str) -> list[int]:
    """Token ids of a name, without start and end tokens."""
    tokens = tower.tokens([name])
    ids: list[int] = tokens.ids[0, 1 : int(tokens.ends[0])].tolist()
    if not ids:
        raise MethodError(f"request {request.id}: {name!r} has no token, so there is no embedding to swap")
    return ids
