"""A checked run that can begin: what there is, what must be made, and both as text for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from iceb.running.parts import Parts
from iceb.specs.prompts import ROLES, Role
from iceb.specs.runs import RunSpec


@dataclass(frozen=True)
class Stock:
    """The pictures of one role: how many there are to look at, and how many of each side must be drawn."""

    role: Role
    prompts: int
    before: int
    after: int | None  # None: not known before the edit is made


@dataclass(frozen=True)
class Plan:
    """A checked run that can begin."""

    spec: RunSpec
    parts: Parts

    @property
    def edits_cached(self) -> bool:
        """Whether every edit is in the store."""
        return all(self.parts.edit_is_cached(batch) for batch in self.parts.batches(self.spec.num_edits))

    def stock(self) -> list[Stock]:
        """Pictures by role, in the order of the roles; counted once."""
        return list(self._stock)

    @cached_property
    def _stock(self) -> list[Stock]:
        found: dict[Role, list[tuple[int, int, int | None]]] = {}
        for batch in self.parts.batches(self.spec.num_edits):
            for role, counts in self._counted(batch).items():
                found.setdefault(role, []).append(counts)
        return [_summed(role, found[role]) for role in ROLES if role in found]

    def _counted(self, batch: Sequence[Any]) -> dict[Role, tuple[int, int, int | None]]:
        parts = self.parts
        prompts = parts.wanted(batch)
        edit = parts.made(batch).edit if parts.edit_is_cached(batch) else None  # planning never makes one
        counts: dict[Role, tuple[int, int, int | None]] = {}
        for role in dict.fromkeys(prompt.role for prompt in prompts):
            chosen = [prompt for prompt in prompts if prompt.role == role]
            before = parts.generator.missing(parts.bundle, chosen, self.spec.sampling)
            after = None
            if edit is not None:
                with parts.bundle.applied(edit) as edited:
                    after = parts.generator.missing(edited, chosen, self.spec.sampling)
            counts[role] = (len(chosen), before, after)
        return counts

    def lines(self) -> list[str]:
        """The plan as text, a line each, for people."""
        spec, model = self.spec, self.parts.bundle
        edits = "1 edit" if spec.num_edits == 1 else f"{spec.num_edits} edits"
        recipe = self.parts.method.recipe
        settings = f"recipe {recipe}" if recipe else "the method's own settings"
        s = spec.sampling
        return [
            f"{spec.method} on {spec.task} ({spec.dataset}), {edits}, {settings}",
            f"model {spec.model.family} ({spec.model.repo}, {spec.model.dtype}) on {model.device}; "
            f"{s.scheduler} {s.steps} steps, guidance {s.guidance:g}, {s.height}x{s.width}",
            f"edit: {'in the cache' if self.edits_cached else 'to be made'}",
            *(_line(stock) for stock in self.stock()),
            *self._estimate(),
        ]

    def _estimate(self) -> list[str]:
        """How long the drawing will take, where the cache knows the pace of this model on this machine."""
        count = sum(s.before + (s.prompts if s.after is None else s.after) for s in self.stock())
        seconds = self.parts.generator.seconds_for(self.parts.bundle, self.spec.sampling, count)
        if not count or seconds is None:
            return []
        return [f"drawing {count} pictures takes about {timedelta(seconds=round(seconds))}, by the last time"]


def _summed(role: Role, counts: Sequence[tuple[int, int, int | None]]) -> Stock:
    after = [count[2] for count in counts]
    known = [number for number in after if number is not None]
    total = sum(known) if len(known) == len(after) else None
    return Stock(role, sum(count[0] for count in counts), sum(count[1] for count in counts), total)


def _line(stock: Stock) -> str:
    after = f"up to {stock.prompts}" if stock.after is None else str(stock.after)
    return f"{stock.role}: {stock.prompts} pictures a side; to draw: before {stock.before}, after {after}"
