"""Counts of degenerate images in a result: what a run's model draws that shows nothing at all."""

import math
from collections.abc import Mapping

from pydantic import Field

from iceb.base.wording import count_text
from iceb.specs.records import MOST_FAILED, Record
from iceb.specs.runs import MeasureRef

KINDS = ("non_finite", "blank", "noise", "blobs")  # the first found counts; drawn bytes are finite: NaN is "blank"
EMPTY = ("blank", "blobs")  # what a model that leaves the name out of the prompt may draw; the others no model should
MOST_EXCESS = 0.05  # of a role's images beyond the unedited model's share; above it a row has no rank
FEWEST = 2  # images beyond it: a single one is chance
ERRORS = 2  # standard errors by which the excess must pass the bound


class DegenerateCounts(Record):
    """Degenerate images of one role's prompts, drawn before and after the edit.

    An image that the detector failed on is neither degenerate nor sound: shares are of those that it looked at.
    """

    images: int = Field(ge=0)  # of prompts with an image after
    images_before: int = Field(ge=0)  # and of those among them with one before
    after: int = Field(ge=0)
    before: int = Field(ge=0)
    kinds: Mapping[str, int] = Field(default_factory=dict)  # of those after, by kind
    failed: int = Field(default=0, ge=0)  # images after that the detector failed on
    failed_before: int = Field(default=0, ge=0)

    @property
    def empty_share(self) -> float:
        """The share of blank images and of blobs after the edit."""
        seen = self.images - self.failed
        return sum(self.kinds.get(kind, 0) for kind in EMPTY) / seen if seen else 0.0

    def excess(self, empty: float = 0.0) -> float:
        """The share after the edit less the unedited model's; of fewer than two images too many, 0.

        Args:
            empty: the share of blank images and blobs that the prompts have without the edited name; so many of them
                are allowed where the unedited model draws fewer.
        """
        seen, seen_before = self.images - self.failed, self.images_before - self.failed_before
        expected = max(self.before / seen_before if seen_before else 0.0, min(empty, self.empty_share))
        if self.after - expected * seen < FEWEST:
            return 0.0
        return self.after / seen - expected

    def proven_excess(self, empty: float = 0.0) -> float:
        """The excess less two standard errors of a difference of shares; below 0 where it may be chance.

        Each share has two images more in its error, one of them degenerate, so that few images prove little.
        """
        seen, seen_before = self.images - self.failed, self.images_before - self.failed_before
        expected = max(self.before, min(empty, self.empty_share) * seen_before)
        shares = (((self.after + 1) / (seen + 2), seen), ((expected + 1) / (seen_before + 2), seen_before))
        return self.excess(empty) - ERRORS * math.sqrt(sum(each * (1 - each) / (count + 2) for each, count in shares))

    @property
    def failed_share(self) -> float:
        """The share of images that the detector failed on, on the side with more of them."""
        sides = ((self.failed, self.images), (self.failed_before, self.images_before))
        return max(failed / images if images else 0.0 for failed, images in sides)


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
    def failures(self) -> int:
        """Images that the detector failed on, of both sides."""
        return sum(counts.failed + counts.failed_before for counts in self.roles.values())

    @property
    def too_many_failed(self) -> bool:
        """Whether the detector failed on so many images of a role that nobody knows what the run drew."""
        return any(counts.failed_share > MOST_FAILED for counts in self.roles.values())

    def with_roles_of(self, earlier: "DegenerateRecord") -> "DegenerateRecord":
        """Take over what an earlier record of the same run counts more images of.

        A metric that only the earlier run computed may have drawn prompts of its own.
        """
        own = {role: counts.images for role, counts in self.roles.items()}
        more = {role: counts for role, counts in earlier.roles.items() if counts.images > own.get(role, 0)}
        return self.model_copy(update={"roles": {**self.roles, **more}})

    def worst(self, unnamed: "DegenerateRecord | None" = None) -> tuple[str, float] | None:
        """The role with the largest proven excess, and its excess; None where no role has any.

        Args:
            unnamed: the counts of a run that drew the prompts without the edited names, by the unedited model.
        """
        proven = self._proven(unnamed)
        role = max(proven, key=proven.__getitem__, default=None)
        excess = 0.0 if role is None else self.roles[role].excess(_empty_share(unnamed, role))
        return None if role is None or excess == 0 else (role, excess)

    def too_many(self, unnamed: "DegenerateRecord | None" = None) -> bool:
        """Whether a role's proven excess is above the bound, so that the run has no rank; `unnamed` as above."""
        return any(proven > MOST_EXCESS for proven in self._proven(unnamed).values())

    def _proven(self, unnamed: "DegenerateRecord | None") -> dict[str, float]:
        return {role: counts.proven_excess(_empty_share(unnamed, role)) for role, counts in self.roles.items()}

    @property
    def in_words(self) -> str:
        """The counts as text: "3 of 120 images (noise 2, blank 1), 1 before the edit"."""
        kinds: dict[str, int] = {}
        for counts in self.roles.values():
            for kind, number in counts.kinds.items():
                kinds[kind] = kinds.get(kind, 0) + number
        listed = ", ".join(f"{kind.replace('_', '-')} {number}" for kind, number in kinds.items() if number)
        text = f"{self.after} of {self.images} images{f' ({listed})' if listed else ''}, {self.before} before the edit"
        if self.failures:
            most = f", over the {100 * MOST_FAILED:g} % of a role that a rank allows" if self.too_many_failed else ""
            text += f"; the detector failed on {count_text(self.failures, 'image')}{most}"
        worst = self.worst()
        if worst is None or not self.too_many():
            return text
        role, excess = worst
        return (
            f"{text}; {100 * excess:.0f} % more of role {role}, over the {100 * MOST_EXCESS:g} % that a rank allows "
            "(blank ones and blobs as far as prompts without the edited name give them)"
        )


def _empty_share(unnamed: DegenerateRecord | None, role: str) -> float:
    """The share of blank images and blobs that a role's prompts give without the edited name."""
    return unnamed.roles[role].empty_share if unnamed is not None and role in unnamed.roles else 0.0
