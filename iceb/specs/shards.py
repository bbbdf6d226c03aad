"""A worker's share of a run: one of n parts, told apart by a stable hash of each prompt."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from iceb.base.digest import digest
from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.specs.prompts import ImageKey, Prompt

MOST = 100_000  # shares of one run
DIGITS = 12  # hex digits of a digest that decide
FORM = re.compile(r"(\d{1,9})/(\d{1,9})")
# The scheduler's index, first index, step and count; the names after the index may be missing.
SLURM = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT")
RANK = ("RANK", "WORLD_SIZE")


@dataclass(frozen=True, slots=True)
class Shard:
    """Share `index` of `count`, counted from 0.

    A prompt's share follows from its text and its seed, so its images before and after an edit are one worker's, who
    can measure them as a pair. Another count of shares moves work from one worker to another, and nothing else.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST or not 0 <= self.index < self.count:
            raise SpecError(
                f"`shard` {self.index}/{self.count}: must be i/n with n from 1 to {MOST} and i from 0 to n − 1"
            )

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """The share that a text names.

        Raises:
            SpecError: it names none.

        >>> Shard.parse("0/8")
        Shard(index=0, count=8)
        """
        found = FORM.fullmatch(text.strip())
        if found is None:
            raise SpecError(f"`shard` {quote(text, 80)}: must be i/n, as in 0/8 for the first of eight")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of_environment(cls, variables: Mapping[str, str]) -> "Shard | None":
        """The share that SLURM's job array, or RANK and WORLD_SIZE, name; None without either.

        Raises:
            SpecError: a variable holds no number, or the share is none of the count.

        >>> Shard.of_environment({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "4"})
        Shard(index=3, count=4)
        """
        task, first, step, count = SLURM
        if task in variables and count in variables:
            places = _number(variables, task) - _number(variables, first, 0)
            return cls(places // max(_number(variables, step, 1), 1), _number(variables, count))
        if all(name in variables for name in RANK):
            return cls(*(_number(variables, name) for name in RANK))
        return None

    def has(self, prompt: Prompt) -> bool:
        """Whether a prompt's images are of this share."""
        return self.count == 1 or self.has_key(digest([prompt.text, prompt.seed]))

    def has_key(self, key: ImageKey) -> bool:
        """Whether what has this digest is of this share."""
        return int(key[:DIGITS], 16) % self.count == self.index

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def _number(variables: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = variables.get(name)
    if text is None and default is not None:
        return default
    if text is None or not re.fullmatch(r"\d{1,9}", text):
        raise SpecError(
            f"{name} is {quote(text or '', 80)} in the environment: must be a whole number; or give `shard`"
        )
    return int(text)
