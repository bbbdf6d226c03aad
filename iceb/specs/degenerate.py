"""Counts of degenerate images in a result: what a run's model draws that shows nothing at all."""

from collections.abc import Mapping

from pydantic import Field

from iceb.specs.records import Record
from iceb.specs.runs import MeasureRef

KINDS = ("non_finite", "blank", "noise", "blobs")  # in this order the first that is found counts
MOST_EXCESS = 0.05  # of a role's images beyond the unedited model's share; above it a row has no rank
FEWEST = 2  # images beyond it: a single one is chance


class DegenerateCounts(Record):
    """Degenerate images of one role's prompts, drawn before and after the edit."""

    images: int = Field(ge=0)  # of prompts with an image after
    images_before: int = Field(ge=0)  # and of those among them with one before
    after: int = Field(ge=0)
    before: int = Field(ge=0)
    kinds: Mapping[str, int] = Field(default_factory=dict)  # of those after, by kind

    @property
    def excess(self) -> float:
        """The share after the edit less the unedited model's; of fewer than two images too many, 0."""
        expected = self.before / self.images_before if self.images_before else 0.0
        if self.after - expected * self.images < FEWEST:
            return 0.0
        return self.after / self.images - expected


class DegenerateRecord(Record):
    """Degenerate images of a run by role, as one detector counted them."""

    measure: MeasureRef
    threshold: float = MOST_EXCESS  # the declared bound of `excess`
    roles: Mapping[str, DegenerateCounts]

    @property
    def after(self) -> int:
        """Degenerate images after the edit, of all roles."""
        return sum(counts.after for counts in self.roles.values())

    @property
    def before(self) -> int:
        """Degenerate images of the same prompts by the unedited model."""
        return sum(counts.before for counts in self.roles.values())

    @property
    def images(self) -> int:
        """Images after the edit."""
        return sum(counts.images for counts in self.roles.values())

    @property
    def worst(self) -> tuple[str, float] | None:
        """The role with the largest excess, and that; None where no role has any."""
        role = max(self.roles, key=lambda role: self.roles[role].excess, default=None)
        return None if role is None or self.roles[role].excess == 0 else (role, self.roles[role].excess)

    @property
    def too_many(self) -> bool:
        """Whether a role's excess is above the declared bound, so that the run has no rank."""
        return self.worst is not None and self.worst[1] > MOST_EXCESS

    @property
    def in_words(self) -> str:
        """The counts as text: "3 of 120 images (noise 2, blank 1), 1 before the edit"."""
        kinds: dict[str, int] = {}
        for counts in self.roles.values():
            for kind, number in counts.kinds.items():
                kinds[kind] = kinds.get(kind, 0) + number
        listed = ", ".join(f"{kind.replace('_', '-')} {number}" for kind, number in kinds.items() if number)
        text = f"{self.after} of {self.images} images{f' ({listed})' if listed else ''}, {self.before} before the edit"
        if self.worst is None or not self.too_many:
            return text
        role, excess = self.worst
        return f"{text}; {100 * excess:.0f} % more of role {role}, over the {100 * MOST_EXCESS:g} % that a rank allows"
