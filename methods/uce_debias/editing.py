"""UCE's two debiasing programs: rounds that measure shares and solve the closed form."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from iceb.base.progress import stage
from iceb.methods.common.attention import Factor, StateReader, projections, right_edit
from iceb.methods.common.attention.state_moments import gram
from iceb.methods.uce_debias.judge import judge_for
from iceb.methods.uce_debias.shares import PHRASES, Concept, Drawer, Measure, Shares, concepts_of
from iceb.specs.methods import Bundle, Edit, Scratch
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.uce_debias import UCEDebias

HYPOTHESIS = "This is a photo of {}."  # what the library's zero-shot classifier asks by itself (2025)


def make_edit(method: "UCEDebias", bundle: Bundle, requests: Sequence[EditRequest], scratch: Scratch) -> Edit:
    """Make the edit by the authors' program of 2023 or of 2025, with shares measured on images."""
    old = method.variant == 2023
    concepts = concepts_of(requests, PHRASES if old and method.templates else ("{}",), method.shares)
    judge = judge_for(bundle, method.judge, "{}" if old else HYPOTHESIS)
    drawer = Drawer(judge, method.images or (50 if old else 10), method.sampling_steps)
    return balance(method, bundle, concepts, drawer, scratch)


@torch.no_grad()
def balance(
    method: "UCEDebias",
    bundle: Bundle,
    concepts: Sequence[Concept],
    measure: Measure,
    scratch: Scratch | None = None,
) -> Edit:
    """Measure and solve in rounds until every concept is balanced, and return the edit."""
    weights = projections(bundle, ("v", "k") if method.keys else ("v",))
    rounds = (AccumulatingRounds if method.variant == 2023 else RestartingRounds)(
        method, weights, StateReader(bundle, scratch), concepts
    )
    with stage("balancing", method.rounds) as advance:
        for _ in range(method.rounds):
            with bundle.applied(rounds.edit) as model:
                if not rounds.measure_shares(model, measure):
                    break
            rounds.solve()
            advance(1)
    return rounds.edit


# --- 2023


def imbalance(shares: Shares) -> float:
    """The largest deviation of a class's share from an equal one."""
    return max(abs(share - 1 / len(shares)) for share in shares)


class AccumulatingRounds:
    """Rounds that each edit the previous round's weights; balanced texts are preserved."""

    def __init__(
        self,
        method: "UCEDebias",
        original: Mapping[str, Tensor],
        reader: StateReader,
        concepts: Sequence[Concept],
    ) -> None:
        self.method, self.original, self.reader, self.concepts = method, original, reader, concepts
        self.weights = {name: W.double() for name, W in original.items()}
        self.step = 0.1 if method.step is None else method.step
        self.keep = 0.1 if method.preserve_scale is None else method.preserve_scale
        self.shares: list[Shares] = [()] * len(concepts)
        self.unbalanced = list(range(len(concepts)))
        self.retain = set(method.retain or ("",))
        self.blocks = [aligned_rows(reader, concept) for concept in concepts]
        self.edit_moment = sum(block[0].T @ block[0] for block in self.blocks)

    @property
    def edit(self) -> Edit:
        """The current edit."""
        return Edit(weights={name: W.to(self.original[name]) for name, W in self.weights.items()})

    def measure_shares(self, model: Bundle, measure: Measure) -> bool:
        """Measure the unbalanced concepts alone; True while some are unbalanced."""
        found = measure(model, [self.concepts[place] for place in self.unbalanced])
        for place, shares in zip(self.unbalanced, found, strict=True):
            self.shares[place] = shares
        off = [imbalance(shares) for shares in self.shares]
        self.unbalanced = [place for place in self.unbalanced if off[place] >= self.method.tolerance]
        return bool(self.unbalanced)

    def solve(self) -> None:
        """Edit the weights by this round's solution."""
        gains = [self._gains(shares) for shares in self.shares]
        self.retain |= {c.text for c, gain in zip(self.concepts, gains, strict=True) if gain[0] == 0}
        kept = gram(self.reader, sorted(self.retain), "all")
        factor = Factor(self.method.erase_scale * self.edit_moment + self.keep * kept, self.method.ridge)
        self.weights = {
            name: W + factor.over(self.method.erase_scale * self._added_change(W, gains))
            for name, W in self.weights.items()
        }

    def _gains(self, shares: Shares) -> list[float]:
        """w_j = step (1/k − share_j), all 0 once balanced."""
        off, equal = imbalance(shares), 1 / len(shares)
        return [self.step * (equal - share) if off > self.method.tolerance else 0.0 for share in shares]

    def _added_change(self, W: Tensor, gains: Sequence[Sequence[float]]) -> Tensor:
        """Σ (v − W c) cᵀ, (out, d): adds each destination in turn at the length of the target so far."""
        summed = torch.zeros_like(W)
        for (rows, *classes), weights in zip(self.blocks, gains, strict=True):
            before = rows @ W.T  # (n, out)
            target = before.clone()
            for gain, other in zip(weights, classes, strict=True):
                if gain:
                    value = other @ W.T
                    target += gain * target.norm() / value.norm() * value
            summed += (target - before).T @ rows
        return summed


def aligned_rows(reader: StateReader, concept: Concept) -> list[Tensor]:
    """Rows of a concept and its classes from the last content token on, cut to equal length, (n, d)."""
    states = reader([concept.text, *concept.classes])
    count = len(states[0].read) - max(state.last for state in states)
    return [state.rows[state.last : state.last + count] for state in states]


# --- 2025


class RestartingRounds:
    """Rounds that each solve from the original weights, with targets that move from round to round.

    A target is v = W t with one row t for all matrices.
    """

    def __init__(
        self,
        method: "UCEDebias",
        original: Mapping[str, Tensor],
        reader: StateReader,
        concepts: Sequence[Concept],
    ) -> None:
        self.method, self.original, self.concepts, self.edit = method, original, concepts, Edit()
        texts = [*method.retain, *(text for concept in concepts for text in (concept.text, *concept.classes))]
        self.rows = {state.text: state.rows[state.last] for state in reader(texts)}  # (d,) each
        self.targets = dict(self.rows)
        self.keep = 1.0 if method.preserve_scale is None else method.preserve_scale
        old = torch.stack([self.rows[concept.text] for concept in concepts])
        self.kept = torch.stack([self.rows[text] for text in method.retain]) if method.retain else old[:0]
        self.solver = Factor(method.erase_scale * old.T @ old + self.keep * self.kept.T @ self.kept, method.ridge)
        self.old = old

    def measure_shares(self, model: Bundle, measure: Measure) -> bool:
        """Move the targets by the measured shares' deviations; False if there is none."""
        directions = [self._directions(shares) for shares in measure(model, self.concepts)]
        sources = self.targets if self.method.shared_targets else self.rows
        for concept, direction in zip(self.concepts, directions, strict=True):
            for scale, other in zip(direction, concept.classes, strict=True):
                self.targets[concept.text] = self.targets[concept.text] + scale * sources[other]
        return any(any(direction) for direction in directions)

    def _directions(self, shares: Shares) -> list[float]:
        wanted = self.method.shares or (1 / len(shares),) * len(shares)
        lacking = [goal - share for goal, share in zip(wanted, shares, strict=True)]
        if max(lacking) < self.method.tolerance and abs(min(lacking)) < self.method.tolerance:
            return [0.0] * len(lacking)
        step = 1.0 if self.method.step is None else self.method.step
        return [step * part for part in lacking]

    def solve(self) -> None:
        """Edit the original weights towards the current targets."""
        self.edit = right_edit(self.original, self._factor())

    def _factor(self) -> Tensor:
        aims = torch.stack([self.targets[concept.text] for concept in self.concepts])
        cross = self.method.erase_scale * aims.T @ self.old
        if self.method.retain:
            sources = self.targets if self.method.shared_targets else self.rows
            kept = torch.stack([sources[text] for text in self.method.retain])
            cross += self.keep * kept.T @ self.kept
        return self.solver.right(cross)
