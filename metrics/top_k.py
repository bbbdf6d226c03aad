"""Top-k accuracy on images of an erased class and of others, as ESD and UCE score objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.errors import SpecError
from iceb.metrics.measured_rows import shared_rows
from iceb.specs.metrics import AFTER, BEFORE, Measured, Measurements, Need
from iceb.specs.reduction import Change, ConceptValue, Part, Reduction

ERASED, OTHERS = "erased", "others"  # roles
KIND = "resnet50_imagenet"
PAPER = "arXiv:2303.07345"  # ESD, table 2


def in_top(side: Measured, k: int, name: str) -> npt.NDArray[np.float64]:
    """1 where fewer than k classes are more probable than the prompt's own, else 0, (n,).

    Raises:
        SpecError: a prompt has no class, or one beyond the measure's.
    """
    labels = [prompt.label for prompt in side.prompts]
    if any(label is None or label >= side.values.shape[1] for label in labels):
        raise SpecError(
            f"metric {name}: needs the class of every prompt, below the {side.values.shape[1]} classes of "
            f"measure {side.measure}"
        )
    own = side.values[np.arange(len(labels)), np.asarray(labels, dtype=np.int64)]
    return np.asarray((side.values > own[:, None]).sum(axis=1) < k, dtype=np.float64)


def _concepts(measured: Mapping[str, Measured], role: str, k: int, name: str) -> tuple[ConceptValue, ...]:
    before, after = measured[BEFORE], measured[AFTER]
    rows = shared_rows(name, before, after)
    if not rows:
        return ()
    was, now = in_top(before, k, name), in_top(after, k, name)
    return tuple(
        ConceptValue(concept, role, float(was[at].mean()), float(now[at].mean()), len(at), replicate)
        for (concept, replicate), at in rows.items()
    )


@dataclass(frozen=True)
class TopAccuracy:
    """Part of the images with their class among the k most probable, after the edit (arXiv:2303.07345).

    Attributes:
        role: "erased", where lower is better, or "others".
        k: how many classes are looked at.
    """

    name: str
    role: str
    k: int
    version: int = 1

    unit: ClassVar[str] = "part of images"
    paper: ClassVar[str] = PAPER

    @property
    def higher_is_better(self) -> bool:
        """Whether a class shall still be recognised."""
        return self.role == OTHERS

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(KIND, self.role),)

    @property
    def reduction(self) -> Reduction:
        """The mean over images after the edit."""
        return Reduction({self.role: Part(1.0, "after")})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each class's accuracy before and after.

        Raises:
            SpecError: a prompt has no class, or the two sides are not of the same prompts.
        """
        return _concepts(measured[self.role], self.role, self.k, self.name)


@dataclass(frozen=True)
class ErasureScore:
    """(fall of erased_top1 + rise of others_top1) / 2, to rank by; ours.

    Its top is half of the unedited model's accuracy: what is erased can lose no more, and the others at best lose
    nothing.
    """

    name: str = "erasure_score"
    version: int = 1
    higher_is_better: bool = True

    unit: ClassVar[str] = "part of images"
    paper: ClassVar[str] = ""

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images of both roles."""
        return (Need(KIND, ERASED), Need(KIND, OTHERS))

    @property
    def reduction(self) -> Reduction:
        """Half of each role's mean change."""
        changes: dict[str, Change] = {ERASED: "fall", OTHERS: "rise"}
        return Reduction({role: Part(0.5, change) for role, change in changes.items()})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each class's accuracy before and after, in both roles.

        Raises:
            SpecError: as `TopAccuracy`.
        """
        return tuple(value for role in (ERASED, OTHERS) for value in _concepts(measured[role], role, 1, self.name))


ERASED_TOP1, ERASED_TOP2, ERASED_TOP3, ERASED_TOP4, ERASED_TOP5 = (
    TopAccuracy(f"erased_top{k}", ERASED, k) for k in range(1, 6)
)
OTHERS_TOP1, OTHERS_TOP2, OTHERS_TOP3, OTHERS_TOP4, OTHERS_TOP5 = (
    TopAccuracy(f"others_top{k}", OTHERS, k) for k in range(1, 6)
)
ERASURE_SCORE = ErasureScore()
