"""What is drawn: a text, a seed, and what the image is looked at for."""

import re
from dataclasses import dataclass

from iceb.base.errors import SpecError

ROLE = re.compile(r"[a-z][a-z0-9_]{0,63}")
MOST_DRAWN = 4096  # images of one generator; more is a mistake


@dataclass(frozen=True, slots=True)
class NoiseDraw:
    """Where an image's initial noise comes from: one slot of one of a generator's calls.

    A generator is seeded with `seed` and asked for noise in calls of `calls` images each; the image's noise is the
    `slot`-th of the last call. This covers every published way of drawing: a generator of one's own is `NoiseDraw(7)`;
    the second of three images that share one is `NoiseDraw(7, (3,), 1)`; calls of 1, 3, 2, 3 and 2 images on one
    seed end with `NoiseDraw(7, (1, 3, 2, 3, 2), 0)`; sequential calls without a generator after a global seed are
    `NoiseDraw(7, (1, 1, 1), 0)`, and so on.

    Attributes:
        seed: of the generator, not negative.
        calls: sizes of the calls up to and including the image's own.
        slot: the image's place in the last call.
    """

    seed: int
    calls: tuple[int, ...] = (1,)
    slot: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise SpecError(f"noise draw seed {self.seed}: must be 0 to 2^63 - 1")
        if not self.calls or min(self.calls) < 1 or sum(self.calls) > MOST_DRAWN:
            raise SpecError(f"noise draw calls {self.calls}: must be sizes of at least 1, {MOST_DRAWN} images in all")
        if not 0 <= self.slot < self.calls[-1]:
            raise SpecError(f"noise draw slot {self.slot}: the last call has the slots 0 to {self.calls[-1] - 1}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One image to draw before and after the edit.

    Attributes:
        text: what the model reads.
        seed: the image's own seed, never shared by a batch.
        role: what the image is looked at for; the task declares which roles there are.
        request: id of the edit request it tests; None where no request is meant.
        label: the class it shows in the unedited model, where there are classes.
        target: the class it should show after the edit, likewise.
        concept: the cluster of images that are not independent; None: the request, else the class, else the text.
        choices: texts that the image is compared with, for measures that read image and text.
        answer: the place in `choices` of the one it should match after the edit.
        replicate: which repetition of the same prompt this is.
        tags: what sets prompts of one role apart, for metrics that read some of them.
        noise: the published way to draw it, used with `Sampling.noise = "upstream"`; None: a generator of its own.
    """

    text: str
    seed: int
    role: str
    request: str | None = None
    label: int | None = None
    target: int | None = None
    concept: str | None = None
    choices: tuple[str, ...] = ()
    answer: int | None = None
    replicate: int = 0
    tags: tuple[str, ...] = ()
    noise: NoiseDraw | None = None

    def __post_init__(self) -> None:
        check_role(self.role, f"prompt {self.text!r:.80}")
        if not 0 <= self.seed < 2**63:
            raise SpecError(f"prompt {self.text!r:.80}: seed {self.seed} must be 0 to 2^63 - 1")
        if self.replicate < 0:
            raise SpecError(f"prompt {self.text!r:.80}: replicate {self.replicate} must not be negative")
        if self.answer is not None and not 0 <= self.answer < len(self.choices):
            raise SpecError(
                f"prompt {self.text!r:.80}: answer {self.answer} is no place in its {len(self.choices)} choices"
            )

    @property
    def cluster(self) -> str:
        """The concept over which standard errors are taken: `concept`, else the request, the class, or the text."""
        if self.concept is not None:
            return self.concept
        if self.request is not None:
            return self.request
        return self.text if self.label is None else f"class {self.label}"


def check_role(role: object, where: str) -> None:
    """Refuse what is no role: a word of lower-case letters, digits and underscores.

    Raises:
        SpecError: as it says.
    """
    if not isinstance(role, str) or not ROLE.fullmatch(role):
        raise SpecError(f"{where}: role {role!r:.80} must be a word of a-z, 0-9 and _, at most 64 characters")
