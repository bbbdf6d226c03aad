"""Pictures become numbers, piece by piece: what is in the store is not looked at, what is made is kept at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from iceb.base.errors import IcebError, MeasureError
from iceb.base.progress import stage
from iceb.models.threads import single_threaded, spread
from iceb.running.ledger import Ledger
from iceb.specs.metrics import Measure, Measured
from iceb.specs.prompts import Prompt
from iceb.stores.arrays import Array
from iceb.stores.images import ImageKey, ImageStore
from iceb.stores.measured import MeasuredStore, pieces, stacked


@dataclass(frozen=True)
class _Piece:
    """A part of a list of pictures that is measured and kept as one."""

    keys: Sequence[ImageKey]
    prompts: Sequence[Prompt]


@dataclass(frozen=True)
class Measuring:
    """Measures pictures of the store.

    Args:
        spread_out: measure several pieces at once, each with one thread of arithmetic; for processors, not for GPUs.
    """

    images: ImageStore
    measured: MeasuredStore
    spread_out: bool = True

    def both(self, measure: Measure, before: Ledger, after: Ledger) -> tuple[Measured, Measured]:
        """The numbers of both sides."""
        return self.side(measure, before), self.side(measure, after)

    def side(self, measure: Measure, ledger: Ledger) -> Measured:
        """One row for each picture of `ledger`, in its order.

        Raises:
            MeasureError: the measure failed, or gave something else than one row of finite numbers for each picture.
            StoreError: a picture is missing or damaged, or the cache cannot be written.
        """
        cut = _cut(ledger)
        found = [self.measured.read(measure.id, measure.revision, piece.keys) for piece in cut]
        missing = [place for place, values in enumerate(found) if values is None]
        for place, values in zip(missing, self._made(measure, [cut[place] for place in missing]), strict=True):
            found[place] = values
        return Measured(measure.id, stacked(values for values in found if values is not None), tuple(ledger.prompts))

    def _made(self, measure: Measure, cut: list[_Piece]) -> list[Array]:
        if not cut:
            return []
        made: list[Array] = []
        with stage(f"measuring {measure.id}", sum(len(piece.keys) for piece in cut)) as advance:
            for piece, values in zip(cut, self._computed(measure, cut), strict=True):
                made.append(values)
                advance(len(piece.keys))
        return made

    def _computed(self, measure: Measure, cut: list[_Piece]) -> Iterator[Array]:
        """Each piece's numbers, in order. The first piece goes alone: it loads the network, once."""
        one = partial(self._measured, measure)
        if not self.spread_out:
            yield from map(one, cut)
            return
        with single_threaded():
            yield one(cut[0])
        yield from spread(one, cut[1:])

    def _measured(self, measure: Measure, piece: _Piece) -> Array:
        pictures = [self.images.load(key) for key in piece.keys]
        try:
            values = np.asarray(measure(pictures, piece.prompts))
        except IcebError:
            raise
        except Exception as error:  # a measure of others may raise anything
            raise MeasureError(f"measure {measure.id} failed ({type(error).__name__}: {error})") from error
        if values.ndim != 2 or len(values) != len(pictures) or not np.isfinite(values).all():
            raise MeasureError(
                f"measure {measure.id} gave shape {values.shape} for {len(pictures)} pictures, or numbers that are "
                "not finite: must be finite (pictures, width)"
            )
        return self.measured.publish(measure.id, measure.revision, piece.keys, values)


def paths(store: MeasuredStore, measure: Measure, ledger: Ledger) -> list[Path]:
    """Where the numbers of a ledger's pictures lie, or would."""
    return [store.path(measure.id, measure.revision, piece.keys) for piece in _cut(ledger)]


def _cut(ledger: Ledger) -> list[_Piece]:
    """Pieces that never cross from one role to another, so that runs which share a role's pictures share its pieces."""
    cut: list[_Piece] = []
    start = 0
    for end in range(1, len(ledger.prompts) + 1):
        if end == len(ledger.prompts) or ledger.prompts[end].role != ledger.prompts[start].role:
            prompts = iter(ledger.prompts[start:end])
            for keys in pieces(ledger.keys[start:end]):
                cut.append(_Piece(keys, [next(prompts) for _ in keys]))
            start = end
    return cut
