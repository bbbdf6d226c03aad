"""SPEED from requests to weights: moments and invariants once, then a null space and an update per projection."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from iceb.base.errors import MethodError
from iceb.base.progress import stage
from iceb.methods.activations import slices
from iceb.methods.attention import StateReader, TextState, projections
from iceb.methods.captions import caption_corpus, read_captions, sampled
from iceb.methods.speed.formula import Targets, centres, unused, update
from iceb.methods.speed.retaining import Kept, Retained, kept
from iceb.specs.methods import Bundle, Edit, Scratch
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.speed import SPEED

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
REQUESTS_AT_ONCE = 32  # whose states are in memory together


def edited(method: "SPEED", bundle: Bundle, requests: Sequence[EditRequest], scratch: Scratch) -> Edit:
    """W + Δ for the projections that the settings name."""
    matrices, reader = projections(bundle, tuple(method.matrices)), StateReader(bundle, scratch)  # type: ignore[arg-type]
    targets = target_moments(method, reader, requests)
    texts = retained_texts(method, bundle, [request.source for request in requests])
    retained = shuffled(retained_rows(method, reader, texts, scratch), targets.probe, method.seed)
    return _Editing(method, targets, retained, invariant_states(reader)).run(matrices)


class _Editing:
    """One edit under way."""

    def __init__(self, method: "SPEED", targets: Targets, retained: Retained, invariants: Tensor) -> None:
        self.method, self.targets, self.retained, self.invariants = method, targets, retained, invariants
        self.generator = torch.Generator().manual_seed(method.seed)
        self.found: list[tuple[Kept, int, int]] = []  # what was kept, dimension of the null space, idle constraints

    def run(self, matrices: dict[str, Tensor]) -> Edit:
        weights = {}
        with stage("null spaces", len(matrices)) as advance:
            for name, matrix in matrices.items():
                W = matrix.to(self.invariants)
                weights[name] = (W + W @ self.right(W)).to(matrix)
                advance(1)
        if not any(rank for _, rank, _ in self.found):
            raise MethodError(
                f"speed threshold {self.method.threshold}: the retained states use every direction of every projection "
                "more than that, so nothing could be edited; take a larger threshold, or fewer texts to retain"
            )
        return Edit(weights=weights, log=self.log())

    def right(self, W: Tensor) -> Tensor:
        """What one projection is multiplied by to give its change."""
        method = self.method
        chosen = kept(W, self.retained, method.neighbours, method.filtered, self.generator)
        U = unused(chosen.moment, method.threshold)
        change, idle = update(self.targets, U, self.invariants, method.retain_scale, method.slack)
        self.found.append((chosen, U.shape[1], idle))
        return change

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


def target_moments(method: "SPEED", reader: StateReader, requests: Sequence[EditRequest]) -> Targets:
    """S_tt and S_at over all requests."""
    own: Tensor | None = None
    cross: Tensor | None = None
    for start, stop in slices(len(requests), REQUESTS_AT_ONCE):
        piece = requests[start:stop]
        states = reader([text for request in piece for text in (request.source, anchor(request))])
        t, a = (torch.cat([chosen(method, state) for state in states[which::2]]) for which in (0, 1))
        own = t.T @ t if own is None else own + t.T @ t
        cross = a.T @ t if cross is None else cross + a.T @ t
    assert own is not None
    assert cross is not None
    return Targets(own / len(requests), cross / len(requests))


def anchor(request: EditRequest) -> str:
    """What the source shall read as; the empty text to erase."""
    return request.dest if request.dests else ""


def chosen(method: "SPEED", state: TextState) -> Tensor:
    """The rows of a text that take part: its last content token, (1, d), or all after the start token, (L − 1, d)."""
    return state.rows[state.last : state.last + 1] if method.rows == "last" else state.rows[1:]


def invariant_states(reader: StateReader) -> Tensor:
    """K, (d, 4): the start token of the empty text and three centres of its other positions."""
    (empty,) = reader([""])
    return torch.cat([empty.rows[:1], centres(empty.rows[1:])]).T


def retained_rows(method: "SPEED", reader: StateReader, texts: Sequence[str], scratch: Scratch) -> Tensor:
    """The states of all retained texts, (n, d); of the empty text's positions where there are none."""
    empty = reader([""])[0].rows
    if not texts:
        return empty[1:]
    if method.rows == "all":  # 76 rows a text: too much to keep
        return torch.cat([chosen(method, state) for state in reader.each(texts)])

    def compute() -> Array:
        last: Array = torch.cat([chosen(method, state) for state in reader.each(texts)]).cpu().numpy()
        return last

    key = {"what": "last states of texts", "version": 1, "model": reader.bundle.digest, "texts": list(texts)}
    return torch.from_numpy(scratch.array(key, compute).copy()).to(empty)


def shuffled(rows: Tensor, probe: Tensor, seed: int) -> Retained:
    """The retained states in random order."""
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    rows = rows[order.to(rows.device)]
    return Retained(rows, rows @ probe.T, probe)


def retained_texts(method: "SPEED", bundle: Bundle, sources: Sequence[str]) -> list[str]:
    """The settings' texts, each once, without those that name a source as a whole word."""
    texts = list(method.retain)
    if method.retain_file is not None:
        texts += read_captions(Path(method.retain_file).expanduser())
    if method.captions:
        texts += sampled(caption_corpus(None, bundle.ref.family, "speed"), method.captions)
    named = re.compile("|".join(rf"\b{re.escape(source)}\b" for source in sources), re.IGNORECASE)
    return [text for text in dict.fromkeys(texts) if not named.search(text)]
