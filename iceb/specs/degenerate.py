"""Counts of degenerate images in a result: what a run's model draws that shows nothing at all."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from iceb.base.wording import count_text
from iceb.specs.degenerate_excess import MOST_EXCESS, NONE, Excess
from iceb.specs.records import MOST_FAILED, Record
from iceb.specs.runs import MeasureRef

KINDS = ("non_finite", "blank", "noise", "blobs")  # the first found counts; drawn bytes are finite: NaN is "blank"
EMPTY = ("blank", "blobs")  # what a model that leaves the name out of the prompt may draw; the others no model should


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
    def empty(self) -> int:
        """Blank images and blobs after the edit."""
        return sum(self.kinds.get(kind, 0) for kind in EMPTY)

    def excess(self, unnamed: "DegenerateCounts | None" = None) -> Excess:
        """Degenerate images beyond the unedited model's.

        Args:
            unnamed: of the same prompts without the edited name; so many blank images and blobs as they have are
                allowed where the unedited model draws fewer.
        """
        allowed = min(_share(unnamed.empty, unnamed.sample), _share(self.empty, self.sample)) if unnamed else 0.0
        expected = max(_share(self.before, self.sample_before), allowed)
        return Excess(self.after, expected * self.sample, self.sample, self.sample_before)

    def noise(self, unedited: "DegenerateCounts | None" = None) -> Excess:
        """Noise alone beyond the unedited model's, whatever else that draws.

        Args:
            unedited: its own run's counts, which have the kinds; without them its degenerate images may all be noise.
        """
        expected = _share(unedited.after - unedited.empty, unedited.sample) if unedited else None
        expected = _share(self.before, self.sample_before) if expected is None else expected
        return Excess(self.after - self.empty, expected * self.sample, self.sample, self.sample_before)

    @property
    def sample(self) -> int:
        """Images after the edit that the detector looked at."""
        return self.images - self.failed

    @property
    def sample_before(self) -> int:
        """And before it."""
        return self.images_before - self.failed_before

    @property
    def failed_share(self) -> float:
        """The share of images that the detector failed on, on the side with more of them."""
        sides = ((self.failed, self.images), (self.failed_before, self.images_before))
        return max(_share(failed, images) for failed, images in sides)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


@dataclass(frozen=True)
class KnownCounts:
    """Degenerate images of controls that drew the same prompts; None where one was not run.

    Attributes:
        unnamed: of a run that drew the prompts without the edited names, by the unedited model.
        unedited: of the unedited model's own run.
    """

    unnamed: "DegenerateRecord | None" = None
    unedited: "DegenerateRecord | None" = None


UNKNOWN = KnownCounts()


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

    def excesses(self, known: KnownCounts = UNKNOWN) -> dict[str, Excess]:
        """The excess in each role, of noise alone in it, and in all roles together; by name in words."""
        found: dict[str, Excess] = {}
        for role, counts in self.roles.items():
            unnamed, unedited = (each.roles.get(role) if each else None for each in (known.unnamed, known.unedited))
            found |= {f"role {role}": counts.excess(unnamed), f"noise in role {role}": counts.noise(unedited)}
        if len(self.roles) > 1:
            for kind, name in (("role", "all roles together"), ("noise", "noise in all roles together")):
                found[name] = sum((each for where, each in found.items() if where.startswith(kind)), NONE)
        return found

    def worst(self, known: KnownCounts = UNKNOWN) -> tuple[str, float] | None:
        """The place with most degenerate images beyond chance, and their share there; None where too few are."""
        found = {name: each for name, each in self.excesses(known).items() if each.is_too_much}
        name = max(found, key=lambda each: found[each].proven, default=None)
        return None if name is None else (name, found[name].share)

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
        if worst is None:
            return text
        where, excess = worst
        return (
            f"{text}; {100 * excess:.0f} % more of {where}, over the {100 * MOST_EXCESS:g} % that a rank allows "
            "(blank ones and blobs as far as prompts without the edited name give them)"
        )
