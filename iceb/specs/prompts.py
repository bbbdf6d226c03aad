"""Prompts: a text, a seed, and what the drawn image is evaluated for."""

import re
from dataclasses import dataclass
from typing import TypeAlias

from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.specs.checks import check_int, check_name, check_text

ImageKey: TypeAlias = str  # 64 hex digits: the digest of everything that decides an image's bytes
ROLE = re.compile(r"[a-z][a-z0-9_]{0,63}")
LAST_SEED = 2**63 - 1
MOST_DRAWN = 4096  # images of one generator; more is a mistake


@dataclass(frozen=True, slots=True)
class NoiseDraw:
    """The origin of an image's initial noise: one slot of one of a generator's calls.

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
        check_int(self.seed, "noise draw seed", 0, LAST_SEED)
        for size in self.calls:
            check_int(size, "size of a noise draw's call", 1, MOST_DRAWN)
        if not self.calls or sum(self.calls) > MOST_DRAWN:
            raise SpecError(f"noise draw calls {quote(self.calls)}: must be 1 to {MOST_DRAWN} images in all")
        check_int(self.slot, "noise draw slot", 0, self.calls[-1] - 1)


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
        where = f"prompt {quote(self.text, 80)}"
        check_text(self.text, "prompt")
        check_role(self.role, where)
        check_int(self.seed, f"{where}: seed", 0, LAST_SEED)
        check_int(self.replicate, f"{where}: replicate", 0, LAST_SEED)
        if self.request is not None:
            check_name(self.request, f"{where}: request")
        if self.concept is not None:
            check_text(self.concept, f"{where}: concept")
        for name, texts in (("choice", self.choices), ("tag", self.tags)):
            for text in texts:
                check_text(text, f"{where}: {name}")
        for name, number in (("label", self.label), ("target", self.target)):
            if number is not None:
                check_int(number, f"{where}: {name}", 0, LAST_SEED)
        if self.answer is not None:
            check_int(
                self.answer, f"{where}: answer, a place in its {len(self.choices)} choices,", 0, len(self.choices) - 1
            )

    @property
    def cluster(self) -> str:
        """The concept for standard errors: `concept`, else the request, the class, or the text."""
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
        raise SpecError(f"{where}: role {quote(role, 80)} must be a word of a-z, 0-9 and _, at most 64 characters")
