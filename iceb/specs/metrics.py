"""Measures turn images into numbers; metrics turn numbers into one statistic per concept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

from iceb.base.errors import SpecError
from iceb.specs.prompts import Prompt, check_role
from iceb.specs.reduction import ConceptValue, Reduction

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

Inputs = Literal["image", "pair", "image+text"]  # an image; before and after; an image, its text and its choices
BEFORE, AFTER = "before", "after"
REFERENCE = "reference:"  # before the name of a side that the dataset supplies


@dataclass(frozen=True)
class MeasureInput:
    """The input of a measure for one image.

    Attributes:
        image: (H, W, 3) uint8.
        before: the same prompt's image by the unedited model, for measures of pairs; None for the others.
        prompt: for measures of image and text the image's prompt with its text and choices, by which rows are named,
            and nothing else of it (`text_and_choices`); None for the others, and for images that no prompt drew.
    """

    image: "Array"
    before: "Array | None" = None
    prompt: Prompt | None = None


def text_and_choices(prompt: Prompt) -> Prompt:
    """The prompt as a measure may read it, with seed, role, labels and the rest blanked."""
    return Prompt(prompt.text, 0, "measured", choices=prompt.choices)


class Measure(Protocol):
    """A network: images → numbers. Only what `inputs` names may be read: the stored rows are named by it."""

    @property
    def id(self) -> str:
        """The registered name with its version, "vit_b16_imagenet@1"."""

    @property
    def revision(self) -> str:
        """A commit or digest that pins the backbone's weights; part of the measured key."""

    @property
    def inputs(self) -> Inputs:
        """The kind of its inputs: images, pairs, or images with texts."""

    def __call__(self, inputs: Sequence[MeasureInput]) -> "Array":
        """Numbers (N, width) float32 of N inputs."""
        ...


@dataclass(frozen=True)
class Measured:
    """Rows of one measure for one side of a run: row i belongs to prompt i.

    A reference side has no prompts. Of its images those that could not be measured are left out: `places` then says
    which of the dataset's images each row is of.
    """

    measure: str  # Measure.id
    values: "Array"  # (N, width)
    prompts: tuple[Prompt, ...]  # N; of a reference side empty
    places: tuple[int, ...] | None = None  # N; of a reference side: None where each image has its row

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or (self.prompts and len(self.values) != len(self.prompts)):
            raise SpecError(
                f"measured values of {self.measure} have shape {self.values.shape} for {len(self.prompts)} prompts: "
                "must be (prompts, width)"
            )


@dataclass(frozen=True, slots=True)
class Need:
    """An input of a metric: the images of one role through one measure, on some sides.

    Attributes:
        measure: the kind of measure; the model's family says which registered one stands for it.
        role: of the prompts; of a reference side alone, any word.
        sides: "before", "after", or "reference:NAME".
        tags: prompts are read that have all of these.
        name: by which the metric finds the numbers; the role where it is empty.
    """

    measure: str
    role: str
    sides: tuple[str, ...] = (BEFORE, AFTER)
    tags: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        check_role(self.role, f"need of measure {self.measure}")
        if unknown := [side for side in self.sides if side not in (BEFORE, AFTER) and not side.startswith(REFERENCE)]:
            raise SpecError(f"side {unknown[0]!r}: must be {BEFORE}, {AFTER} or {REFERENCE}NAME")

    @property
    def key(self) -> str:
        """The name under which the metric finds the numbers."""
        return self.name or self.role

    def accepts(self, prompt: Prompt) -> bool:
        """Whether the metric reads this prompt's images."""
        return prompt.role == self.role and set(self.tags) <= set(prompt.tags)


Measurements: TypeAlias = Mapping[str, Mapping[str, Measured]]  # Need.key → side → numbers


class Metric(Protocol):
    """Arithmetic: numbers → one statistic per concept. Pure, without network, golden-tested.

    How the concepts' statistics become value, standard error and interval is its `reduction`, carried out by
    `iceb.specs.reduce.reduce_values` for all metrics. One that asks whether the edit reached its destination also
    has `asks_dest = True`; it then has no value for a method that only erases. One that leaves out some prompts that it
    needs also has `counts(prompt) -> bool`, so that their images are none of those that failed. One that compares a
    prompt's images with a single image of a reference side also has `reference_of(prompt) -> int | None`, its place in
    the dataset: where that could not be measured, the prompt's images count as failed.
    """

    @property
    def name(self) -> str:
        """The registered name."""

    @property
    def version(self) -> int:
        """The version of the metric's meaning; scores of two versions are not compared."""

    @property
    def unit(self) -> str:
        """The unit of its value."""

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher value is better."""

    @property
    def paper(self) -> str:
        """The metric's source, "arXiv:…", or ""."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """The measured images that it reads."""

    @property
    def reduction(self) -> Reduction:
        """The way from its concepts' statistics to a score."""

    def __call__(self, measured: Measurements) -> Sequence[ConceptValue]:
        """The statistic of every concept; none where no image of a part was drawn."""
        ...


def asks_dest(metric: Metric) -> bool:
    """Whether a metric asks for the destination; a metric of others need not say."""
    return bool(getattr(metric, "asks_dest", False))


def is_counted(metric: Metric, prompt: Prompt) -> bool:
    """Whether a metric's statistics are taken from a prompt's images, where it needs them."""
    counts: Callable[[Prompt], bool] | None = getattr(metric, "counts", None)
    return counts is None or bool(counts(prompt))


def reference_of(metric: Metric, prompt: Prompt) -> int | None:
    """The place of the one reference image of a prompt; None where there is no such."""
    found: Callable[[Prompt], int | None] | None = getattr(metric, "reference_of", None)
    return None if found is None else found(prompt)


def reference_names(metric: Metric) -> tuple[str, ...]:
    """The sides of images from elsewhere that a metric reads, each once."""
    sides = dict.fromkeys(side for need in metric.needs for side in need.sides if side.startswith(REFERENCE))
    return tuple(side.removeprefix(REFERENCE) for side in sides)


def check_inputs(value: object, where: str) -> None:
    """Refuse an unknown value of a measure's `inputs`.

    Raises:
        SpecError: as it says.
    """
    if value not in get_args(Inputs):
        raise SpecError(f"{where}: inputs {value!r:.80} must be one of {', '.join(get_args(Inputs))}")
