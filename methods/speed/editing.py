"""SPEED from requests to weights: moments, invariants, a null space and update per projection."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.base.progress import stage
from iceb.methods.common.attention import StateReader, TextState, projections
from iceb.methods.common.attention.text_states import algebra_device
from iceb.methods.common.corpora import caption_corpus, read_captions, sample_captions, texts_naming
from iceb.methods.common.text_encoder import slices
from iceb.methods.speed.formula import Targets, centres, least_singular_vector, reduce_rows, unused_directions, update
from iceb.methods.speed.retaining import RetainedMoment, RetainedStates, retained_moment
from iceb.specs.methods import Bundle, Edit, Scratch
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.speed import SPEED

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
REQUESTS_AT_ONCE = 32  # requests whose states are in memory together


def make_edit(method: "SPEED", bundle: Bundle, requests: Sequence[EditRequest], scratch: Scratch) -> Edit:
    """Make the edit W + Δ of the projections that the settings name."""
    matrices, reader = projections(bundle, tuple(method.matrices)), StateReader(bundle, scratch)  # type: ignore[arg-type]
    targets = target_rows(method, reader, requests)
    corpus = retained_texts(method, bundle, [])
    texts = retained_texts(method, bundle, [request.source for request in requests])
    retained = shuffle_rows(retained_rows(method, reader, texts, scratch, corpus), targets.reach, method.seed)
    least = least_directions(matrices, bundle, scratch) if method.neighbours else {}
    return _Editing(method, targets, retained, invariant_states(reader), least).run(matrices)


class _Editing:
    """A SPEED edit in progress."""

    def __init__(
        self,
        method: "SPEED",
        targets: Targets,
        retained: RetainedStates,
        invariants: Tensor,
        least: Mapping[str, Tensor],
    ) -> None:
        self.method, self.targets, self.retained, self.invariants = method, targets, retained, invariants
        self.least = least
        self.generator = torch.Generator().manual_seed(method.seed)
        self.found: list[
            tuple[RetainedMoment, int, int]
        ] = []  # retained states, dimension of the null space, unused constraints
        self.shared: tuple[RetainedMoment, Tensor] | None = (
            None  # without neighbours all projections have one null space
        )

    def run(self, matrices: dict[str, Tensor]) -> Edit:
        weights, away = {}, self.targets.away
        with stage("null spaces", len(matrices)) as advance:
            for name, matrix in matrices.items():
                W = matrix.to(away)
                aims = W @ away.T
                weights[name] = (W + aims @ self.factor(name, aims)).to(matrix)
                advance(1)
        if not any(rank for _, rank, _ in self.found):
            raise MethodError(
                f"speed threshold {self.method.threshold}: the retained states use every direction of every projection "
                "more than that, so nothing could be edited; take a larger threshold, or fewer texts to retain"
            )
        return Edit(weights=weights, log=self.log())

    def factor(self, name: str, aims: Tensor) -> Tensor:
        """The right factor that turns W (a − t)ᵀ, `aims`, into the change of one projection."""
        method = self.method
        kept, U = self.null_space(name, aims)
        change, idle = update(self.targets, U, self.invariants, method.retain_scale, method.slack)
        self.found.append((kept, U.shape[1], idle))
        return change

    def null_space(self, name: str, aims: Tensor) -> tuple[RetainedMoment, Tensor]:
        """The retained moment of one projection, and a basis of its null space, (d, r)."""
        method, least = self.method, self.least.get(name)
        if self.shared is None or method.neighbours:
            kept = retained_moment(aims, self.retained, least, method.neighbours, method.filtered, self.generator)
            self.shared = kept, unused_directions(kept.moment, method.threshold)
        return self.shared

    def log(self) -> dict[str, float]:
        rows, neighbours = ([getattr(each, name) for each, _, _ in self.found] for name in ("rows", "neighbours"))
        ranks, count = [rank for _, rank, _ in self.found], len(self.found)
        return {
            "retained_rows": float(len(self.retained.rows)),
            "kept_rows": sum(rows) / count,
            "kept_neighbours": sum(neighbours) / count,
            "null_space_least": float(min(ranks)),
            "null_space_mean": sum(ranks) / count,
            "idle_constraints": float(max(idle for _, _, idle in self.found)),
        }


def target_rows(method: "SPEED", reader: StateReader, requests: Sequence[EditRequest]) -> Targets:
    """Rows with the moments S_tt and S_at of all requests."""
    pairs: list[tuple[Tensor, Tensor]] = []
    for start, stop in slices(len(requests), REQUESTS_AT_ONCE):
        states = reader([text for request in requests[start:stop] for text in (request.source, anchor(request))])
        t, a = (torch.cat([chosen_rows(method, state) for state in states[which::2]]) for which in (0, 1))
        own, anchors = zip(*pairs, (t, a), strict=True)
        pairs = [reduce_rows(torch.cat(own), torch.cat(anchors))]
    ((t, a),) = pairs
    return Targets(t / len(requests) ** 0.5, a / len(requests) ** 0.5)


def anchor(request: EditRequest) -> str:
    """The text that the source is mapped to; the empty text erases."""
    return request.dest if request.dests else ""


def chosen_rows(method: "SPEED", state: TextState) -> Tensor:
    """The rows of a text that are used: the last content token, (1, d), or all but the start, (L − 1, d)."""
    return state.rows[state.last : state.last + 1] if method.rows == "last" else state.rows[1:]


def invariant_states(reader: StateReader) -> Tensor:
    """K, (d, 4): the start token of the empty text and three centres of its other positions."""
    (empty,) = reader([""])
    return torch.cat([empty.rows[:1], centres(empty.rows[1:])]).T


def least_directions(matrices: Mapping[str, Tensor], bundle: Bundle, scratch: Scratch) -> dict[str, Tensor]:
    """v of each projection, (d,) float64, the direction that it shrinks most; stored once per model."""

    def compute() -> Array:
        found = [least_singular_vector(W.to(reference)) for W in matrices.values()]
        together: Array = torch.stack(found).cpu().numpy()
        return together

    reference = torch.empty(0, dtype=torch.float64, device=algebra_device(torch.device(bundle.device)))
    key = {"what": "least directions", "version": 1, "model": bundle.digest, "names": list(matrices)}
    rows = torch.from_numpy(scratch.depends_on().array(key, compute).copy()).to(reference)
    return dict(zip(matrices, rows, strict=True))


def retained_rows(
    method: "SPEED", reader: StateReader, texts: Sequence[str], scratch: Scratch, corpus: Sequence[str] = ()
) -> Tensor:
    """States of all retained texts, (n, d), or else of the empty text's positions.

    Args:
        method: says which rows of a text.
        reader: reads the texts.
        texts: what is retained, distinct.
        scratch: where the last states are kept.
        corpus: `texts` among others; the states of all of them are kept together, whatever the requests leave out.
    """
    empty = reader([""])[0].rows
    if not texts:
        return empty[1:]
    if method.rows == "all":
        return torch.cat([chosen_rows(method, state) for state in reader.each(texts, keep=True)])
    whole = list(corpus or texts)

    def compute() -> Array:
        last: Array = torch.cat([chosen_rows(method, state) for state in reader.each(whole)]).cpu().numpy()
        return last

    key = {"what": "last states of texts", "version": 1, "model": reader.bundle.digest, "texts": whole}
    places = {text: place for place, text in enumerate(whole)}
    found = scratch.depends_on().array(key, compute)
    return torch.from_numpy(found[[places[text] for text in texts]]).to(empty)


def shuffle_rows(rows: Tensor, reach: Tensor, seed: int) -> RetainedStates:
    """Shuffle the retained states."""
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    rows = rows[order.to(rows.device)]
    return RetainedStates(rows, rows @ reach.T, reach)


def retained_texts(method: "SPEED", bundle: Bundle, sources: Sequence[str]) -> list[str]:
    """The settings' texts, each once, without those that name a source as a whole word."""
    texts = list(method.retain)
    if method.retain_file is not None:
        texts += read_captions(method.retain_file, "retained text")
    if method.captions:
        texts += sample_captions(caption_corpus(None, bundle.ref.family, "speed"), method.captions)
    gone = set(texts_naming(texts, sources))
    return [text for text in dict.fromkeys(texts) if text not in gone]
