"""Optimiser step, checkpoints and their log, shared by mini's training loops."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

SEED_SPAN = 100_000_000  # between the batch seeds of two trainings
LOG = "log"  # its name in a checkpoint
GRADIENT_NORM = 1.0  # the most that one step's joint gradient may have


@dataclass
class StepLog:
    """Losses and seconds of a training, kept in its checkpoint, so that a resumed one goes on with them.

    Attributes:
        losses: at each checkpoint the steps done, and the mean loss of the steps since the one before.
        seconds: of all steps together.
    """

    losses: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    _total: Tensor | None = None
    _count: int = 0
    _since: float = field(default_factory=time.perf_counter)

    def begin(self) -> None:
        """Count seconds from now on."""
        self._since = time.perf_counter()

    def add(self, loss: Tensor) -> None:
        """Take in the loss of one step."""
        self._total = loss.detach() if self._total is None else self._total + loss.detach()
        self._count += 1

    def close(self, step: int) -> None:
        """Write a line for the steps since the last one."""
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now
        if self._total is not None:
            self.losses.append((step, float(self._total) / self._count))
        self._total, self._count = None, 0

    def state_dict(self) -> dict[str, Any]:
        """The log as plain numbers."""
        return {"losses": [list(line) for line in self.losses], "seconds": self.seconds}

    def load_state_dict(self, kept: Mapping[str, Any]) -> None:
        """Take over a log."""
        self.losses = [(int(step), float(loss)) for step, loss in kept["losses"]]
        self.seconds = float(kept["seconds"])


@dataclass(frozen=True)
class Training:
    """Modules under training, with their optimiser and learning-rate schedule.

    Args:
        modules: what the checkpoint keeps, by the name it is kept under; also modules that no gradient changes.
        clipped: the parameters whose joint gradient is clipped.
    """

    modules: Mapping[str, nn.Module]
    optimiser: Optimizer
    schedule: LRScheduler
    clipped: Sequence[nn.Parameter]
    log: StepLog = field(default_factory=StepLog)

    def learn(self, loss: Tensor) -> None:
        """Take one optimiser step on `loss`, a scalar."""
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.clipped, GRADIENT_NORM)
        self.optimiser.step()
        self.schedule.step()
        self.log.add(loss)

    def resume(self, keep: Path) -> int:
        """Load the checkpoint `keep` if there is one; return the first step still to do."""
        if not keep.exists():
            return 0
        kept = torch.load(keep, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(kept[name])
        if LOG in kept:  # checkpoints of older code have none
            self.log.load_state_dict(kept[LOG])
        return int(kept["step"])

    def steps(self, keep: Path, first: int, steps: int, every: int) -> Iterator[int]:
        """Yield the steps from `first` on; write the checkpoint every `every` steps and after the last."""
        self.log.begin()
        for step in range(first, steps):
            yield step
            if step % every == every - 1 or step == steps - 1:
                self._save(keep, step + 1)

    def _save(self, keep: Path, step: int) -> None:
        unfinished = Path(f"{keep}.part")  # so that an interrupt leaves the last whole checkpoint in place
        self.log.close(step)
        kept = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save(kept | {"step": step, LOG: self.log.state_dict()}, unfinished)
        unfinished.replace(keep)

    def _parts(self) -> dict[str, Any]:
        return {**self.modules, "optimiser": self.optimiser, "schedule": self.schedule}
