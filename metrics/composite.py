"""Several metrics in one value, their sum or a mean such as MACE's H_c."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from iceb.base.errors import SpecError
from iceb.specs.metrics import Measurements, Metric, Need, asks_dest, is_counted
from iceb.specs.prompts import Prompt
from iceb.specs.reduction import Combine, ConceptValue, Part, Reduction


@dataclass(frozen=True)
class Composite:
    """The parts of several metrics, joined by a sum or a mean.

    MACE's H_c is the harmonic mean of 1 − accuracy on what is erased and of the accuracy on what is kept:
    `Composite("h_c", (ERASED, KEPT), {"erased": complement(), "kept": Part(change="after")}, "harmonic")`, where the
    parts are those that the two metrics name.

    Attributes:
        name: the registered name.
        members: the metrics; each is a mean, not a distance of sets, and no two have a part of one name.
        parts: each of the members' parts, as it counts here.
        combine: the parts.
        unit: of the value.
        higher_is_better: the direction.
        paper: the metric's source.
        version: of its meaning; goes up with that of a member.
        weighting: of the concepts, by images or alike.
    """

    name: str
    members: tuple[Metric, ...]
    parts: Mapping[str, Part]
    combine: Combine = "sum"
    unit: str = "share"
    higher_is_better: bool = True
    paper: str = ""
    version: int = 1
    weighting: Literal["images", "concepts"] = "images"

    def __post_init__(self) -> None:
        named = [part for member in self.members for part in member.reduction.parts]
        if sets := [member.name for member in self.members if member.reduction.kind == "set"]:
            raise SpecError(f"metric {self.name}: {sets[0]} is a distance of sets, which has no concepts to join")
        if len(set(named)) < len(named) or set(named) != set(self.parts):
            raise SpecError(
                f"metric {self.name}: its parts are {', '.join(self.parts)} and its members have {', '.join(named)}: "
                "must be the same, each once (give members a `part`)"
            )

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the members read; where two read others under one name, under names of their own."""
        return tuple(dict.fromkeys(self._own_need(place, need) for place, need in self._members_needs()))

    @property
    def reduction(self) -> Reduction:
        """The sum or mean of the parts."""
        return Reduction(self.parts, self.weighting, combine=self.combine)

    @property
    def asks_dest(self) -> bool:
        """Whether a member asks if the edit reached its destination."""
        return any(asks_dest(member) for member in self.members)

    def counts(self, prompt: Prompt) -> bool:
        """Whether a member counts a prompt's images."""
        return any(
            is_counted(member, prompt) for member in self.members if any(need.accepts(prompt) for need in member.needs)
        )

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """The concepts of all members.

        Raises:
            SpecError, MeasureError: as the members.
        """
        return tuple(
            value
            for place, member in enumerate(self.members)
            for value in member({need.key: measured[self._own_need(place, need).key] for need in member.needs})
        )

    def _members_needs(self) -> Iterator[tuple[int, Need]]:
        return ((place, need) for place, member in enumerate(self.members) for need in member.needs)

    def _own_need(self, place: int, need: Need) -> Need:
        """A member's need under a name that no other need has."""
        if all(other == need for _, other in self._members_needs() if other.key == need.key):
            return need
        return replace(need, name=f"member {place}: {need.key}")
