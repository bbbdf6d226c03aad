"""What is drawn: a text, a seed, and what the picture is looked at for."""

from dataclasses import dataclass
from typing import Literal, get_args

from iceb.base.errors import SpecError

Role = Literal["train", "source", "dest", "alias", "holdout", "caption"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One picture to draw before and after the edit.

    `group` and `group_index` exist for drawing as the published numbers were drawn (`Sampling.noise = "upstream"`):
    pictures of one group take their noise from one generator, seeded by `seed`, as its `group_index`-th slice.
    With the default noise they are ignored.
    """

    text: str
    seed: int  # the picture's own seed, never shared by a batch
    role: Role
    request: str | None = None  # EditRequest.id; None for holdout and caption
    label: int | None = None  # the class it shows in the unedited model
    target: int | None = None  # the class it should show after the edit
    group: str | None = None  # None: the picture has its own generator whatever the noise
    group_index: int = 0
    group_seed: int | None = None  # the shared generator's seed; None: `seed`

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise SpecError(f"prompt role {self.role!r}: must be one of {', '.join(ROLES)}")
        if self.seed < 0:
            raise SpecError(f"prompt {self.text!r}: seed {self.seed} must not be negative")
        if self.group_index < 0:
            raise SpecError(f"prompt {self.text!r}: group_index {self.group_index} must not be negative")
