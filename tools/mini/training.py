"""Optimiser step and checkpoints shared by mini's training loops."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

SEED_SPAN = 100_000_000  # between the batch seeds of two trainings
GRADIENT_NORM = 1.0  # the most that one step's joint gradient may have


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

    def learn(self, loss: Tensor) -> None:
        """Take one optimiser step on `loss`, a scalar."""
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.clipped, GRADIENT_NORM)
        self.optimiser.step()
        self.schedule.step()

    def resume(self, keep: Path) -> int:
        """Load the checkpoint `keep` if there is one; return the first step still to do."""
        if not keep.exists():
            return 0
        kept = torch.load(keep, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(kept[name])
        return int(kept["step"])

    def steps(self, keep: Path, first: int, steps: int, every: int) -> Iterator[int]:
        """Yield the steps from `first` on; write the checkpoint every `every` steps and after the last."""
        for step in range(first, steps):
            yield step
            if step % every == every - 1 or step == steps - 1:
                self._save(keep, step + 1)

    def _save(self, keep: Path, step: int) -> None:
        unfinished = Path(f"{keep}.part")  # so that an interrupt leaves the last whole checkpoint in place
        torch.save({name: part.state_dict() for name, part in self._parts().items()} | {"step": step}, unfinished)
        unfinished.replace(keep)

    def _parts(self) -> dict[str, Any]:
        return {**self.modules, "optimiser": self.optimiser, "schedule": self.schedule}
